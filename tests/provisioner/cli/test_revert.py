"""Going back on the command line; and the names that are asked for before a removal, and in an emergency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.codec import encode
from plans.conditions import ProviderHolds
from plans.desired import Source, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Header, Rollout, SetSigning, Step
from plans.policy import Risk
from plans.values import Ds, Key, ZoneRef, name, rrset
from provisioner.exits import Exit
from provisioner.fleet import Fleet
from provisioner.manifest import load
from provisioner.planfile import PlanFile
from tests.provisioner.cli import estate, scripted
from tests.provisioner.cli.conftest import Provisioner
from tests.provisioner.cli.terminal import terminal

CONTOSO, FABRIKAM = name("contoso.example"), name("fabrikam.example")
DS = Ds(4711, 13, 2, "ab" * 32)
OLD = "- 0 contoso-example.o-v1.mx.microsoft."
NEW = "+ 0 contoso-example.mail.protection.outlook.com."


def applied(provisioner: Provisioner) -> str:
    """Apply the plan of the quickstart, and give its id."""
    provisioner("plan", "--out", "plan.jsonl")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    with PlanFile.read(Path("plan.jsonl")) as plan:
        return plan.id


def test_a_run_a_plan_and_a_time_give_a_plan_of_the_way_back(provisioner: Provisioner, quickstart: Path) -> None:
    before = {path: path.read_text() for path in (quickstart / "zones").iterdir()}
    plan_id = applied(provisioner)
    entries = provisioner("history").out
    for arguments in (
        ("1",),
        ("plan.jsonl",),
        (plan_id[:12],),
        (plan_id,),
        ("--domain", "*", "--to", "2026-01-01"),
    ):
        ran = provisioner("revert", *arguments, "--out", "back.jsonl")
        assert ran.code == Exit.DONE, ran.err
        assert OLD in ran.out
        assert NEW in ran.out
        assert "There stood at contoso.example. MX: 0 contoso-example.mail.protection.outlook.com." in ran.out
        assert "Next: provisioner apply back.jsonl" in ran.out
    assert provisioner("history").out == entries
    assert provisioner("apply", "back.jsonl", "--auto-approve").code == Exit.DONE
    for path, text in before.items():
        assert sorted(path.read_text().split()) == sorted(text.split()) or "SOA" in text
    assert NEW.replace("+", "-") in provisioner("plan").out


def test_one_domain_of_a_plan_goes_back_alone(provisioner: Provisioner, quickstart: Path) -> None:
    applied(provisioner)
    ran = provisioner("revert", "plan.jsonl", "--domain", "contoso.*")
    assert ran.code == Exit.DONE
    assert "fabrikam" not in ran.out
    assert "This plan is partial" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), Exit.USAGE, "Name a run or a plan"),
        (("1", "--to", "2026-01-01"), Exit.USAGE, "Name a run or a plan"),
        (("--to", "2026-01-01"), Exit.USAGE, "Name a run or a plan"),
        (("nonsense",), Exit.USAGE, "is no run and no plan"),
        (("99",), Exit.ERROR, "There is no run 99"),
        (("0123456789ab",), Exit.ERROR, "No plan is known that begins so"),
        (("1", "--domain", "wingtip.*"), Exit.ERROR, "There is nothing to revert"),
        (("--domain", "*", "--to", "2100-01-01"), Exit.ERROR, "There is nothing to revert"),
        (("--now", "contoso.example"), Exit.USAGE, "An emergency has a reason"),
        (("--now", "contoso.example", "--out", "x", "--reason", "x"), Exit.USAGE, "goes alone"),
        (("--now", "..", "--reason", "x"), Exit.USAGE, "is no domain name"),
        (("--now", "contoso.example", "--reason", "x"), Exit.REFUSED, "No rollout of contoso.example is open"),
    ],
)
def test_what_cannot_be_taken_back_says_why(
    provisioner: Provisioner, quickstart: Path, arguments: tuple[str, ...], code: Exit, told: str
) -> None:
    applied(provisioner)
    ran = provisioner("revert", *arguments)
    assert ran.code == code
    assert told in ran.err


def test_where_nothing_was_ever_written_there_is_no_way_back(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("revert", "1")
    assert ran.code == Exit.ERROR
    assert "There is no state yet" in ran.err
    assert not Path(".provisioner").exists()


def dangerous(path: Path) -> None:
    """Save a plan that removes the DS of one zone and the signatures of another."""
    at = datetime.now(UTC).replace(microsecond=0)
    zones = Fleet(load(Path("provisioner.yaml")), lambda: at).zones("files", [CONTOSO, FABRIKAM])
    entries = []
    for apex, risk in ((CONTOSO, Risk.REMOVE_DS), (FABRIKAM, Risk.UNSIGN)):
        zone, subject = zones[apex], Subject(apex, SubjectKind.ZONE)
        assert isinstance(zone, ZoneRef)
        action = Change(rrset(apex, "DS", 3600, [DS]), None) if risk is Risk.REMOVE_DS else SetSigning(signed=False)
        done_when = (ProviderHolds(zone, Key(apex, "DS"), None if risk is Risk.REMOVE_DS else rrset(apex, "DS", 1, [DS])),)
        entries.append(Entry(subject, "contoso", rollout=Rollout(subject, (Step(risk, action, zone, (), done_when),))))
    header = Header(at, at + timedelta(hours=24), Filters(), (Source("contoso", "graph.json"),))
    path.write_bytes(b"".join(encode(header, entries)))


def test_removals_are_asked_for_by_the_zones_names(provisioner: Provisioner, quickstart: Path) -> None:
    dangerous(Path("plan.jsonl"))
    ran = provisioner("apply", "plan.jsonl", "--auto-approve", "--confirm", "Contoso.Example.")
    assert ran.code == Exit.UNAPPROVED
    assert "Nobody named fabrikam.example" in ran.err
    assert "provisioner apply plan.jsonl --confirm fabrikam.example" in ran.err
    assert provisioner("apply", "plan.jsonl", "--auto-approve", "--confirm", "..").code == Exit.USAGE
    assert not Path(".provisioner").exists()
    names = ("--confirm", "contoso.example", "--confirm", "fabrikam.example")
    assert provisioner("apply", "plan.jsonl", "--auto-approve", *names).code != Exit.UNAPPROVED
    assert Path(".provisioner").exists()
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.UNAPPROVED


def test_at_a_terminal_the_name_is_typed(quickstart: Path) -> None:
    dangerous(Path("plan.jsonl"))
    with terminal(["apply", "plan.jsonl"]) as here:
        here.await_text("approval: ")
        here.type("yes\ncontoso.example\ncontoso.example\n")
        assert here.end() == Exit.UNAPPROVED
    assert "fabrikam.example: its DS or its signatures are removed. Type its name to go on:" in here.shown
    assert "The answer was 'contoso.example', not fabrikam.example" in here.shown
    assert not Path(".provisioner").exists()


def test_now_is_asked_for_by_name_and_ends_the_rollout(
    provisioner: Provisioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (domain,) = estate.names(1)
    bare = domain.rstrip(".")
    estate.settle_in_files(tmp_path, "zonefile", [domain], "")
    scripted.save(tmp_path / "plan.jsonl", [domain], wait=3600)
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.WAITING
    emergency = ("revert", "--now", bare, "--reason", "it bounces")
    ran = provisioner(*emergency)
    assert (ran.code, f"Nobody named {bare}" in ran.err) == (Exit.UNAPPROVED, True)
    assert bare in provisioner("status").out
    ran = provisioner(*emergency, "--confirm", bare)
    assert (ran.code, ran.out) == (Exit.DONE, f"{bare}: nothing had to be written; its rollout is closed.\n")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.STALE
    assert provisioner(*emergency, "--confirm", bare, "--json").code == Exit.REFUSED
