"""What somebody changes behind our back, at every provider: `drift` tells it, `reconcile` mends what policy lets it mend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plans.values import Key, Name, name
from providers.conformance import Bench, Record
from provisioner.exits import Exit
from tests.providers.benches import ZoneFileBench
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.test_each_provider import SEEDED, Opened, on_azure, on_cloudflare, on_rfc2136, on_route53
from tests.provisioner.cli.test_served import CONTOSO, FABRIKAM, NEW, placed

OLDER = "5 fabrikam-example.mail.eo.outlook.com."
"""What somebody puts back at fabrikam.example: a host that was Microsoft's before."""


@contextmanager
def account(opened: Opened | None, environment: pytest.MonkeyPatch, folder: Path) -> Iterator[Bench]:
    """Give an account with the seeded zones, in public DNS where its provider publishes them; None: files."""
    if opened is None:
        bench = ZoneFileBench(folder / "zones")
        bench.open(SEEDED)
        yield bench
        return
    with placed(opened, environment, folder) as place:
        yield place.bench


def mx(bench: Bench, zone: Name) -> list[str]:
    return [one.value for one in bench.records(zone) if (one.owner, one.type) == (zone, "MX")]


def drifts(provisioner: Provisioner) -> list[Any]:
    """Give what a program is told."""
    ran = provisioner("drift", "--json")
    document = json.loads(ran.out)
    assert (ran.code, document["unread"]) == (Exit.PENDING if document["drifts"] else Exit.DONE, [])
    return list(document["drifts"])


@pytest.mark.parametrize("opened", [on_route53, on_cloudflare, on_azure, on_rfc2136, None])
def test_a_change_by_hand_is_told_until_it_is_mended_and_mended_alone_only_as_policy_says(
    provisioner: Provisioner, quickstart: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened | None
) -> None:
    with account(opened, monkeypatch, quickstart) as bench:
        assert provisioner("apply", "--auto-approve").code == Exit.DONE
        assert drifts(provisioner) == []

        bench.put(CONTOSO, Key(CONTOSO, "MX"), [])
        bench.put(FABRIKAM, Key(FABRIKAM, "MX"), [Record.of(FABRIKAM, "MX", 600, OLDER)])
        bench.put(FABRIKAM, Key(name(f"www.{FABRIKAM}"), "A"), [Record.of(f"www.{FABRIKAM}", "A", 60, "192.0.2.9")])
        found = drifts(provisioner)
        assert sorted((one["key"], one["wrote"].split(" (")[0], one["now"].split(" (")[0]) for one in found) == [
            ("contoso.example. MX", NEW[CONTOSO], "no set"),
            ("fabrikam.example. MX", NEW[FABRIKAM], OLDER),
        ]

        for_person = provisioner("drift")
        assert (for_person.code, for_person.out.splitlines()[-1]) == (Exit.PENDING, "2 changed behind our back.")
        assert [for_person.out.count(f"{one['key']}  in ") for one in found] == [1, 1]
        assert "2 approval; 0 written." in provisioner("reconcile").out
        with (quickstart / "provisioner.yaml").open("a") as manifest:
            manifest.write("policy: {unattended: [create-mx]}\n")
        ran = provisioner("reconcile", "--detailed-exitcode")
        assert (ran.code, "1 approval, 1 changed; 1 written." in ran.out) == (Exit.PENDING, True), ran
        assert (mx(bench, CONTOSO), mx(bench, FABRIKAM)) == ([NEW[CONTOSO]], [OLDER])
        assert [one["key"] for one in drifts(provisioner)] == ["fabrikam.example. MX"]

        approved = provisioner("apply", ".provisioner/pending.jsonl", "--auto-approve")
        assert (approved.code, "1 done; 1 written." in approved.out) == (Exit.DONE, True), approved
        assert drifts(provisioner) == []
        assert (mx(bench, CONTOSO), mx(bench, FABRIKAM)) == ([NEW[CONTOSO]], [NEW[FABRIKAM]])
        assert provisioner("reconcile").out == ""
