"""Domains that are not verified yet, live from Graph: what they have to prove, and the way to their mail exchange."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.desired import Cloud, DomainFacts, GraphAnswer, VerificationText
from plans.problem import Problem
from plans.values import Name, name
from provisioner.desired.export import ExportSource
from provisioner.desired.graph import GraphSource
from provisioner.manifest.model import Location, SavedTenant
from tests.emulators.graph import Fault, GraphEmulator

Opener = Callable[..., GraphSource]
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CONTOSO = name("contoso.com")
FABRIKAM = name("fabrikam.com")
TEXT = "MS=ms48151623"


def path(domain: str) -> str:
    return f"/domains/{domain}/serviceConfigurationRecords"


def proof(domain: str) -> str:
    return f"/domains/{domain}/verificationDnsRecords"


def results(source: GraphSource, *domains: str) -> dict[Name, GraphAnswer | Problem]:
    return dict(source.answers([name(domain) for domain in domains]))


def answer(source: GraphSource) -> GraphAnswer:
    result = results(source, "contoso.com")[CONTOSO]
    assert isinstance(result, GraphAnswer)
    return result


def problem(source: GraphSource) -> Problem:
    result = results(source, "contoso.com")[CONTOSO]
    assert isinstance(result, Problem)
    return result


def facts(*services: str, verified: bool, status: str = "") -> DomainFacts:
    return DomainFacts(
        verified, is_initial=False, is_admin_managed=True, supported_services=services, availability_status=status
    )


def test_a_domain_is_walked_from_its_proof_to_its_mail_exchange(emulator: GraphEmulator, open_graph: Opener) -> None:
    source = open_graph()
    emulator.hold_unverified("contoso.com", TEXT)
    unproved = answer(source)
    assert unproved.facts == facts(verified=False)
    assert unproved.verification == (VerificationText(CONTOSO, TEXT, 3600),)
    assert (unproved.mail_exchanges, unproved.unknown) == ((), ())

    emulator.verify("contoso.com")
    source.refresh(NOW + timedelta(minutes=5))
    proved = answer(source)
    assert proved.facts == facts(verified=True, status="AvailableImmediately")
    assert (proved.verification, proved.mail_exchanges) == ((), ())

    emulator.enable_email("contoso.com")
    source.refresh(NOW + timedelta(minutes=10))
    ready = answer(source)
    assert ready.facts == facts("Email", verified=True, status="AvailableImmediately")
    assert [mail.exchange for mail in ready.mail_exchanges] == [name("contoso-com.mail.protection.outlook.com")]


def test_proofs_are_asked_for_in_the_same_batches(emulator: GraphEmulator, open_graph: Opener) -> None:
    verified = [f"d{number}.example" for number in range(10)]
    unverified = [f"u{number}.example" for number in range(10)]
    emulator.hold(*verified)
    for domain in unverified:
        emulator.hold_unverified(domain, f"MS={domain}")
    found = results(open_graph(), *verified, *unverified)
    assert [result.verification for result in found.values() if isinstance(result, GraphAnswer)] == [
        *[()] * 10,
        *[(VerificationText(name(domain), f"MS={domain}", 3600),) for domain in unverified],
    ]
    asked = [request["url"] for seen in emulator.seen[1:] for request in seen.body["requests"]]
    assert sorted(asked) == sorted([*map(path, verified), *map(path, unverified), *map(proof, unverified)])
    assert sorted(len(seen.body["requests"]) for seen in emulator.seen[1:]) == [10, 20]


def test_pages_of_proofs_are_followed(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold_unverified("contoso.com", TEXT)
    emulator.verification["contoso.com"].reverse()
    emulator.page_size, emulator.empty_pages = 1, True
    assert [one.text for one in answer(open_graph()).verification] == [TEXT]


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_an_unverified_domain_may_have_no_records_but_its_proof(
    emulator: GraphEmulator, open_graph: Opener, status: int
) -> None:
    emulator.hold_unverified("contoso.com", TEXT)
    emulator.fail(path("contoso.com"), Fault(status))
    found = answer(open_graph())
    assert [one.text for one in found.verification] == [TEXT]
    assert found.mail_exchanges == ()


@pytest.mark.parametrize(("status", "headline"), [(401, "take the token"), (429, "throttling"), (500, "out of order")])
def test_what_is_not_about_an_unverified_domain_is_a_failure(
    emulator: GraphEmulator, open_graph: Opener, status: int, headline: str
) -> None:
    emulator.hold_unverified("contoso.com", TEXT)
    emulator.fail(path("contoso.com"), *[Fault(status)] * 9)
    assert headline in problem(open_graph()).headline


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(404), "no domain of tenant"),
        (Fault(400), "refuses"),
        (Fault(403), "may not read"),
        (Fault(200, body=b"{}"), "unreadable"),
        (Fault(200, body=b'{"value": [{"recordType": "Txt", "label": "a.b", "ttl": 1, "text": "\\""}]}'), "unreadable"),
    ],
)
def test_a_proof_that_cannot_be_read_fails_its_domain_alone(
    emulator: GraphEmulator, open_graph: Opener, fault: Fault, words: str
) -> None:
    emulator.hold("fabrikam.com")
    emulator.hold_unverified("contoso.com", TEXT)
    emulator.fail(proof("contoso.com"), fault)
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    told = found[CONTOSO]
    assert isinstance(told, Problem)
    assert words in told.headline
    assert isinstance(found[FABRIKAM], GraphAnswer)


def test_a_domain_whose_questions_are_in_two_batches_needs_both(emulator: GraphEmulator, open_graph: Opener) -> None:
    domains = [f"d{number}.example" for number in range(19)]
    emulator.hold(*domains)
    emulator.hold_unverified("contoso.com", TEXT)
    emulator.fail("/$batch", Fault(403))
    found = results(open_graph(), *domains, "contoso.com")
    assert set(found) == {CONTOSO, *map(name, domains)}
    assert isinstance(found[CONTOSO], Problem), "whichever of the two batches failed"


@pytest.mark.parametrize("status", [None, 400])
def test_an_export_keeps_the_proofs_of_unverified_domains(
    emulator: GraphEmulator, open_graph: Opener, tmp_path: Path, status: int | None
) -> None:
    emulator.hold("fabrikam.com")
    emulator.hold_unverified("contoso.com", TEXT)
    if status:
        emulator.fail(path("contoso.com"), Fault(status))
    file = tmp_path / "contoso.json"
    source = open_graph()
    with file.open("wb") as out:
        assert source.export(out) == 2
    document = json.loads(file.read_bytes())
    proofs = [entry.get("verificationDnsRecords") for entry in document["domains"]]
    assert (document["version"], proofs) == (1, [emulator.verification["contoso.com"], None])
    saved = ExportSource(SavedTenant("contoso", file, Cloud.GLOBAL, Location(tmp_path / "provisioner.yaml", 7)), tmp_path)
    live = results(source, "contoso.com", "fabrikam.com")
    assert dict(saved.answers(live)) == {
        domain: dataclasses.replace(result, source=saved.source)
        for domain, result in live.items()
        if isinstance(result, GraphAnswer)
    }
