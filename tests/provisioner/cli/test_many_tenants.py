"""Three hundred tenants, of which thirty fail in ten ways: the others are planned, and the summary fits one screen."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.emulators import graph
from tests.emulators.login import jwt
from tests.provisioner.cli.conftest import QUICKSTART, Provisioner, Ran

OTHER_TENANT = "11111111-2222-3333-4444-555555555555"
SCREEN = 24


def saved_answer(domain: str) -> dict[str, object]:
    answer = json.loads((QUICKSTART / "graph" / "contoso.json").read_text().replace("contoso.example", domain))
    del answer["domains"][1:]
    return dict(answer)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def html(path: Path) -> None:
    path.write_text("<html><body>Please log in to the proxy</body></html>")


def error_object(path: Path) -> None:
    path.write_text('{"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}')


def another_domain(path: Path) -> None:
    path.write_text(json.dumps(saved_answer("another.example")))


SPOILED: tuple[Callable[[Path], object], ...] = (Path.unlink, cut_off, directory, html, error_object, another_domain)
LIVE = ("absent", "expired", "stranger", "unconsented")


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 300 tenants of one domain each, every tenth of them broken."""
    monkeypatch.chdir(tmp_path)
    Path("graph").mkdir()
    Path("zones").mkdir()
    zone = (QUICKSTART / "zones" / "contoso.example.zone").read_text()
    tenants, domains, credentials = [], [], []
    for number in range(300):
        domain, tenant = f"customer{number:03d}.example", f"customer{number:03d}"
        Path(f"zones/{domain}.zone").write_text(zone.replace("contoso.example", domain))
        domains.append(f"  {domain}: {{tenant: {tenant}, strategy: direct}}")
        way = number // 10 % 10 if number % 10 == 0 else None
        if way is None or way < len(SPOILED):
            path = Path(f"graph/{tenant}.json")
            path.write_text(json.dumps(saved_answer(domain)))
            if way is not None:
                SPOILED[way](path)
            tenants.append(f"  {tenant}: {{export: {path}}}")
        else:
            kind, own = LIVE[way - len(SPOILED)], f"{OTHER_TENANT[:-3]}{number:03d}"
            if kind != "absent":
                expires = 1 if kind == "expired" else int(time.time()) + 3600
                token = jwt(tid=OTHER_TENANT if kind == "stranger" else own, exp=expires, appid=OTHER_TENANT)
                monkeypatch.setenv(f"TOKEN_{number}", token)
            credentials.append(f"  {tenant}: {{type: token, token: {{env: TOKEN_{number}}}}}")
            tenants.append(f"  {tenant}: {{id: {own}, credential: {tenant}}}")
    Path("provisioner.yaml").write_text(
        "\n".join(
            [
                "version: 1",
                "credentials:",
                *credentials,
                "tenants:",
                *tenants,
                "providers: {files: {type: zonefile, directory: zones}}",
                "defaults: {provider: files}",
                "domains:",
                *domains,
                "",
            ]
        )
    )
    return tmp_path


def planned(provisioner: Provisioner, *arguments: str) -> Ran:
    emulator = graph.GraphEmulator("none-is-right")
    emulator.fail("/domains", *[graph.Fault(status=403)] * 3)
    with graph.running(emulator) as running:
        with Path("provisioner.yaml").open("a") as manifest:
            manifest.write(f"graph: {{endpoint: '{running.url}'}}\n")
        return provisioner("plan", *arguments)


def test_the_others_are_planned_and_the_summary_fits_one_screen(provisioner: Provisioner, estate: Path) -> None:
    ran = planned(provisioner, "--out", "plan.jsonl")
    assert ran.code == Exit.ERROR
    summary = ran.out[ran.out.index("Not planned:") :]
    assert len(summary.splitlines()) < SCREEN
    assert "Not planned: 30 failed\n" in summary
    assert "  consent-missing       3  customer090.example, " in summary
    assert "300 domains, 270 steps: 0 to add, 270 to change, 0 to delete." in summary
    assert len(Path("consent-urls.txt").read_text().splitlines()) == 3
    assert "3 tenants lack an administrator's consent" in ran.err

    applied = provisioner("apply", "plan.jsonl", "--auto-approve")
    assert applied.code == Exit.PARTIAL
    assert "300 domains: 270 done, 30 failed; 270 written." in applied.out


def test_ten_ways_to_fail_have_ten_reasons(provisioner: Provisioner, estate: Path) -> None:
    document = json.loads(planned(provisioner, "--json").out)
    failed = [entry for entry in document["entries"] if entry["rollout"] is None]
    assert len(failed) == 30
    assert len({re.sub(r"\d+", "#", entry["findings"][0]["what"]) for entry in failed}) == 10
