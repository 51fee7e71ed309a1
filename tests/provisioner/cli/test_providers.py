"""`providers`: what is installed, what it can do, and the README's table of the same."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from providers import registry
from providers.contract import CONTRACT_VERSION
from provisioner.exits import Exit
from provisioner.provider_types import installed
from provisioner.report.provider_types_text import provider_types_table
from tests.provisioner.cli.conftest import ROOT, Provisioner

BEGIN, END = "<!-- providers -->\n", "<!-- /providers -->"
WORKING = (
    "from providers.contract import Adapter, Capabilities, Options\n"
    f"ADAPTER = Adapter({CONTRACT_VERSION}, Options, Capabilities('a|guard', frozenset({{'TLSA', 'MX'}})), print)\n"
)

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package of somebody else's, with one provider type, where Python finds it."""

    def put(package: str, type_name: str, source: str) -> None:
        site, module = tmp_path / package, f"{package}_of_a_test"
        info = site / f"{package}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{type_name} = {module}:ADAPTER\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def test_each_type_is_told_with_its_package_and_what_it_can_do(provisioner: Provisioner, install: Install) -> None:
    install("acme", "acme-dns", WORKING)
    ran = provisioner("providers")
    assert (ran.code, ran.err) == (Exit.DONE, "")
    told = "  publishes to    DNS\n  record types    MX, TLSA\n  DNSSEC          not through it\n  guard           a|guard\n"
    assert f"acme-dns  (acme 1.2)\n{told}" in ran.out
    can = registry.load("zonefile").capabilities
    assert not can.signs
    assert (
        f"zonefile  (provisioner {version('provisioner')})\n  publishes to    nothing by itself\n"
        f"  record types    {', '.join(sorted(can.types))}\n  DNSSEC          not through it\n  guard           {can.guard}\n"
    ) in ran.out
    assert "  DNSSEC          zones can be signed through it\n" in ran.out


def test_json_is_one_document_of_the_same(provisioner: Provisioner, install: Install) -> None:
    install("acme", "acme-dns", WORKING)
    told = {one["type"]: one for one in json.loads(provisioner("providers", "--json").out)["providers"]}
    assert told["acme-dns"] == {
        "type": "acme-dns",
        "packages": [{"name": "acme", "version": "1.2"}],
        "guard": "a|guard",
        "publishes": "dns",
        "record_types": ["MX", "TLSA"],
        "signs": False,
    }
    assert list(told) == sorted(told)


def test_a_plug_in_that_cannot_be_loaded_is_shown_and_the_others_are_too(provisioner: Provisioner, install: Install) -> None:
    install("acme", "acme-dns", "raise RuntimeError('it is broken')")
    ran = provisioner("providers")
    assert ran.code == Exit.ERROR
    assert "acme-dns  (acme 1.2)\nError: provider type 'acme-dns' cannot be loaded\n  acme 1.2: importing " in ran.out
    assert "zonefile  (" in ran.out
    document = provisioner("providers", "--json")
    assert document.code == Exit.ERROR
    told = {one["type"]: one for one in json.loads(document.out)["providers"]}
    assert "it is broken" in told["acme-dns"]["problem"]["detail"]


def test_two_packages_that_claim_one_type_are_both_named(provisioner: Provisioner, install: Install) -> None:
    install("acme", "acme-dns", WORKING)
    install("zeta", "acme-dns", WORKING)
    ran = provisioner("providers")
    assert ran.code == Exit.ERROR
    assert "acme-dns  (acme 1.2, zeta 1.2)\nError: provider type 'acme-dns' is ambiguous\n" in ran.out


def test_the_table_has_the_types_of_this_package_alone(install: Install) -> None:
    before = provider_types_table(installed())
    install("acme", "acme-dns", WORKING)
    assert provider_types_table(installed()) == before
    install("provisioner", "own", WORKING)
    assert "| `own` | DNS | MX, TLSA | not through it | a\\|guard |\n" in provider_types_table(installed())


def test_the_readme_has_the_table_of_what_is_installed() -> None:
    _, begin, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition(BEGIN)
    assert not begin or rest.partition(END)[0].strip() == provider_types_table(installed()).strip()
