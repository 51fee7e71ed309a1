from __future__ import annotations

from pathlib import Path

import dns.dnssec
import dns.rdata
import pytest

from plans.facts import Security
from plans.values import Key
from providers.contract import Unavailable
from provisioner.dns.anchor import ROOT_ANCHOR, read_anchor
from tests.emulators.dns_signed import signing_key
from tests.provisioner.dns.signed_bench import CONTOSO, Bench, keys

KSK_2017 = """257 3 8 (
    AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv
    ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e
    oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN
    R1AkUTV74bU= )"""
KSK_2024 = """257 3 8 (
    AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHb
    GiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqp
    dVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUe
    ayffKC73PYc= )"""


def test_the_anchor_that_is_built_in_names_the_keys_of_the_root() -> None:
    keys_of_root = [dns.rdata.from_text("IN", "DNSKEY", text) for text in (KSK_2017, KSK_2024)]
    assert tuple(dns.dnssec.make_ds(".", key, "SHA256") for key in keys_of_root) == ROOT_ANCHOR
    assert [one.key_tag for one in ROOT_ANCHOR] == [20326, 38696]


def test_an_anchor_is_read_from_keys_and_from_digests(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    file.write_text(f"; trusted\n. 86400 IN DNSKEY {KSK_2017}\n. DS {ROOT_ANCHOR[1]}\n. NS a.root.\n")
    assert set(read_anchor(file)) == set(ROOT_ANCHOR)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no DNSKEY or DS"),
        (". DS 1 200 2 " + "ab" * 32, "has no DNSKEY or DS of an algorithm that can be checked"),
        ("example. DS 1 13 2 " + "ab" * 32, "has a record of example., not of the root"),
        (". DS what", "root.key"),
        ("\xff\xfe", "root.key"),
        (None, "No such file"),
    ],
)
def test_an_anchor_that_cannot_be_used_is_refused_with_its_mend(text: str | None, told: str, tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    with pytest.raises(Unavailable, match="trust anchor cannot be") as refused:
        read_anchor(file)
    assert told in refused.value.detail
    assert "trust_anchor" in refused.value.mend


def test_a_key_is_as_good_an_anchor_as_its_digest_and_one_of_two_is_enough(bench: Bench) -> None:
    mx = Key(CONTOSO, "MX")
    lines = f". DNSKEY {keys('root')[0].public}\n. DNSKEY {signing_key().public}\n"
    assert bench.lookup(anchor=lines).secured(mx).security is Security.SECURE
    assert bench.lookup(anchor=f". DNSKEY {signing_key().public}\n").secured(mx).security is Security.BOGUS
    with pytest.raises(Unavailable, match="trust anchor cannot be used"):
        bench.lookup(anchor="").secured(mx)
