"""The page on writing an adapter shows the package that is tested, and names what the contract has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from providers import contract
from providers.conformance import Suite
from providers.contract import Provider, ProviderError, Status

PACKAGE = Path(__file__).parent / "jsonzones"
PAGE = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def table(title: str) -> list[str]:
    """Give the first column of a table, without arguments."""
    _, _, rest = PAGE.partition(f"| {title} |")
    return re.findall(r"^\| `(\w+)(?:\(.*?\))?` \|", rest.partition("\n\n")[0], flags=re.MULTILINE)


@pytest.mark.parametrize("file", ["pyproject.toml", "jsonzones.py", "test_jsonzones.py"])
def test_a_block_is_the_file_that_is_tested(file: str) -> None:
    assert (PACKAGE / file).read_text(encoding="utf-8") in BLOCKS


def test_every_file_and_block_is_accounted_for() -> None:
    assert len(BLOCKS) == 3
    assert {path.name for path in PACKAGE.iterdir() if path.is_file()} == {
        "pyproject.toml",
        "jsonzones.py",
        "test_jsonzones.py",
    }


def test_the_methods_are_those_of_the_contract() -> None:
    methods = {name for name, _ in inspect.getmembers(Provider, inspect.isfunction) if not name.startswith("_")}
    assert set(table("method")) == methods


def test_the_statuses_are_those_of_the_contract() -> None:
    assert table("status") == [status.name for status in Status]


def test_the_errors_are_those_of_the_contract() -> None:
    errors = [name for name, found in vars(contract).items() if inspect.isclass(found) and issubclass(found, ProviderError)]
    assert table("error") == [name for name in errors if name != "ProviderError"]


def test_the_attributes_are_those_of_the_suite() -> None:
    told = re.findall(r"`(\w+)`", PAGE.partition("Four attributes")[2].partition("\n\n")[0])
    attributes = {name for name in Suite.__annotations__ if name != "adapter"}
    assert attributes == set(told) & attributes
    assert len(attributes) == 4
