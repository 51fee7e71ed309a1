"""What is wrong is told in three parts, with the right exit code; nothing is written for it, and the other domains go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.golden import assert_golden

Records = list[dict[str, Any]]


def change_answer(folder: Path, change: Callable[[Records], object]) -> None:
    """Change what Graph says of contoso.example."""
    path = folder / "graph" / "contoso.json"
    answer = json.loads(path.read_text())
    change(answer["domains"][0]["serviceConfigurationRecords"])
    path.write_text(json.dumps(answer))


def mx_of(records: Records) -> dict[str, Any]:
    return next(record for record in records if record["recordType"] == "Mx")


UNKNOWN = {"@odata.type": "#microsoft.graph.domainDnsHttpsRecord", "recordType": "Https", "supportedService": "Email"}
UNAVAILABLE = {
    "@odata.type": "microsoft.graph.domainDnsUnavailableRecord",
    "description": "Not to be had.",
    "supportedService": "Email",
}


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        (lambda records: records.remove(mx_of(records)), "graph-no-mx", Exit.REFUSED),
        (lambda records: records.append(mx_of(records)), "graph-two-mx", Exit.REFUSED),
        (lambda records: mx_of(records).update(label="other.example"), "graph-foreign-label", Exit.REFUSED),
        (lambda records: mx_of(records).update(mailExchange="mx.attacker.example"), "graph-unknown-host", Exit.REFUSED),
        (lambda records: records.append({**mx_of(records), **UNKNOWN}), "graph-unknown-record", Exit.REFUSED),
        (lambda records: records.append({**mx_of(records), **UNAVAILABLE}), "graph-unavailable", Exit.REFUSED),
        (lambda records: mx_of(records).pop("mailExchange"), "graph-unreadable", Exit.ERROR),
        (lambda records: mx_of(records).update(mailExchange="not a host"), "graph-unreadable", Exit.ERROR),
        (lambda records: mx_of(records).update(preference=70000), "graph-unreadable", Exit.ERROR),
        (lambda records: mx_of(records).update(ttl="soon"), "graph-unreadable", Exit.ERROR),
    ],
)
def test_an_answer_that_is_wrong_stops_its_domain_alone(
    provisioner: Provisioner, quickstart: Path, change: Callable[[Records], object], code: str, exit_code: Exit
) -> None:
    change_answer(quickstart, change)
    planned = provisioner("plan", "--strict")
    assert planned.code == exit_code
    assert f": {code}\n" in planned.out
    assert f"  {code}      1  contoso.example\n" in planned.out
    assert "1 step: 0 to add, 1 to change" in planned.out
    zone = (quickstart / "zones" / "contoso.example.zone").read_bytes()
    applied = provisioner("apply", "--auto-approve")
    assert applied.code == Exit.PARTIAL
    assert "fabrikam.example  done  1 set written" in applied.out
    assert f"Error: contoso.example: {code}" in applied.out
    assert (quickstart / "zones" / "contoso.example.zone").read_bytes() == zone


def test_both_spellings_of_the_type_mean_the_same(provisioner: Provisioner, quickstart: Path) -> None:
    with_sign = provisioner("plan").out
    path = quickstart / "graph" / "contoso.json"
    path.write_text(path.read_text().replace('"#microsoft', '"microsoft'))
    assert mask(provisioner("plan").out) == mask(with_sign)


def mask(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("Plan "))


def test_an_answer_that_is_cut_off_stops_all_domains_of_its_tenant(provisioner: Provisioner, quickstart: Path) -> None:
    path = quickstart / "graph" / "contoso.json"
    path.write_bytes(path.read_bytes()[:-100])
    ran = provisioner("plan")
    assert ran.code == Exit.ERROR
    assert ran.out.count("graph-unreadable") == 2
    assert "contoso.example, fabrikam.example  (tenant contoso)" in ran.out
    assert "graph/contoso.json" in ran.out
    assert "Not planned: 2 failed" in ran.out


def unreadable_zone(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "code", "told"),
    [
        (lambda path: path.write_text(path.read_text() + "broken ( IN A\n"), "zone-unreadable", "contoso.example.zone"),
        (lambda path: path.write_text("$INCLUDE other.zone\n" + path.read_text()), "zone-unreadable", "$INCLUDE"),
        (unreadable_zone, "zone-unreadable", "contoso.example.zone"),
        (lambda path: path.unlink(), "zone-not-found", "files"),
    ],
)
def test_a_zone_that_cannot_be_read_stops_its_domain_alone(
    provisioner: Provisioner, quickstart: Path, spoil: Callable[[Path], object], code: str, told: str
) -> None:
    spoil(quickstart / "zones" / "contoso.example.zone")
    ran = provisioner("plan", "--strict")
    assert ran.code == (Exit.REFUSED if code == "zone-not-found" else Exit.ERROR)
    assert f"  {code}      1  contoso.example\n" in ran.out
    assert told in ran.out
    assert "1 step: 0 to add, 1 to change" in ran.out


def planned(provisioner: Provisioner, *arguments: str) -> Path:
    assert provisioner("plan", "--out", "plan.jsonl", *arguments).code == Exit.DONE
    return Path("plan.jsonl")


def edit_mx(folder: Path) -> None:
    path = folder / "zones" / "contoso.example.zone"
    path.write_text(path.read_text().replace("0 contoso-example.mail.protection.outlook.com.", "10 mx.gateway.example."))


def test_an_edit_between_plan_and_apply_makes_the_plan_stale(provisioner: Provisioner, quickstart: Path) -> None:
    planned(provisioner, "--domain", "contoso.example")
    edit_mx(quickstart)
    zone = (quickstart / "zones" / "contoso.example.zone").read_bytes()
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.STALE
    assert_golden("apply_stale.txt", ran.out)
    assert (quickstart / "zones" / "contoso.example.zone").read_bytes() == zone


def test_an_edit_of_one_zone_leaves_the_other_to_be_done(provisioner: Provisioner, quickstart: Path) -> None:
    planned(provisioner)
    edit_mx(quickstart)
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.PARTIAL
    assert "contoso.example  stale  nothing written" in ran.out
    assert "fabrikam.example  done  1 set written" in ran.out


def test_an_edit_elsewhere_in_the_zone_does_not_matter(provisioner: Provisioner, quickstart: Path) -> None:
    planned(provisioner)
    path = quickstart / "zones" / "contoso.example.zone"
    path.write_text(path.read_text() + "new IN A 192.0.2.99\n")
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    assert path.read_text().endswith("new IN A 192.0.2.99\n")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text[:-1], "The plan file is damaged"),
        (lambda text: text[: len(text) // 2], "The plan file is damaged"),
        (lambda text: text.replace(b"o-v1", b"o-v2", 1), "The plan file is damaged"),
        (lambda text: text.replace(b'{"schema":0', b'{"schema":1', 1), "written by another version"),
        (lambda _: b"", "The plan file is damaged"),
        (lambda _: b"PK\x03\x04", "The plan file is damaged"),
    ],
)
@pytest.mark.parametrize("command", [("show", "plan.jsonl"), ("apply", "plan.jsonl", "--auto-approve")])
def test_a_plan_that_is_not_whole_is_refused(
    provisioner: Provisioner, quickstart: Path, spoil: Callable[[bytes], bytes], told: str, command: tuple[str, ...]
) -> None:
    path = planned(provisioner)
    path.write_bytes(spoil(path.read_bytes()))
    ran = provisioner(*command)
    assert (ran.code, ran.out) == (Exit.STALE, "")
    assert three_parts(ran)
    assert told in ran.err
    assert not (quickstart / ".provisioner").exists()


def three_parts(ran: Ran) -> bool:
    lines = ran.err.splitlines()
    return lines[0].startswith("Error: ") and len(lines) > 2 and all(line.startswith("  ") for line in lines[1:])


def test_a_label_that_means_another_zone_now_is_refused(provisioner: Provisioner, quickstart: Path) -> None:
    planned(provisioner)
    shutil.copytree("zones", "other")
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("directory: zones", "directory: other"))
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.STALE
    assert "The plan is for another zone than the manifest means" in ran.out
    assert "mail.protection.outlook.com" in (quickstart / "other" / "contoso.example.zone").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [("  files: {type", "  other: {type"), ("directory: zones", "directory: nowhere")],
)
def test_a_provider_that_is_gone_fails_its_subjects(provisioner: Provisioner, quickstart: Path, old: str, new: str) -> None:
    planned(provisioner)
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(
        manifest.read_text()
        .replace(old, new)
        .replace("{provider: files}", f"{{provider: {new[2:7]}}}" if "other" in new else "{provider: files}")
    )
    ran = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert ran.code == Exit.ERROR
    assert "2 failed; 0 written" in ran.out


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("version: 1\ndomain: {}\n", "provisioner.yaml:2"),
        ("version: 1\ndomains: {}\ndomains: {}\n", "provisioner.yaml:3"),
        (
            "version: 1\ncredentials:\n  app: {type: client-secret, client_id: x, secret: hunter2}\n",
            "provisioner.yaml:3",
        ),
        ("version: 1\n  bad: [\n", "provisioner.yaml:2"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_a_manifest_that_is_wrong_is_told_with_its_line(
    provisioner: Provisioner, quickstart: Path, manifest: str, told: str, command: str
) -> None:
    (quickstart / "provisioner.yaml").write_text(manifest)
    ran = provisioner(command)
    assert (ran.code, ran.out) == (Exit.ERROR, "")
    assert three_parts(ran)
    assert told in ran.err
    assert "hunter2" not in ran.err


def test_all_mistakes_of_a_manifest_are_told_in_one_run(provisioner: Provisioner, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(
        manifest.read_text().replace("provider: files", "provider: flies").replace("strategy: direct}", "stratgy: direct}", 1)
    )
    ran = provisioner("validate")
    assert ran.code == Exit.ERROR
    assert_golden("manifest_mistakes.txt", ran.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--domain", "x", "plan.jsonl"),
        ("apply", "--exclude-domain", "x", "plan.jsonl"),
        ("plan", "--nonsense"),
        ("nonsense",),
        ("plan", "surplus"),
        ("show",),
        ("export",),
        (),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(provisioner: Provisioner, quickstart: Path, arguments: tuple[str, ...]) -> None:
    planned(provisioner)
    ran = provisioner(*arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert three_parts(ran)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "missing.jsonl"), "missing.jsonl"),
        (("apply", "zones", "--auto-approve"), "zones"),
        (("plan", "--out", "nowhere/plan.jsonl"), "nowhere/plan.jsonl"),
        (("plan", "--manifest", "missing.yaml"), "missing.yaml"),
        (("export", "--tenant", "contoso"), "contoso"),
        (("export", "--tenant", "nobody"), "nobody"),
    ],
)
def test_what_is_not_there_is_named(provisioner: Provisioner, quickstart: Path, arguments: tuple[str, ...], told: str) -> None:
    ran = provisioner(*arguments)
    assert ran.code == Exit.ERROR
    assert three_parts(ran)
    assert told in ran.err


def test_a_state_that_cannot_be_used_stops_everything_before_a_write(provisioner: Provisioner, quickstart: Path) -> None:
    (quickstart / ".provisioner").write_text("in the way")
    zones = [path.read_bytes() for path in sorted((quickstart / "zones").glob("*.zone"))]
    ran = provisioner("apply", "--auto-approve")
    assert ran.code == Exit.ERROR
    assert three_parts(ran)
    assert [path.read_bytes() for path in sorted((quickstart / "zones").glob("*.zone"))] == zones


def test_record_data_cannot_steer_the_terminal(provisioner: Provisioner, quickstart: Path) -> None:
    change_answer(
        quickstart,
        lambda records: records.append({**mx_of(records), **UNAVAILABLE, "description": "\x1b]0;owned\x07\u202egone"}),
    )
    ran = provisioner("plan")
    assert "\x1b" not in ran.out
    assert "]0;owned" in ran.out
