"""How little is touched when something is wrong, as a user sees it: waves, failures, ceilings, freezes, acknowledgements."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli import lying
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.estate import names, settle_in_files, writes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which `type: lying` is known."""
    monkeypatch.syspath_prepend(lying.install(tmp_path))
    monkeypatch.chdir(tmp_path)
    lying.TAKEN.clear()
    return tmp_path


def standings(ran: Ran) -> dict[str, int]:
    """Give how many subjects an `apply --json` left where."""
    found: dict[str, int] = {}
    for line in ran.out.splitlines():
        standing = json.loads(line)["standing"]
        found[standing] = found.get(standing, 0) + 1
    return found


def policy_line(folder: Path) -> int:
    """Give in which line of the manifest the policy begins."""
    lines = (folder / "provisioner.yaml").read_text().splitlines()
    return lines.index(next(line for line in lines if line.startswith("policy:"))) + 1


def test_a_provider_that_takes_writes_and_serves_the_old_value_gets_three_of_five_hundred(
    provisioner: Provisioner, folder: Path
) -> None:
    settle_in_files(folder, "lying", names(500))
    ran = provisioner("apply", "--auto-approve", "--json")
    assert (ran.code, standings(ran)) == (Exit.PARTIAL, {"waiting": 3, "refused": 497})
    assert len(lying.TAKEN) == 3
    refused = next(told for told in map(json.loads, ran.out.splitlines()) if told["standing"] == "refused")
    assert "policy.waves, by default: 3 subjects do a step replace-mx first." in refused["problem"]["detail"]


def test_more_than_the_ceilings_let_is_told_by_plan_and_refused_by_apply(provisioner: Provisioner, folder: Path) -> None:
    settle_in_files(folder, "zonefile", names(10), "policy: {ceilings: {count: 4, share: 30%}}\n")
    where = f"policy.ceilings in provisioner.yaml:{policy_line(folder)}"
    beyond = (
        f"  {where}: the plan begins the steps of 10 of 10 subjects, and the count lets 4.\n"
        f"  {where}: the plan begins the steps of 10 of 10 subjects, and the share lets 30%.\n"
    )
    planned = provisioner("plan", "--out", "plan.jsonl")
    assert (planned.code, beyond in planned.err) == (Exit.DONE, True)
    for command in (("apply", "plan.jsonl", "--auto-approve"), ("apply", "--auto-approve")):
        ran = provisioner(*command)
        assert (ran.code, beyond in ran.err) == (Exit.REFUSED, True)
    assert not any(writes(folder, domain) for domain in names(10))
    assert provisioner("apply", "plan.jsonl").code == Exit.UNAPPROVED
    four = provisioner("apply", "--domain", "d[0-3].example", "--auto-approve")
    assert (four.code, "the share lets 30%" in four.err, "the count lets" in four.err) == (Exit.REFUSED, True, False)
    assert provisioner("apply", "--domain", "d[0-2].example", "--auto-approve").code == Exit.DONE
    assert sum(writes(folder, domain) for domain in names(10)) == 3


def test_what_has_begun_is_under_no_ceiling(provisioner: Provisioner, folder: Path) -> None:
    settle_in_files(folder, "lying", names(2))
    provisioner("plan", "--out", "plan.jsonl")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    with (folder / "provisioner.yaml").open("a") as manifest:
        manifest.write("policy: {ceilings: {count: 1}}\n")
    assert provisioner("apply", "plan.jsonl").code == Exit.WAITING
    assert "policy.ceilings" not in provisioner("plan").err


def test_in_a_freeze_nothing_is_written_and_plan_says_until_when(provisioner: Provisioner, folder: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    begins, ends = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now - timedelta(hours=1), now + timedelta(days=1)))
    settle_in_files(folder, "zonefile", names(1))
    manifest = folder / "provisioner.yaml"
    unfrozen = manifest.read_text()
    manifest.write_text(f"{unfrozen}policy:\n  freeze:\n    - {{from: {begins}, until: {ends}, reason: holidays}}\n")
    told = (
        f"policy.freeze in provisioner.yaml:{policy_line(folder) + 2} lets nothing be written before "
        f"{now + timedelta(days=1):%Y-%m-%d %H:%M:%SZ} (holidays)."
    )
    planned = provisioner("plan", "--out", "plan.jsonl")
    assert (planned.code, told in planned.err) == (Exit.DONE, True)
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert (ran.code, told in ran.err) == (Exit.REFUSED, True)
    assert writes(folder, names(1)[0]) == 0
    manifest.write_text(unfrozen)
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    manifest.write_text(f"{unfrozen}policy: {{freeze: [{{from: {begins}, until: {ends}}}]}}\n")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE


def acknowledge(folder: Path, text: str) -> None:
    manifest = folder / "provisioner.yaml"
    manifest.write_text(f"{manifest.read_text().partition('policy:')[0]}policy:\n  acknowledge:\n    {text}\n")


def test_what_somebody_acknowledged_counts_for_nothing_and_makes_nothing_happen(provisioner: Provisioner, folder: Path) -> None:
    one, other = names(2)
    settle_in_files(folder, "zonefile", [one, other])
    zone = folder / "zones" / f"{one}zone"
    zone.write_text(zone.read_text().replace("d0-example.mail.protection.outlook.com.", "mx.gateway.example."))
    before = zone.read_text()
    assert provisioner("plan", "--strict").code == Exit.REFUSED
    acknowledge(folder, "d0.example: {code: foreign-mx, reason: moves in March, until: 9999-01-01}")
    known = f"      known: provisioner.yaml:{policy_line(folder) + 2}, until 9999-01-01: moves in March\n"
    ran = provisioner("plan", "--strict", "--out", "plan.jsonl")
    assert (ran.code, known in ran.out, "Not planned: 1 acknowledged" in ran.out) == (Exit.DONE, True, True)
    assert "  - acknowledged blocked: foreign-mx\n" in ran.out
    ran = provisioner("apply", "plan.jsonl", "--auto-approve", "--json")
    assert (ran.code, standings(ran)) == (Exit.DONE, {"done": 1})
    assert zone.read_text() == before
    acknowledge(folder, "d0.example: [{code: foreign-mx, reason: was to move, until: 2026-01-01}]")
    assert provisioner("plan", "--strict").code == Exit.REFUSED


def test_an_acknowledgement_that_fits_nothing_is_told(provisioner: Provisioner, folder: Path) -> None:
    settle_in_files(folder, "zonefile", names(2))
    acknowledge(folder, "gone.example: {code: foreign-mx, reason: moves in March, until: 9999-01-01}")
    ran = provisioner("plan")
    where = f"provisioner.yaml:{policy_line(folder) + 2}"
    assert (ran.code, f"{where} acknowledges foreign-mx, and no such finding is about gone.example." in ran.out) == (0, True)
    assert "acknowledged-in-vain" not in provisioner("plan", "--domain", "d0.example").out
