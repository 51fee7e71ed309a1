"""Which zones a Cloudflare account holds, what is told of them, and the options by which it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from plans.values import Key, RRset, name
from providers.cloudflare import ADAPTER
from providers.cloudflare.options import RATE, CloudflareOptions
from providers.contract import Access, Rejected, ZoneNotFound
from providers.limiter import Rate
from tests.emulators.cloudflare import CloudflareEmulator, Fault, running
from tests.emulators.cloudflare_zone import Zone
from tests.providers.cloudflare_bench import TOKEN, live, opened, ref_of

MakeSet = Callable[..., RRset]
APEX = name("example.com")
MX = Key(APEX, "MX")


@pytest.fixture
def emulator() -> Iterator[CloudflareEmulator]:
    with running(CloudflareEmulator(TOKEN)) as emulator:
        yield emulator


@pytest.fixture
def zone(emulator: CloudflareEmulator) -> Zone:
    return emulator.add("example.com")


def test_few_names_are_looked_up_and_many_are_listed(emulator: CloudflareEmulator) -> None:
    for number in range(170):
        emulator.add(f"z{number:03}.example")
    one = opened(emulator)
    assert len(one.zones([name("z110.example"), name("_25._tcp.z110.example"), name("*.z110.example")])) == 3
    assert [seen.query["name"] for seen in emulator.seen] == ["z110.example"]
    emulator.seen.clear()
    two = opened(emulator)
    assert len(two.zones([name("z110.example"), name("z111.example")])) == 2
    assert [seen.query.get("page") for seen in emulator.seen] == ["1", None, None]
    emulator.seen.clear()
    many = opened(emulator)
    assert len(many.zones([name(f"z{number:03}.example") for number in range(170)])) == 170
    assert len(many.zones([name(f"z{number:03}.example") for number in range(170)])) == 170
    assert len(list(many.catalogue())) == 170
    assert [seen.query["page"] for seen in emulator.seen] == ["1", "2", "3", "4"]


def test_the_zone_of_a_name_is_remembered_and_so_is_that_there_is_none(emulator: CloudflareEmulator, zone: Zone) -> None:
    provider = opened(emulator)
    for _ in range(2):
        assert provider.zones([name("elsewhere.example")]) == {}
        assert list(provider.zones([APEX])) == [APEX]
    assert provider.zones([name("com")]) == {}
    assert emulator.operations == ["zones.list", "zones.list"]


def test_a_zone_that_is_not_delegated_yet_is_one(emulator: CloudflareEmulator, mx: MakeSet) -> None:
    emulator.add("example.com", status="pending")
    assert live(emulator, MX) is None


def test_of_two_zones_of_a_name_the_active_one_is_meant(emulator: CloudflareEmulator) -> None:
    emulator.add("example.com", "b" * 32, status="pending")
    active = emulator.add("example.com", "c" * 32)
    assert ref_of(opened(emulator)).id == active.id
    provider = opened(emulator)
    assert [zone.account for zone in provider.catalogue()] == ["b" * 32, "c" * 32]
    assert ref_of(provider).id == active.id


def test_of_two_zones_that_nobody_is_delegated_to_one_must_be_named(emulator: CloudflareEmulator) -> None:
    for account in ("b" * 32, "c" * 32):
        emulator.add("example.com", account, status="pending")
    with pytest.raises(Rejected, match="more than once") as caught:
        ref_of(opened(emulator))
    assert "set `account`" in caught.value.mend
    assert ref_of(opened(emulator, account="c" * 32)).account == "c" * 32


def test_another_accounts_zone_is_none_of_ours(emulator: CloudflareEmulator) -> None:
    emulator.add("example.com", "b" * 32)
    theirs = ref_of(opened(emulator))
    ours = opened(emulator, account="c" * 32)
    assert ours.zones([APEX]) == {}
    with pytest.raises(ZoneNotFound):
        ours.read(theirs, [MX])


def test_a_reference_of_a_saved_plan_is_looked_up_by_its_id(emulator: CloudflareEmulator, zone: Zone) -> None:
    saved = ref_of(opened(emulator))
    emulator.seen.clear()
    provider = opened(emulator)
    provider.read(saved, [MX])
    provider.read(saved, [MX])
    assert emulator.operations == ["zones.get", "records.list", "records.list"]
    with pytest.raises(ZoneNotFound):
        provider.read(replace(saved, id="f" * 32), [MX])
    with pytest.raises(ZoneNotFound):
        provider.read(replace(saved, id="../../accounts"), [MX])
    assert emulator.operations.count("zones.get") == 2


def test_a_zone_that_was_deleted_is_not_there_any_more(emulator: CloudflareEmulator, zone: Zone) -> None:
    provider = opened(emulator)
    ref = ref_of(provider)
    del emulator.zones[zone.id]
    with pytest.raises(ZoneNotFound):
        provider.read(ref, [MX])


def test_a_zone_whose_name_is_none_is_refused(emulator: CloudflareEmulator) -> None:
    emulator.add("exa..mple")
    with pytest.raises(Rejected, match="is none"):
        list(opened(emulator).catalogue())


def test_a_record_whose_name_is_none_is_refused(emulator: CloudflareEmulator, zone: Zone) -> None:
    zone.hold("A", "a..example.com", content="192.0.2.1")
    with pytest.raises(Rejected, match="whose name is none"):
        live(emulator, MX)


def test_what_a_token_may_do_is_told_without_writing(emulator: CloudflareEmulator, zone: Zone) -> None:
    provider = opened(emulator)
    ref = ref_of(provider)
    access = provider.access(ref)
    assert (access.readable, access.writable) == (True, None)
    assert access.detail
    emulator.fail("records.list", Fault(status=403, code=10000))
    access = provider.access(ref)
    assert (access.readable, access.writable) == (False, False)
    assert "10000" in access.detail


def test_a_secondary_zone_is_not_written(emulator: CloudflareEmulator) -> None:
    emulator.add("example.com", kind="secondary")
    provider = opened(emulator)
    access = provider.access(ref_of(provider))
    assert isinstance(access, Access)
    assert (access.readable, access.writable) == (True, False)


def test_the_options_are_judged_by_the_manifest() -> None:
    usual = {"type": "cloudflare", "token": {"env": "TOKEN"}}
    options = CloudflareOptions.model_validate(usual)
    assert (options.limit, options.endpoint) == (RATE, "https://api.cloudflare.com/client/v4")
    assert RATE.burst + RATE.per_second <= 200
    assert (RATE.most or 1200, RATE.within) < (1200, 301)
    assert CloudflareOptions.model_validate(usual | {"rate": 2}).limit == Rate(2, 2)
    assert CloudflareOptions.model_validate(usual | {"rate": {"rate": 2, "burst": 5}}).limit == Rate(2, 5)
    assert (
        CloudflareOptions.model_validate(usual | {"endpoint": "http://[::1]:80/client/v4/"}).endpoint
        == "http://[::1]:80/client/v4"
    )
    assert all(field.description for key, field in CloudflareOptions.model_fields.items() if key != "type")
    assert ADAPTER.options is CloudflareOptions
    assert ADAPTER.capabilities.types == {"MX", "DS", "TLSA", "TXT"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "a literal"},
        {"account": "not an id"},
        {"rate": 0},
        {"rate": -1.5},
        {"rate": {"rate": 0}},
        {"rate": {"burst": 5}},
        {"endpoint": "http://api.example/client/v4"},
        {"endpoint": "http://192.0.2.1/client/v4"},
        {"endpoint": "https://api.example"},
        {"endpoint": "https://user@api.example/client/v4"},
        {"endpoint": "api.example/client/v4"},
        {"zone": "example.com"},
    ],
    ids=str,
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        CloudflareOptions.model_validate({"type": "cloudflare", "token": {"env": "TOKEN"}} | wrong)
