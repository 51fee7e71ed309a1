"""Reconciling where public DNS does not answer, or lies: then nothing is called right that a provider did not say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from plans.values import Key
from providers.conformance import Record
from provisioner.exits import Exit
from provisioner.reconciled import Place
from tests.emulators.dns import Fault
from tests.emulators.serving import POOL
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.fleet_estate import estate
from tests.provisioner.cli.test_each_provider import on_route53
from tests.provisioner.cli.test_served import CONTOSO, FABRIKAM, NEW, placed

HARMLESS = (Fault.FORGED_FIRST, Fault.TRUNCATED)
"""The right answer is told all the same: after forged ones, over TCP."""
LIES = (
    Fault.REFUSED,
    Fault.NO_AUTHORITY,
    Fault.GARBAGE,
    Fault.TRUNCATED_ALWAYS,
    Fault.OTHER_ID,
    Fault.OTHER_QUESTION,
    Fault.OTHER_RECORDS,
)


def stands(ran: Ran) -> dict[str, Place]:
    """Give where a reconcile left each subject."""
    events = [json.loads(line) for line in ran.out.splitlines()]
    return {one["subject"]: Place(one["place"]) for one in events if one["event"] == "subject"}


def requests(ran: Ran) -> dict[str, int]:
    """Give how often each operation was asked of the providers."""
    return dict(json.loads(ran.out.splitlines()[-1])["requests"])


def test_what_servers_lie_about_the_provider_decides(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers go on serving the right MX when it is gone at the provider: only a whole, true answer of theirs counts."""
    with placed(on_route53, monkeypatch, quickstart) as place:
        for zone in (CONTOSO, FABRIKAM):
            place.bench.put(zone, Key(zone, "MX"), [Record.of(zone, "MX", 3600, NEW[zone])])
        place.dns.hold_back(CONTOSO)
        place.bench.put(CONTOSO, Key(CONTOSO, "MX"), [])
        found: dict[Fault, tuple[int, Place, bool]] = {}
        for fault in (*HARMLESS, *LIES):
            for address in POOL:
                place.dns.world.fail(address, fault)
            ran = provisioner("reconcile", "--json")
            found[fault] = ran.code, stands(ran)["contoso.example"], bool(requests(ran))
        right, doubtful = (Exit.DONE, Place.IN_SYNC, False), (Exit.DONE, Place.APPROVAL, True)
        assert found == dict.fromkeys(HARMLESS, right) | dict.fromkeys(LIES, doubtful)


def test_where_servers_are_silent_for_a_third_of_the_names_their_provider_is_asked(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with estate(monkeypatch, tmp_path, tenants=6, domains=3) as fleet:
        silent = {domain for tenant in fleet.tenants for domain in tenant.domains[2:]} | {fleet.lacking[0]}
        fleet.dns.silent = lambda address, owner: owner in silent and address in fleet.dns.hosts_of(owner)
        first = provisioner("reconcile", "--json")
        assert first.code == Exit.DONE, first
        told = stands(first)
        assert Counter(told.values())[Place.IN_SYNC] == 12
        bare = {one.removesuffix(".") for one in fleet.lacking}
        assert {one for one, place in told.items() if place in {Place.CHANGED, Place.WAITING}} == bare
        assert told[fleet.lacking[0].removesuffix(".")] is Place.WAITING
        assert requests(first)["cloudflare:records.list"] >= 3
        written, calls = fleet.writes(), fleet.calls()
        assert 0 < written <= len(fleet.lacking)

        fleet.dns.silent = lambda _address, _owner: False
        again = provisioner("reconcile", "--json")
        assert again.code == Exit.DONE, again
        assert Counter(stands(again).values())[Place.APPROVAL] == 1
        assert [domain for domain in fleet.lacking if not fleet.right(domain)] == []
        assert fleet.writes() == len(fleet.lacking)

        before = fleet.calls()
        assert set(stands(provisioner("reconcile", "--json")).values()) == {Place.IN_SYNC, Place.APPROVAL}
        assert fleet.calls() - before < len(silent) < calls
