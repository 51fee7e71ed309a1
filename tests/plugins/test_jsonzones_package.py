"""An adapter of a third party: built and installed as its package says, found by its entry point, in the common suite."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "jsonzones"
QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package into a folder of its own; its dependency is here already."""
    folder = tmp_path_factory.mktemp("third-party")
    source = shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-compile"]
    target = folder / "site"
    run("-m", "pip", "install", *options, "--target", str(target), str(source))
    return target


def run(*arguments: str, site: Path | None = None, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site or ""), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_it_is_found_by_its_entry_point(site: Path) -> None:
    assert sorted(path.name for path in site.iterdir()) == ["jsonzones-1.0.dist-info", "jsonzones.py"]
    code = "from providers import registry; print(*registry.available(), registry.load('jsonzones').options.__module__)"
    *types, module = run("-c", code, site=site).stdout.split()
    assert {"jsonzones", "zonefile"} <= set(types)
    assert module == "jsonzones"


def test_it_passes_the_suite_that_every_adapter_passes(site: Path, tmp_path: Path) -> None:
    shutil.copy(PACKAGE / "test_jsonzones.py", tmp_path)
    options = ["-v", "-p", "no:cacheprovider", "--import-mode=importlib", "--basetemp", str(tmp_path / "run")]
    done = run("-m", "pytest", *options, "test_jsonzones.py", site=site, folder=tmp_path)
    lines = re.findall(r"TestJsonZones::test_adapter\[(.+?)\] PASSED", done.stdout)
    assert len(lines) > 150
    assert "write: MX create at a wildcard" in lines
    assert re.search(rf"=+ {len(lines)} passed in ", done.stdout)


def test_the_command_line_plans_and_applies_with_it(site: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(QUICKSTART, tmp_path / "quickstart")
    manifest = folder / "provisioner.yaml"
    written = manifest.read_text()
    assert "{type: zonefile, directory: zones}" in written
    manifest.write_text(written.replace("{type: zonefile, directory: zones}", "{type: jsonzones, file: zones.json}"))
    zones = {}
    for zone in ("contoso.example.", "fabrikam.example."):
        zones[zone] = {f"{zone} MX": {"ttl": 3600, "values": [f"0 {zone.replace('.', '-')[:-1]}.mail.protection.outlook.com."]}}
    (folder / "zones.json").write_text(json.dumps(zones))
    run("-c", "from provisioner.cli import main; main()", "apply", "--auto-approve", site=site, folder=folder)
    held = json.loads((folder / "zones.json").read_text())["contoso.example."]
    assert held["contoso.example. MX"]["values"] == ["0 contoso-example.o-v1.mx.microsoft."]
