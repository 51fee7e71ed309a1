"""A source that is used again later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.desired import Cloud, GraphAnswer
from plans.problem import Problem
from plans.values import name
from provisioner.desired.clouds import endpoint
from provisioner.desired.credential import Login
from provisioner.desired.graph import GraphSource
from provisioner.manifest.model import ClientSecret, Credential, LiveTenant, Location, Method, Secret
from tests.emulators.graph import GraphEmulator
from tests.emulators.login import LoginEmulator, jwt

TENANT = "11111111-2222-3333-4444-555555555555"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
WHERE = Location(Path("provisioner.yaml"), 7)
CONTOSO = name("contoso.com")
FABRIKAM = name("fabrikam.com")

Renew = Callable[[str], GraphSource]


def told(source: GraphSource) -> GraphAnswer | Problem:
    ((_, result),) = source.answers([CONTOSO])
    return result


def test_new_facts_are_given_after_a_refresh_and_no_sooner(
    emulator: GraphEmulator, open_graph: Callable[..., GraphSource]
) -> None:
    emulator.hold("contoso.com")
    source = open_graph()
    before = told(source)
    emulator.hold("fabrikam.com")
    del emulator.resources["contoso.com"]
    assert source.domains() == (CONTOSO,)
    assert told(source) == before
    source.refresh(LATER)
    assert source.domains() == (FABRIKAM,)
    ((_, found),) = source.answers([FABRIKAM])
    assert isinstance(found, GraphAnswer)
    assert found.read_at == LATER
    gone = told(source)
    assert isinstance(gone, Problem)
    assert gone.headline == "contoso.com is no domain of tenant contoso"


@pytest.fixture
def renew(
    emulator: GraphEmulator,
    tls_login_service: LoginEmulator,
    credential_of: Callable[[Method], Credential],
    monkeypatch: pytest.MonkeyPatch,
) -> Renew:
    """Let the login service give another token, and Graph take no other; each call gives the same source."""
    monkeypatch.setenv("CLIENT_SECRET", "secret")
    credential = credential_of(ClientSecret("99999999-8888-7777-6666-555555555555", Secret(WHERE, env="CLIENT_SECRET")))
    tenant = LiveTenant("contoso", TENANT, credential, Cloud.GLOBAL, WHERE)
    login = Login(credential, TENANT, Cloud.GLOBAL, tls_login_service.url, label="contoso")
    source = GraphSource(tenant, endpoint(emulator.url, Cloud.GLOBAL), login, NOW)
    emulator.hold("contoso.com")

    def given(token: str) -> GraphSource:
        tls_login_service.token = emulator.token = jwt(tid=TENANT, uti=token)
        return source

    return given


def test_a_token_is_renewed_before_its_end(renew: Renew, tls_login_service: LoginEmulator, emulator: GraphEmulator) -> None:
    tls_login_service.lifetime = 299
    assert renew("first").domains() == (CONTOSO,)
    assert isinstance(told(renew("second")), GraphAnswer)
    source = renew("third")
    source.refresh(LATER)
    assert isinstance(told(source), GraphAnswer)
    assert len({seen.headers["authorization"] for seen in emulator.seen}) == 3


def test_a_token_is_kept_over_a_refresh_while_it_is_good(renew: Renew, tls_login_service: LoginEmulator) -> None:
    source = renew("first")
    assert isinstance(told(source), GraphAnswer)
    logins = len(tls_login_service.asked)
    source.refresh(LATER)
    assert isinstance(told(source), GraphAnswer)
    assert len(tls_login_service.asked) == logins


def test_a_token_that_was_not_taken_is_not_offered_again(renew: Renew) -> None:
    assert renew("first").domains() == (CONTOSO,)
    source = renew("second")
    source.refresh(LATER)
    refused = told(source)
    assert isinstance(refused, Problem)
    assert "does not take the token" in refused.headline
    assert isinstance(told(source), GraphAnswer)
