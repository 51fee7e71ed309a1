"""One file (or folder) for each mistake under tests/data/manifest/bad, and beside it all that is to be said about it."""

import contextlib
import os
from pathlib import Path

import pytest

from provisioner.manifest import Adapters, ManifestInvalid, load

BAD = Path(__file__).parents[2] / "data" / "manifest" / "bad"


@pytest.mark.parametrize("expected", sorted(BAD.glob("*.expected")), ids=lambda path: path.stem)
def test_every_mistake_is_told_with_its_line_key_and_mend(expected: Path, adapters: Adapters) -> None:
    case = expected.with_suffix("")
    manifest = case / "provisioner.yaml" if case.is_dir() else case

    with contextlib.chdir(manifest.parent), pytest.raises(ManifestInvalid) as caught:
        load(Path(manifest.name), adapters)

    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(f"{caught.value.detail}\n", encoding="utf-8")
    assert caught.value.detail == expected.read_text(encoding="utf-8").rstrip("\n")
    assert "HIDDEN" not in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert str(manifest.name) in caught.value.headline
    assert "`provisioner validate`" in caught.value.mend


def test_no_case_is_left_without_its_expectation() -> None:
    cases = {path.name for path in BAD.iterdir() if path.suffix != ".expected"}
    expectations = {path.stem for path in BAD.glob("*.expected")}

    assert cases == expectations
    assert len(cases) > 120
