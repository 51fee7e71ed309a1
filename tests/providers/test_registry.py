from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from plans.problem import Problem
from providers import registry, zonefile
from providers.contract import CONTRACT_VERSION

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with one module and its entry points where Python finds it."""

    def put(distribution: str, module: str, source: str, **entry_points: str) -> None:
        site = tmp_path / distribution
        info = site / f"{distribution}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"{name} = {value}\n" for name, value in entry_points.items()]
        (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{''.join(lines)}")
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def adapter_source(contract: int) -> str:
    return (
        "from providers.contract import Adapter, Capabilities, Options\n"
        f"ADAPTER = Adapter({contract}, Options, Capabilities('none', frozenset()), print)\n"
    )


def test_the_installed_types_are_listed_ascending() -> None:
    assert "zonefile" in registry.available()
    assert list(registry.available()) == sorted(registry.available())


def test_the_zone_file_adapter_is_loaded_from_its_entry_point() -> None:
    assert registry.load("zonefile") is zonefile.ADAPTER


def test_the_memory_adapter_is_no_installed_type() -> None:
    assert "memory" not in registry.available()


def test_listing_imports_no_adapter_and_loading_imports_that_one_only(install: Install) -> None:
    install("acme-dns", "acme_dns", adapter_source(CONTRACT_VERSION), acme="acme_dns:ADAPTER")
    install("zeta-dns", "zeta_dns", "raise RuntimeError('imported')", zeta="zeta_dns:ADAPTER")
    code = (
        "import sys; from providers import registry\n"
        "print('acme' in registry.available(), 'zeta' in registry.available(), 'providers.zonefile' in sys.modules)\n"
        "registry.load('acme')\n"
        "print('acme_dns' in sys.modules, 'zeta_dns' in sys.modules, 'providers.zonefile' in sys.modules)\n"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["True", "True", "False", "True", "False", "False"]


def test_a_third_party_adapter_is_loaded(install: Install) -> None:
    install("acme-dns", "acme_dns", adapter_source(CONTRACT_VERSION), acme="acme_dns:ADAPTER")
    assert "acme" in registry.available()
    assert registry.load("acme").contract == CONTRACT_VERSION


def test_an_unknown_type_is_refused_with_the_nearest_and_the_list() -> None:
    with pytest.raises(Problem) as caught:
        registry.load("zonefiles")
    assert caught.value.headline == "unknown provider type 'zonefiles', did you mean 'zonefile'?"
    assert "zonefile" in caught.value.detail


def test_a_type_like_no_other_gets_the_list_alone() -> None:
    with pytest.raises(Problem) as caught:
        registry.load("qqqqqq")
    assert caught.value.headline == "unknown provider type 'qqqqqq'"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("import no_such_sdk", "ModuleNotFoundError: No module named 'no_such_sdk'", id="missing dependency"),
        pytest.param("raise RuntimeError('no licence')", "RuntimeError: no licence", id="raising"),
        pytest.param("def (", "SyntaxError", id="not Python"),
        pytest.param("", "AttributeError", id="nothing of that name"),
        pytest.param("ADAPTER = 'x'", "is a str, not an Adapter", id="not an adapter"),
    ],
)
def test_a_broken_package_is_named_with_the_reason(install: Install, source: str, reason: str) -> None:
    install("acme-dns", "acme_dns", source, acme="acme_dns:ADAPTER")
    with pytest.raises(Problem) as caught:
        registry.load("acme")
    assert reason in caught.value.detail
    assert "acme-dns 1.2" in caught.value.detail
    assert caught.value.mend == "reinstall or uninstall acme-dns 1.2"


@pytest.mark.parametrize(
    ("contract", "mend"),
    [
        pytest.param(CONTRACT_VERSION - 1, "install a newer version of acme-dns", id="older"),
        pytest.param(CONTRACT_VERSION + 1, "install a newer version of provisioner", id="newer"),
    ],
)
def test_an_adapter_for_another_contract_is_refused(install: Install, contract: int, mend: str) -> None:
    install("acme-dns", "acme_dns", adapter_source(contract), acme="acme_dns:ADAPTER")
    with pytest.raises(Problem) as caught:
        registry.load("acme")
    assert f"acme-dns 1.2 is made for contract {contract}, this is contract {CONTRACT_VERSION}" in caught.value.detail
    assert caught.value.mend == mend


def test_a_type_that_two_packages_claim_is_refused(install: Install) -> None:
    install("acme-dns", "acme_dns", adapter_source(CONTRACT_VERSION), acme="acme_dns:ADAPTER")
    install("evil-dns", "evil_dns", adapter_source(CONTRACT_VERSION), acme="evil_dns:ADAPTER")
    with pytest.raises(Problem) as caught:
        registry.load("acme")
    assert "acme-dns 1.2, evil-dns 1.2" in caught.value.detail
