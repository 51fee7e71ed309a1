"""OpenSSH's `ssh-keygen -Y` and `ssh-add -L`, and `git config`, as far as approvals ask them, with keys that are words.

A key's file holds `private WORD` or `public WORD`, a signature is JSON, a line of allowed signers `PRINCIPALS [OPTION] WORD`.
The agent's key stands in FAKE_AGENT, git's in FAKE_GIT. What the real programs say is seen in `tests/lab`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def install(folder: Path) -> Path:
    """Write the three programs into a folder, and give it: it is to be the whole PATH."""
    for name in ("ssh-keygen", "ssh-add", "git"):
        program = folder / name
        text = f"#!{sys.executable}\nimport runpy\nrunpy.run_path({__file__!r})['main']({name!r})\n"
        program.write_text(text)
        program.chmod(0o755)
    return folder


def _principals(options: dict[str, str], key: str) -> Iterator[str]:
    for line in Path(options["-f"]).read_text().splitlines():
        names, *conditions, allowed = line.split()
        until = next((one.removeprefix("valid-before=") for one in conditions), "9")
        if allowed == key and options["-O"].removeprefix("verify-time=") < until:
            yield from names.split(",")


def _keygen(command: str, options: dict[str, str], given: str) -> str | None:
    if command == "sign":
        kind, word = Path(options["-f"]).read_text().split()
        held = kind == "private" or word == os.environ.get("FAKE_AGENT")
        return json.dumps({"key": word, "for": options["-n"], "what": given}) if held else None
    signature = json.loads(Path(options["-s"]).read_text())
    key = signature["key"]
    if command == "find-principals":
        return "\n".join(_principals(options, key)) or None
    if (signature["for"], signature["what"]) != (options["-n"], given):
        return None
    if command == "verify":
        revoked = Path(options["-r"]).read_text().split() if "-r" in options else []
        if options["-I"] not in _principals(options, key) or key in revoked:
            return None
    return f'Good "{options["-n"]}" signature with WORD key {key}'


def _answer(program: str, arguments: list[str]) -> str | None:
    if program == "ssh-add":
        agent = os.environ.get("FAKE_AGENT")
        return f"public {agent}" if agent else None
    if program == "git":
        key = os.environ.get("FAKE_GIT")
        return ("ssh" if "gpg.format" in arguments else key) if key else None
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    return _keygen(arguments[1], options, sys.stdin.read())


def main(program: str) -> None:
    told = _answer(program, sys.argv[1:])
    sys.stdout.write(told or "")
    if told is None:
        sys.stderr.write("nothing that could be told\n")
    sys.exit(0 if told is not None else 255)
