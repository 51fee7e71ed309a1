"""The emulator and the adapter against the vendor's own types: what is sent, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloudflare.types.dns.dnssec import DNSSEC
from cloudflare.types.dns.record_batch_params import RecordBatchParams
from cloudflare.types.dns.record_batch_response import RecordBatchResponse
from cloudflare.types.dns.record_response import RecordResponse
from cloudflare.types.zones import Zone as VendorZone
from pydantic import TypeAdapter

from plans.plan import Change
from plans.values import RRset, name
from tests.emulators.cloudflare import CloudflareEmulator, running
from tests.emulators.cloudflare_zone import VENDOR
from tests.providers.cloudflare_bench import TOKEN, opened

MakeSet = Callable[..., RRset]
DIGEST = "0f" * 32


@pytest.fixture
def emulator() -> Iterator[CloudflareEmulator]:
    with running(CloudflareEmulator(TOKEN)) as emulator:
        yield emulator


def work(emulator: CloudflareEmulator, rrs: MakeSet) -> None:
    """Make every kind of change of every type, and sign."""
    zone = emulator.add("example.com")
    zone.hold("NS", "sub.example.com", content="ns.example.net")
    provider = opened(emulator)
    ref = provider.zones([name("example.com")])[name("example.com")]
    steps: dict[tuple[str, str], list[tuple[int, list[str]]]] = {
        ("example.com", "MX"): [
            (60, ["10 a.example."]),
            (300, ["0 b.example.", "20 c.example."]),
            (300, ["0 b.example."]),
            (0, []),
        ],
        ("sub.example.com", "DS"): [(60, [f"1 13 2 {DIGEST}"]), (60, [f"2 13 2 {DIGEST}"]), (0, [])],
        ("_25._tcp.example.com", "TLSA"): [(60, [f"3 1 1 {DIGEST}"]), (300, [f"3 0 1 {DIGEST}"]), (0, [])],
        ("example.com", "TXT"): [(60, ['"MS=ms1"']), (60, ['"MS=ms1"', '"MS=ms2"'])],
    }
    for (owner, rdata_type), sets in steps.items():
        before = None
        for ttl, values in sets:
            after = rrs(owner, rdata_type, ttl, *values) if values else None
            change = Change(before, after)
            base = provider.read(ref, [change.key])
            assert provider.apply(base, [change])[change.key].status == "written"
            before = after
    signer = provider.signer()
    signer.sign(ref)
    signer.unsign(ref)


def test_our_batches_are_the_vendors(emulator: CloudflareEmulator, rrs: MakeSet) -> None:
    work(emulator, rrs)
    vendor: TypeAdapter[Any] = TypeAdapter(RecordBatchParams)
    batches = [seen.body for seen in emulator.seen if seen.operation == "records.batch"]
    assert {part for batch in batches for part in batch} == {"deletes", "patches", "posts"}
    for batch in batches:
        judged = vendor.validate_python({"zone_id": "z"} | batch)
        assert {part: list(rows) for part, rows in judged.items() if part != "zone_id"} == batch


def test_what_the_emulator_answers_is_the_vendors(emulator: CloudflareEmulator, rrs: MakeSet) -> None:
    work(emulator, rrs)
    record: TypeAdapter[Any] = TypeAdapter(RecordResponse)
    for seen in emulator.seen:
        result = seen.answer["result"]
        assert set(seen.answer) >= set(VENDOR["failure"]["required"])
        match seen.operation:
            case "zones.list":
                assert all(set(one) >= set(VENDOR["zone"]["required"]) for one in result)
                assert [VendorZone.model_validate(one).name for one in result] == ["example.com"]
            case "records.list":
                assert [record.validate_python(one).id for one in result] == [one["id"] for one in result]
            case "records.batch":
                RecordBatchResponse.model_validate(result)
            case "dnssec.get" | "dnssec.edit":
                assert DNSSEC.model_validate(result).status in VENDOR["dnssec"]["status"]
                assert set(result) <= set(VENDOR["dnssec"]["properties"])
            case _:
                assert seen.operation == "dnssec.delete"
