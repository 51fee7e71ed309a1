import subprocess
import sys
from math import inf, isnan
from pathlib import Path

import pytest

from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.nodes import DEEPEST, Node, Value, parse

BLOCK_THE_C_PARSER = "import sys; sys.modules['yaml._yaml'] = None; import yaml; assert not yaml.__with_libyaml__; "


def value(text: str, file: str = "a.yaml") -> Value:
    mistakes = Mistakes()
    root = parse(text, Path(file), mistakes)
    assert not mistakes.found
    assert root is not None
    return root.child("a").value


def told(text: str, file: str = "a.yaml") -> list[str]:
    mistakes = Mistakes()
    parse(text, Path(file), mistakes)
    return [str(mistake) for mistake in mistakes.found]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("off", "off"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'~'", "~"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-1e3", -1000.0),
        ("1e3.example", "1e3.example"),
        (".inf", inf),
        ("-.INF", -inf),
        ("1.2.3.4", "1.2.3.4"),
        ("2026-01-01", "2026-01-01"),
        ("'12'", "12"),
        ('"12"', "12"),
        ("|\n  12\n", "12\n"),
        ("=", "="),
    ],
)
def test_a_plain_word_means_what_the_core_schema_of_yaml_1_2_says(written: str, expected: object) -> None:
    got = value(f"a: {written}")

    assert (type(got), got) == (type(expected), expected)


def test_what_is_not_a_number_is_a_number_of_the_core_schema() -> None:
    got = value("a: .nan")

    assert isinstance(got, float)
    assert isnan(got)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("12", 12),
        ("-1.5E3", -1500.0),
        ("true", True),
        ("null", None),
        (r'"\ud83d\ude00\/\t\n"', "😀/\t\n"),
        ("[]", []),
        ('""', ""),
    ],
)
@pytest.mark.parametrize("file", ["a.json", "a.yaml"])
def test_json_is_read_as_json(written: str, expected: object, file: str) -> None:
    got = value(f'\t{{\r\n\t"a"\n\t:\t{written} }}\n'.replace("\r", ""), file)

    assert (type(got), got) == (type(expected), expected)


def test_yaml_that_only_begins_like_json_is_read_as_yaml() -> None:
    assert value("{a: b, # a comment\n c: d}") == "b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "\\ud800"}', ["a.json:1  a: an escape stands for a control character. Remove it."]),
        ('{"a": 1} x', ["a.json:1  this is no JSON: extra data. Look at this line and the one above."]),
        (
            '{"a": 1,\n"b"}',
            ["a.json:2  this is no JSON: expecting ':' delimiter. Look at this line and the one above."],
        ),
        ('{"a": ' + "9" * 5000 + "}", ["a.json:1  a: the value is too long for a number. Put it in quotes if it is text."]),
        ("[" * 5000 + "]" * 5000, ["a.json:1  values are nested more than 50 deep. Look for brackets too many."]),
        ("[" * 60 + "]" * 60, ["a.json:1  values are nested more than 50 deep. Look for brackets or indentation too many."]),
    ],
    ids=range(6),
)
def test_json_that_cannot_be_read_is_located(text: str, expected: list[str]) -> None:
    assert told(text, "a.json") == expected


def test_nesting_is_bounded_also_in_keys() -> None:
    assert value("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))
    assert "nested more than 50 deep" in told("? " * 200 + "a: b")[0]
    assert "nested more than 50 deep" in told("- " * 200 + "a: b")[0]


def test_nodes_know_the_place_of_their_key() -> None:
    root = parse("# comment\na:\n  b: [x,\n    y]\n", Path("a.yaml"), Mistakes())
    assert root is not None
    b = root.child("a").child("b")
    assert isinstance(b.value, list)

    assert (b.where.line, b.where.column) == (3, 3)
    assert [(item.where.line, item.where.column) for item in b.value] == [(3, 7), (4, 5)]
    assert root.child("missing") is root
    assert b.value[0].child("none") is b.value[0]


def test_a_directive_for_yaml_1_2_is_taken_and_any_other_refused() -> None:
    assert value("%YAML 1.2\n---\na: b\n") == "b"
    assert told("%TAG ! tag:example,2000:\n---\na: b\n") == []
    assert "Remove the %YAML line" in told("%YAML 1.1\n---\na: b\n")[0]


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: c",
        "a: [b",
        "a: 'b",
        "a: b: c",
        "a: @b",
        'a: "\\q"',
        "a:\n\tb: c",
        "a: *b",
        "a: &b c",
        "a: !b c",
        "a: 1\n---\na: 2",
        "a: 1\na: 2",
    ],
)
def test_the_parser_in_python_locates_the_same_mistakes_as_the_one_in_c(text: str) -> None:
    script = (
        f"{BLOCK_THE_C_PARSER}from pathlib import Path; from provisioner.manifest.mistakes import Mistakes; "
        "from provisioner.manifest.nodes import parse; m = Mistakes(); parse(sys.argv[1], Path('a.yaml'), m); "
        "print(*(x.where for x in m.found))"
    )
    done = subprocess.run([sys.executable, "-c", script, text], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [line.split("  ")[0] for line in told(text)]


def test_the_parser_in_python_refuses_an_escape_beyond_unicode() -> None:
    script = (
        f"{BLOCK_THE_C_PARSER}from pathlib import Path; from provisioner.manifest.mistakes import Mistakes; "
        "from provisioner.manifest.nodes import parse; m = Mistakes(); "
        "parse('a: \"\\\\UFFFFFFFF\"', Path('a.yaml'), m); print(m.found[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "a.yaml:1  an escape stands for no character. Look for a `\\` in double quotes."


def test_a_node_is_a_value() -> None:
    first, second = (parse("a: [b, {c: d}]", Path("a.yaml"), Mistakes()) for _ in range(2))

    assert isinstance(first, Node)
    assert first == second
