"""Whom `plan` asks: nobody but public DNS for what it shows to be right, the provider for all else."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plans.values import Key, name
from providers.conformance import Record
from provisioner.exits import Exit
from tests.emulators.dns import Fault
from tests.emulators.serving import POOL
from tests.provisioner.cli.conftest import Provisioner, Ran
from tests.provisioner.cli.test_each_provider import SEEDED, on_azure, on_cloudflare, on_rfc2136, on_route53
from tests.provisioner.cli.test_served import NEW, Place, placed

CONTOSO, FABRIKAM = SEEDED


@pytest.fixture(params=[on_route53, on_cloudflare, on_azure, on_rfc2136])
def place(quickstart: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Zones whose MX is what Microsoft asks for."""
    with placed(request.param, monkeypatch, quickstart) as place:
        for zone in SEEDED:
            hold(place, zone, NEW[zone])
        yield place


def hold(place: Place, zone: str, value: str, ttl: int = 3600) -> None:
    place.bench.put(name(zone), Key(name(zone), "MX"), [Record.of(name(zone), "MX", ttl, value)])


def is_silent(ran: Ran) -> bool:
    """Whether no provider was asked anything."""
    return "Requests:" not in ran.err


def test_what_public_dns_shows_to_be_right_costs_no_call_at_all(provisioner: Provisioner, place: Place) -> None:
    first = provisioner("plan", "--detailed-exitcode")
    assert (first.code, is_silent(first)) == (Exit.DONE, True), first
    assert first.out.startswith("No changes."), first.out
    api = provisioner("plan", "--detailed-exitcode", "--refresh", "api")
    assert (api.code, is_silent(api), api.out) == (Exit.DONE, False, first.out), api


def test_a_ttl_or_a_preference_that_makes_no_difference_costs_none_either(provisioner: Provisioner, place: Place) -> None:
    hold(place, CONTOSO, NEW[CONTOSO].replace("0 ", "10 ", 1), ttl=7200)
    ran = provisioner("plan", "--detailed-exitcode")
    assert (ran.code, is_silent(ran)) == (Exit.DONE, True), ran


def test_only_what_differs_is_asked_of_the_provider(provisioner: Provisioner, place: Place) -> None:
    hold(place, CONTOSO, "0 contoso-example.mail.protection.outlook.com.")
    ran = provisioner("plan", "--detailed-exitcode")
    assert (ran.code, is_silent(ran)) == (Exit.PENDING, False), ran
    assert "contoso.example" in ran.out
    assert "fabrikam.example" not in ran.out
    everything = provisioner("plan", "--detailed-exitcode", "--refresh", "api")
    assert steps(everything) == steps(ran)
    assert requests(everything) > requests(ran)


def test_where_servers_say_what_the_provider_does_not_hold_the_provider_decides(provisioner: Provisioner, place: Place) -> None:
    for address in POOL:
        place.dns.world.fail(address, Fault.NO_AUTHORITY)
    ran = provisioner("plan", "--detailed-exitcode")
    assert (ran.code, is_silent(ran)) == (Exit.DONE, False), ran


def steps(ran: Ran) -> list[str]:
    """What is printed, but for the line with the plan's id."""
    return [line for line in ran.out.splitlines() if not line.startswith("Plan ")]


def requests(ran: Ran) -> int:
    (line,) = [line for line in ran.err.splitlines() if line.startswith("Requests:")]
    return sum(int(word.strip(",.")) for word in line.split() if word.strip(",.").isdigit())


def test_another_word_is_no_way_to_refresh(provisioner: Provisioner, quickstart: Path) -> None:
    ran = provisioner("plan", "--refresh", "cache")
    assert (ran.code, "--refresh" in ran.err) == (Exit.USAGE, True), ran


def test_where_no_zone_is_published_nothing_of_dns_is_even_imported(
    quickstart: Path, spawn: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    code = "import sys\nsys.modules['asyncio'] = sys.modules['provisioner.dns'] = sys.modules['plans.observation'] = None\n"
    (site / "sitecustomize.py").write_text(code)
    ran = spawn("plan", python_path=str(site))
    assert ran.returncode == Exit.DONE, ran.stderr
