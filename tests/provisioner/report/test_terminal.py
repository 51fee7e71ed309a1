"""Nothing that is printed steers a terminal: lines are made of parts that are inert, documents pass through one function."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.desired import Subject
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.values import name
from provisioner.checkup import Check, Standing
from provisioner.report.checkup_text import checkup_lines
from provisioner.report.finding_text import finding_lines
from provisioner.report.lines import Line, Part, Tone, inert, line, plain
from provisioner.report.problem_text import problem_lines

ROOT = Path(__file__).parents[3]
CONTROLS = "\x00\x07\b\r\x1b\x7f\x80\x9b\x9d"
"""C0, DEL and C1, with CSI and OSC of one octet."""
STEERING = f"{CONTROLS}\u061c\u200e\u202a\u202b\u202c\u202d\u202e\u2028\u2066\u2067\u2068\u2069\ufeff\ud800\U000e0001"
"""Signs too that reorder what is read, other lines' ends, half a character, a tag that nobody sees."""

steering = st.text(st.sampled_from(STEERING + "ab\n\té "))


def is_inert(text: str) -> bool:
    return all(sign.isprintable() or sign in "\n\t" for sign in text)


@pytest.mark.parametrize("sign", STEERING)
def test_every_sign_that_steers_is_replaced_in_lines_and_in_documents(sign: str) -> None:
    for text in (Part(f"a{sign}b").text, plain(line(sign)), inert(f'"{sign}"')):
        assert sign not in text
        assert is_inert(text)


@given(steering, st.sampled_from(Tone))
def test_no_part_of_a_line_holds_one(text: str, tone: Tone) -> None:
    assert Part(text, tone).text.isprintable()


@given(st.recursive(steering, lambda inner: st.lists(inner) | st.dictionaries(steering, inner), max_leaves=5))
def test_a_document_means_what_it_meant(value: object) -> None:
    written = inert(json.dumps(value, ensure_ascii=False, indent=1))
    assert is_inert(written)
    assert json.loads(written) == value


@given(steering, steering, steering)
def test_errors_findings_and_checks_are_inert_whatever_they_tell(one: str, two: str, three: str) -> None:
    subject = Subject(name("contoso.example"))
    told: list[Line] = [
        *problem_lines(Problem(one, two, three)),
        *finding_lines(Finding(Severity.BLOCK, one, subject, two, three)),
        *checkup_lines([Check(one, Standing.FAULT, two or "found", three)]),
    ]
    assert all(part.text.isprintable() for told_line in told for part in told_line)


def written_to(module: Path) -> Iterator[str]:
    """Name what of a module can put something on the screen."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(ast.Name("sys"), "stdout" | "stderr" as stream):
                yield f"sys.{stream}"
            case ast.Attribute(ast.Name("os"), "write"):
                yield "os.write"
            case ast.Call(ast.Name("print")):
                yield "print"
            case _:
                pass


def test_one_module_alone_writes_to_the_screen() -> None:
    found = {
        str(module.relative_to(ROOT)): sorted(set(written_to(module)))
        for package in ("plans", "providers", "provisioner")
        for module in (ROOT / package).rglob("*.py")
        if any(written_to(module))
    }
    assert found == {
        "provisioner/cli/screen.py": ["os.write", "sys.stderr", "sys.stdout"],
        "provisioner/cli/__init__.py": ["sys.stdout"],  # closed, where nobody reads any more
    }
