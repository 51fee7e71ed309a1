"""The same job with Microsoft Graph itself, through the real SDK, and with what Graph said in other forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators import graph
from tests.provisioner.cli.conftest import Provisioner

TOKEN = "opaque-token-of-a-test"


@pytest.fixture
def live(quickstart: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[graph.GraphEmulator]:
    """The quickstart, its tenant asked live: the emulator says what the saved answer does."""
    saved = json.loads((quickstart / "graph" / "contoso.json").read_text())
    emulator = graph.GraphEmulator(TOKEN)
    for one in saved["domains"]:
        emulator.resources[one["domain"]["id"]] = one["domain"]
        emulator.records[one["domain"]["id"]] = one["serviceConfigurationRecords"]
    with graph.running(emulator) as running:
        monkeypatch.setenv("GRAPH_TOKEN", TOKEN)
        manifest = quickstart / "provisioner.yaml"
        text = manifest.read_text().replace(
            "contoso: {export: graph/contoso.json}", "contoso: {id: contoso.onmicrosoft.com, credential: test}"
        )
        credentials = "credentials:\n  test: {type: token, token: {env: GRAPH_TOKEN}}\n"
        manifest.write_text(f"{text}\ngraph: {{endpoint: '{running.url}'}}\n{credentials}")
        yield running


def planned(provisioner: Provisioner) -> list[object]:
    """Plan, and give what is proposed and found, evidence and times aside."""
    ran = provisioner("plan", "--json")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    entries = json.loads(ran.out)["entries"]
    return [(entry["subject"], entry["rollout"]) for entry in entries]


def test_the_plan_from_graph_is_the_plan_from_the_saved_answer(
    provisioner: Provisioner, quickstart: Path, live: graph.GraphEmulator
) -> None:
    from_graph = planned(provisioner)
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(re.sub("contoso: {id.*}", "contoso: {export: graph/contoso.json}", manifest.read_text()))
    assert planned(provisioner) == from_graph
    assert len(from_graph) == 2


def test_a_token_that_cannot_be_checked_is_told_where_something_is_approved(
    provisioner: Provisioner, live: graph.GraphEmulator
) -> None:
    ran = provisioner("apply", "--auto-approve")
    assert ran.code == Exit.DONE
    assert ran.out.count("i notice: unchecked") == 2
    assert TOKEN not in ran.out + ran.err
    assert "notice" not in provisioner("plan").out


def test_an_export_is_planned_like_graph_itself(provisioner: Provisioner, quickstart: Path, live: graph.GraphEmulator) -> None:
    from_graph = planned(provisioner)
    ran = provisioner("export", "--tenant", "contoso", "--out", "graph/new.json")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert "2 domains" in ran.out
    assert (
        provisioner("export", "--tenant", "contoso").out.splitlines()[:2] == Path("graph/new.json").read_text().splitlines()[:2]
    )
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(re.sub("contoso: {id.*}", "contoso: {export: graph/new.json}", manifest.read_text()))
    assert planned(provisioner) == from_graph
    assert TOKEN not in Path("graph/new.json").read_text()


def test_what_az_rest_printed_is_planned_like_graph_itself(provisioner: Provisioner, quickstart: Path) -> None:
    whole = provisioner("plan", "--json", "--domain", "contoso.example")
    answer = json.loads((quickstart / "graph" / "contoso.json").read_text())["domains"][0]["serviceConfigurationRecords"]
    for record in answer:
        record["@odata.type"] = record["@odata.type"].lstrip("#")
    printed = {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#domains('contoso.example')", "value": answer}
    (quickstart / "graph" / "contoso.json").write_text(json.dumps(printed, indent=2))
    one = provisioner("plan", "--json", "--domain", "contoso.example")
    assert one.code == Exit.DONE
    rollouts = [json.loads(ran.out)["entries"][0]["rollout"] for ran in (whole, one)]
    assert rollouts[0] == rollouts[1]
    other = provisioner("plan", "--domain", "fabrikam.example")
    assert other.code == Exit.ERROR
    assert "contoso.example" in other.out


def test_graph_that_refuses_stops_the_tenant_and_says_why(provisioner: Provisioner, live: graph.GraphEmulator) -> None:
    live.fail("/domains", graph.Fault(status=403))
    ran = provisioner("plan")
    assert ran.code == Exit.ERROR
    assert "Domain.Read.All" in ran.out
    assert TOKEN not in ran.out + ran.err
    live.fail("/domains", graph.Fault(status=403))
    exported = provisioner("export", "--tenant", "contoso", "--out", "new.json")
    assert exported.code == Exit.ERROR
    assert "Domain.Read.All" in exported.err
    assert not Path("new.json").exists()
