"""What Graph refuses, and who has to act on it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from plans.problem import Problem
from plans.values import name
from provisioner.desired.graph import GraphSource
from provisioner.desired.problems import ConsentMissing
from tests.emulators.graph import Fault, GraphEmulator
from tests.emulators.login import jwt

Opener = Callable[..., GraphSource]
TENANT = "11111111-2222-3333-4444-555555555555"
APP = "99999999-8888-7777-6666-555555555555"


def told(source: GraphSource) -> Problem:
    ((_, result),) = source.answers([name("contoso.com")])
    assert isinstance(result, Problem)
    return result


def refused_with(code: str, headers: dict[str, str] | None = None) -> Fault:
    return Fault(403, headers or {}, json.dumps({"error": {"code": code, "message": "No."}}).encode())


def test_a_tenant_without_consent_is_a_problem_of_its_own_kind(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.fail("/domains", refused_with("Authorization_RequestDenied"))
    found = dict(open_graph().answers([name("contoso.com"), name("fabrikam.com")]))
    assert len(found) == 2
    for problem in found.values():
        assert isinstance(problem, ConsentMissing)
        assert problem.tenant == "contoso"
        assert problem.url == f"https://login.microsoftonline.com/{TENANT}/adminconsent?client_id={APP}"
        assert problem.mend.endswith(problem.url)


@pytest.mark.parametrize(
    ("code", "headers", "headline", "mend"),
    [
        ("x", {"WWW-Authenticate": 'Bearer error="insufficient_claims"'}, "Conditional Access stands", "policies"),
        ("insufficient_claims", {}, "Conditional Access stands", "policies"),
        ("Authorization_IdentityDisabled", {}, "The application may not read", "Domain.Read.All there, and that no policy"),
    ],
)
def test_other_reasons_for_which_graph_forbids_are_told_apart(
    emulator: GraphEmulator, open_graph: Opener, code: str, headers: dict[str, str], headline: str, mend: str
) -> None:
    emulator.fail("/domains", refused_with(code, headers))
    problem = told(open_graph())
    assert not isinstance(problem, ConsentMissing)
    assert headline in problem.headline
    assert mend in problem.mend
    assert f"status 403, {code}: No." in problem.detail


def test_a_person_without_the_role_is_not_sent_to_the_page_of_consent(
    emulator: GraphEmulator, open_graph: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.token = jwt(tid=TENANT, scp="User.Read")
    monkeypatch.setenv("GRAPH_TOKEN", emulator.token)
    emulator.fail("/domains", refused_with("Authorization_RequestDenied"))
    problem = told(open_graph())
    assert not isinstance(problem, ConsentMissing)
    assert problem.headline == "The person who logged in may not read the domains of tenant contoso"
    assert "Global Reader or Domain Name Administrator" in problem.mend


@pytest.mark.parametrize(
    ("headers", "waits", "words"),
    [({"Retry-After": "300"}, 0, "left alone for 300 s."), ({}, 8, "does not say for how long.")],
)
def test_a_service_that_keeps_throttling_is_told_with_the_wait_it_asks_for(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float], headers: dict[str, str], waits: int, words: str
) -> None:
    emulator.fail("/domains", *[Fault(429, headers)] * 9)
    problem = told(open_graph(patience=299 if headers else 600))
    assert problem.headline == "Microsoft Graph is throttling tenant contoso"
    assert words in problem.detail
    assert len(pauses) == waits
