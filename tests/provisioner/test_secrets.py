"""Reading secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from plans.problem import Problem
from provisioner.manifest.model import Location, Secret
from provisioner.secrets import reveal, reveal_bytes

WHERE = Location(Path("provisioner.yaml"), 3)


def in_file(folder: Path, content: bytes) -> Secret:
    file = folder / "token"
    file.write_bytes(content)
    return Secret(WHERE, file=file)


def refused(secret: Secret) -> str:
    with pytest.raises(Problem) as caught:
        reveal(secret)
    assert caught.value.headline == "A secret cannot be read"
    assert "provisioner.yaml:3" in caught.value.detail
    assert caught.value.mend
    return str(caught.value)


def test_a_variable_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", " hünter2\n")
    assert reveal(Secret(WHERE, env="TOKEN")) == " hünter2\n"


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_a_file_ends_before_its_line_end(tmp_path: Path, content: bytes) -> None:
    assert reveal(in_file(tmp_path, content)) == "hunter2"


def test_octets_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reveal_bytes(in_file(tmp_path, b"\x00\xff\n")) == b"\x00\xff\n"
    monkeypatch.setenv("TOKEN", "ü")
    assert reveal_bytes(Secret(WHERE, env="TOKEN")) == "ü".encode()


def test_a_variable_that_is_missing_or_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    assert "TOKEN is not set" in refused(Secret(WHERE, env="TOKEN"))
    for value in ("", "  "):
        monkeypatch.setenv("TOKEN", value)
        assert "TOKEN is empty" in refused(Secret(WHERE, env="TOKEN"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"hunter2\xff", "is not UTF-8"), (b"hunter2" * 200_000, "larger than 1 MiB")],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes, words: str) -> None:
    told = refused(in_file(tmp_path, content))
    assert words in told
    assert "hunter2" not in told


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    assert "No such file" in refused(Secret(WHERE, file=tmp_path / "nowhere"))
    assert "Is a directory" in refused(Secret(WHERE, file=tmp_path))
