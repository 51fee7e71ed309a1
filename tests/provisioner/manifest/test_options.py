"""An adapter's own options are checked by its own model, and told in the manifest's words."""

from collections.abc import Callable

import pytest

from provisioner.manifest.model import Manifest


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("server: 5", "server: expected text, found a number. Write `server: …`."),
        ("port: ssh", "port: expected a whole number, found text. Write `port: …`."),
        ("port: 5.5", "port: expected a whole number, found a number. Write `port: …`."),
        ("port: 0", "port: must be more than 0. Write `port: …`."),
        ("port: 65536", "port: must be at most 65535. Write `port: …`."),
        ("limit: {rate: 0}", "limit.rate: must be at least 1. Write `rate: …`."),
        ("limit: {rate: 1000}", "limit.rate: must be less than 1000. Write `rate: …`."),
        ("limit: {rat: 1}", "limit.rat: unknown key, did you mean 'rate'? Keys are rate."),
        ("limit: 5", "limit: expected a mapping, found a number. Write `limit: …`."),
        ("limits: {a: {rate: one}}", "limits.a.rate: expected a whole number, found text. Write `rate: …`."),
        ("limits: {a: {rat: 1}}", "limits.a.rat: unknown key, did you mean 'rate'? Keys are rate."),
        ("limits: []", "limits: expected a mapping, found a list. Write `limits: …`."),
        ("ratio: half", "ratio: expected a number, found text. Write `ratio: …`."),
        ("ratio: 2", "ratio: is a share of one. Write `ratio: …`."),
        ("tries: a", "tries: expected a list, found text. Write `tries: …`."),
        ("tries: [a]", "tries: list should have at least 2 items after validation, not 1. Write `tries: …`."),
        ("tries: [a, 5]", "tries[1]: expected text, found a number. Write `tries: …`."),
        ("secure: yes", "secure: expected true or false, found text. Write `secure: …`."),
        ("mode: utp", "mode: expected 'tcp' or 'udp', found 'utp', did you mean 'udp'? Write `mode: …`."),
        ("mode: true", "mode: expected 'tcp' or 'udp', found true or false. Write `mode: …`."),
        ("account: A1", "account: does not have the form that this takes. Write `account: …`."),
        ("zone_id: a", "zone_id: unknown key, did you mean 'zone-id'?"),
        ("zone-id: {}", "zone-id: expected text, found a mapping. Write `zone-id: …`."),
        ("account:", "account: has no value. Give it one, or remove the key."),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_its_key(option: str, told: str, mistakes: Callable[..., list[str]]) -> None:
    (mistake,) = mistakes(f"version: 1\nproviders:\n  p:\n    type: many\n    {option}\n")

    assert mistake.startswith(f"provisioner.yaml:5  providers.p.{told}")


def test_options_of_every_kind_are_accepted(read: Callable[..., Manifest]) -> None:
    manifest = read(
        "version: 1\nproviders:\n  p: {type: many, server: a/b, port: 5, ratio: 1, tries: [a, b], secure: false, mode: udp, "
        "limit: {rate: 5}, limits: {a: {}}, account: abc, zone-id: y}\n"
    )

    options = manifest.providers["p"].options.model_dump(mode="json", by_alias=True)
    assert options == {
        "type": "many",
        "propagation": "PT5M",
        "max_zone_ttl": None,
        "server": "a/b",
        "port": 5,
        "ratio": 1.0,
        "tries": ["a", "b"],
        "secure": False,
        "mode": "udp",
        "limit": {"rate": 5},
        "limits": {"a": {"rate": 1}},
        "account": "abc",
        "zone-id": "y",
    }


def test_an_adapter_that_cannot_be_loaded_is_a_mistake_of_its_provider(mistakes: Callable[..., list[str]]) -> None:
    text = (
        "version: 1\nproviders:\n  p: {type: broken}\n"
        "tenants: {t: {export: a}}\ndomains: {a.example: {tenant: t, provider: p}}\n"
    )

    assert mistakes(text) == [
        "provisioner.yaml:3  providers.p: the adapter 'broken' cannot be used: it does not import. Install it again."
    ]
