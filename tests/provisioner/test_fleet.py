from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from plans.problem import Problem
from provisioner.cli.clock import now
from provisioner.fleet import Fleet, Waits
from provisioner.manifest import load

MANIFEST = """version: 1
providers:
  plain: {type: manual}
  slow: {type: zonefile, directory: zones, propagation: 1h30m, max_zone_ttl: 2d}
"""


def fleet(folder: Path, text: str = MANIFEST) -> Fleet:
    manifest = folder / "provisioner.yaml"
    manifest.write_text(text)
    return Fleet(load(manifest), now)


def test_each_provider_says_how_long_it_makes_a_rollout_wait(tmp_path: Path) -> None:
    opened = fleet(tmp_path)
    assert opened.waits("plain") == Waits(timedelta(minutes=5), None)
    assert opened.waits("slow") == Waits(timedelta(minutes=90), 172800)
    assert fleet(tmp_path, "version: 1\n").waits("manual") == Waits(timedelta(minutes=5), None)


def test_the_provider_for_zones_that_a_person_changes_is_always_there(tmp_path: Path) -> None:
    assert fleet(tmp_path).manual.label == "plain"
    assert fleet(tmp_path, f"{MANIFEST}  manual: {{type: manual}}\n").manual.label == "manual"
    opened = fleet(tmp_path, MANIFEST.replace("plain: {type: manual}", "other: {type: zonefile, directory: zones}"))
    assert opened.manual.label == "manual"
    assert not opened.capabilities("manual").writes


@pytest.mark.parametrize("label", ["auto", "other"])
def test_a_label_that_the_manifest_does_not_name_is_told(tmp_path: Path, label: str) -> None:
    with pytest.raises(Problem, match=f"names no provider {label}"):
        fleet(tmp_path).waits(label)
