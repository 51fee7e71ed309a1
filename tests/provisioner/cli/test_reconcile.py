"""`reconcile` and `drift`, as a schedule and a person use them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from plans.values import ZoneRef, name
from provisioner.cli.clock import now
from provisioner.exits import Exit
from provisioner.manifest import load
from provisioner.reconciled import Place
from provisioner.report.events import schema
from provisioner.state import State
from tests.emulators import http
from tests.provisioner.cli.conftest import Provisioner, Ran, without_journal
from tests.provisioner.test_webhook import SECRET, Receiver

PENDING = Path(".provisioner/pending.jsonl")
SCHEDULE = ZoneRef("", "schedule", "", "[]", name("reconcile"))
"""What a reconcile of all domains holds while it runs."""
ALONE = "policy: {unattended: [create-mx, add-mx]}\n"


@pytest.fixture
def right(quickstart: Path, provisioner: Provisioner) -> Path:
    """A quickstart that was applied."""
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    return quickstart


def events(out: str) -> list[dict[str, object]]:
    """Give the events of a run, each as its schema says."""
    told = [json.loads(line) for line in out.splitlines()]
    for event in told:
        jsonschema.validate(event, schema())
    return told


def test_what_needs_a_person_is_left_as_a_plan_which_the_next_run_leaves_alone(
    quickstart: Path, provisioner: Provisioner
) -> None:
    first = provisioner("reconcile")
    assert first.code == Exit.DONE
    assert first.out.startswith("approval  2 subjects (replace-mx): contoso.example, fabrikam.example\n")
    assert first.out.endswith("2 need a person. 2 subjects: 2 approval; 0 written.\n")
    plan = PENDING.read_bytes()
    assert provisioner("show", str(PENDING)).code == Exit.DONE
    assert provisioner("reconcile", "--detailed-exitcode").code == Exit.PENDING
    assert PENDING.read_bytes() == plan
    assert provisioner("apply", str(PENDING), "--auto-approve").code == Exit.DONE
    assert provisioner("reconcile", "--detailed-exitcode").code == Exit.DONE
    assert not PENDING.exists()


def test_it_is_quiet_when_nothing_needs_anybody(right: Path, provisioner: Provisioner) -> None:
    assert provisioner("reconcile") == Ran(Exit.DONE, "", "")


def test_what_policy_allows_is_done_alone(right: Path, provisioner: Provisioner) -> None:
    manifest = right / "provisioner.yaml"
    manifest.write_text(manifest.read_text() + ALONE)
    zone = right / "zones" / "contoso.example.zone"
    held = [line for line in zone.read_text().splitlines(keepends=True) if "mx.microsoft" not in line]
    zone.write_text("".join(line for line in held if not {"A", "AAAA"}.intersection(line.split())))
    ran = provisioner("reconcile")
    assert ran.code == Exit.DONE, ran
    assert "changed  1 subject: contoso.example\n" in ran.out
    assert "mx.microsoft" in zone.read_text()
    assert without_journal(ran.err) == ""


def test_events_fit_their_schema_and_add_up(quickstart: Path, provisioner: Provisioner) -> None:
    told = events(provisioner("reconcile", "--json").out)
    assert [event["event"] for event in told] == ["subject", "subject", "pending", "summary"]
    assert {event["place"] for event in told[:2]} == {Place.APPROVAL}
    assert told[2]["subjects"] == 2
    assert told[-1]["subjects"] == 2
    assert provisioner("schema", "events").code == Exit.DONE


def test_a_broken_tenant_is_told_and_the_others_go_on(right: Path, provisioner: Provisioner) -> None:
    manifest = right / "provisioner.yaml"
    manifest.write_text(
        manifest.read_text().replace("tenants:\n", "tenants:\n  broken: {export: nowhere.json, domains: all}\n")
    )
    ran = provisioner("reconcile")
    assert ran.code == Exit.ERROR, ran
    assert "failed  1 subject (tenant-unreadable): broken\n" in ran.out
    assert "2 in-sync" in ran.out


def test_numbers_are_left_for_prometheus(right: Path, provisioner: Provisioner) -> None:
    assert provisioner("reconcile", "--metrics", "provisioner.prom").code == Exit.DONE
    found = {family.name: family for family in text_string_to_metric_families(Path("provisioner.prom").read_text())}
    in_sync = [one.value for one in found["provisioner_subjects"].samples if one.labels["place"] == Place.IN_SYNC]
    assert in_sync == [2]
    assert [one.value for one in found["provisioner_run_exit_code"].samples] == [Exit.DONE]
    assert found["provisioner_success_timestamp_seconds"].samples


def test_a_run_that_another_one_holds_up_leaves_its_numbers_alone(right: Path, provisioner: Provisioner) -> None:
    assert provisioner("reconcile", "--metrics", "provisioner.prom").code == Exit.DONE
    before = Path("provisioner.prom").read_bytes()
    with State.open(load(Path("provisioner.yaml")).state, now) as state:
        state.acquire(state.begin_run("reconcile", "0"), [SCHEDULE], "reconcile")
    assert provisioner("reconcile", "--metrics", "provisioner.prom").code == Exit.LOCKED
    assert Path("provisioner.prom").read_bytes() == before


def test_a_change_behind_our_back_is_drift_until_it_is_ours_again(right: Path, provisioner: Provisioner) -> None:
    assert provisioner("drift").code == Exit.DONE
    zone = right / "zones" / "contoso.example.zone"
    before = zone.read_text()
    zone.write_text(before.replace("contoso-example.o-v1.mx.microsoft.", "contoso-example.mail.protection.outlook.com."))
    ran = provisioner("drift")
    assert ran.code == Exit.PENDING, ran
    assert ran.out.count("contoso.example. MX") == 1
    assert "it is now   0 contoso-example.mail.protection.outlook.com. (TTL 3600)" in ran.out
    (drift,) = json.loads(provisioner("drift", "--json").out)["drifts"]
    assert (drift["subject"], drift["key"]) == ("contoso.example", "contoso.example. MX")
    assert provisioner("drift", "--domain", "fabrikam.example").code == Exit.DONE
    zone.unlink()
    gone = provisioner("drift", "--json")
    assert gone.code == Exit.ERROR
    assert len(json.loads(gone.out)["unread"]) == 1
    zone.write_text(before)
    assert provisioner("drift").code == Exit.DONE


def test_nothing_drifts_where_nothing_was_written(quickstart: Path, provisioner: Provisioner) -> None:
    assert provisioner("drift") == Ran(Exit.DONE, "Nothing was changed behind our back.\n", "")


def test_a_plan_that_waits_and_was_damaged_is_made_anew(quickstart: Path, provisioner: Provisioner) -> None:
    provisioner("reconcile")
    PENDING.write_bytes(PENDING.read_bytes()[:-9])
    ran = provisioner("reconcile")
    assert ran.code == Exit.DONE
    assert "The plan file is damaged" in ran.err
    assert provisioner("show", str(PENDING)).code == Exit.DONE


def test_the_webhook_is_told_when_something_needs_somebody_and_only_then(
    quickstart: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text() + "webhook: {url: {env: HOOK}, template: hook.json}\n")
    (quickstart / "hook.json").write_text('{"title": $manifest, "needs": $needs, "text": $summary}')
    with http.running(Receiver()) as receiver:
        monkeypatch.setenv("HOOK", f"{receiver.url}/{SECRET}")
        ran = provisioner("reconcile")
        assert (ran.code, SECRET in ran.out + ran.err) == (Exit.DONE, False)
        (request,) = receiver.got
        told = json.loads(request.body)
        assert (told["title"], told["needs"]) == ("provisioner.yaml", 2)
        assert told["text"] == ran.out.rstrip("\n")
        receiver.answer = http.Response(500, b"")
        failed = provisioner("reconcile")
        assert (failed.code, "The webhook was not taken" in failed.err) == (Exit.ERROR, True)
        provisioner("apply", "--auto-approve")
        assert provisioner("reconcile").code == Exit.DONE
        assert len(receiver.got) == 2


def test_only_what_a_provider_holds(quickstart: Path, provisioner: Provisioner) -> None:
    assert "2 approval" in provisioner("reconcile", "--provider", "files").out
    unknown = provisioner("reconcile", "--provider", "elsewhere")
    assert (unknown.code, "The manifest names no provider elsewhere" in unknown.err) == (Exit.USAGE, True)


@pytest.mark.parametrize("option", ["--out", "--metrics"])
def test_a_file_that_cannot_be_written_is_told_with_its_option(quickstart: Path, provisioner: Provisioner, option: str) -> None:
    (quickstart / "taken").write_text("")
    ran = provisioner("reconcile", option, "taken/file")
    assert ran.code == Exit.ERROR
    assert "The file taken/file cannot be written" in ran.err
    assert f"Name a file in a folder that you may write to:  {option} FILE" in ran.err
