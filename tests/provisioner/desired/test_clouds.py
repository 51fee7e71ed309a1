"""Microsoft's clouds and the endpoint."""

from __future__ import annotations

import pytest
from msgraph_core import NationalClouds  # type: ignore[import-untyped] # the package has no type marker

from plans.desired import Cloud
from plans.microsoft import GRAPH_ROOTS
from plans.problem import Problem
from provisioner.desired.clouds import endpoint, scope


@pytest.mark.parametrize(
    ("cloud", "national"),
    [
        (Cloud.GLOBAL, NationalClouds.Global),
        (Cloud.USGOV, NationalClouds.US_GOV),
        (Cloud.USGOV_DOD, NationalClouds.US_DoD),
        (Cloud.CHINA, NationalClouds.China),
    ],
)
def test_the_roots_are_those_of_the_sdk(cloud: Cloud, national: NationalClouds) -> None:
    assert GRAPH_ROOTS[cloud] == national.value
    assert endpoint(None, cloud).base == f"{national.value}/v1.0"
    assert scope(cloud) == f"{national.value}/.default"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://graph.example", "https://graph.example/v1.0"),
        ("https://Graph.example:8443/", "https://Graph.example:8443/v1.0"),
        ("https://proxy.example/graph/", "https://proxy.example/graph/v1.0"),
        ("http://localhost:8080", "http://localhost:8080/v1.0"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1.0"),
        ("http://[::1]:8080", "http://[::1]:8080/v1.0"),
        ("http://127.0.0.2", "http://127.0.0.2/v1.0"),
    ],
)
def test_an_override_is_a_root(url: str, base: str) -> None:
    assert endpoint(url, Cloud.GLOBAL).base == base


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://graph.example", "is not https"),
        ("ftp://localhost", "is not https"),
        ("graph.example", "is not https"),
        ("https://", "names no host"),
        ("https://graph.example/v1.0", "version path"),
        ("https://graph.example/beta/", "version path"),
        ("https://graph.example?x=1", "more than"),
        ("https://graph.example#x", "more than"),
        ("https://user:hunter2@graph.example", "more than"),
        ("https://graph.example:port", "is no URL"),
        ("https://[::1", "is no URL"),
    ],
)
def test_an_override_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(Problem) as caught:
        endpoint(url, Cloud.GLOBAL)
    assert words in caught.value.detail
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("https://graph.example/v1.0/domains?$skiptoken=x", True),
        ("https://GRAPH.example:443/anything", True),
        ("https://graph.example:444/v1.0/domains", False),
        ("http://graph.example/v1.0/domains", False),
        ("https://graph.example.evil/v1.0/domains", False),
        ("https://graph.example@evil/v1.0/domains", False),
        ("https://user@graph.example/v1.0/domains", False),
        ("https://[/", False),
        ("", False),
    ],
)
def test_only_the_endpoints_own_urls_are_its_own(url: str, owned: bool) -> None:
    assert endpoint("https://graph.example", Cloud.GLOBAL).owns(url) is owned
