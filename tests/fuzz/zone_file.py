"""Master files: what is read comes back from its canonical form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st

from plans.values import MANAGED_TYPES, Key, name
from providers.masterfile import Entry, MasterFile, parse
from providers.masterfile_lines import MasterFileError
from tests.fuzz.harness import Read, Reader, samples
from tests.fuzz.mutation import Pool, mutated, relined

ZONE = name("contoso.example")
_WORDS = Pool(
    [
        *rb"""@ $ORIGIN $TTL $INCLUDE $GENERATE IN CH CLASS1 1h30m 99999999999w 3600 ( ) ; " \ \000 \032 \255 * . ..
        contoso.example. www a.b.contoso.example. SOA NS A AAAA MX TXT CNAME DS TLSA CAA SRV SVCB HTTPS NAPTR LOC
        RRSIG NSEC NSEC3 DNSKEY TYPE65534 APL \# 4 0a000001 192.0.2.1 2001:db8::1 "v=spf1" alpn="h2,h3"
        ipv4hint=192.0.2.1 key65000=x 10 0 mail 0 issue "ca.example" + ns1 hostmaster 1 3600 600 86400 300 52 22
        23.000 N 4 53 32.000 E -2.00m A99 HINFO RP WKS ISDN X25 NSAP 0x47 GPOS AMTRELAY IPSECKEY CERT OPENPGPKEY
        SSHFP URI HIP EUI48 00-00-5e-00-53-2a ANY AXFR OPT TSIG""".split(),
        b"\t",
        b" ",
        b"\r\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
    ]
)


@contextmanager
def _opened() -> Iterator[Read]:
    yield _read


def _read(octets: bytes) -> bool:
    found = parse(octets, ZONE)
    again = parse(_canonical(found), ZONE)
    assert list(map(_told, again.entries)) == list(map(_told, found.entries))
    for key in {Key(entry.owner, kind) for entry in found.entries for kind in (entry.type, *MANAGED_TYPES)}:
        assert found.data.live(key) == again.data.live(key)
    return True


def _canonical(found: MasterFile) -> bytes:
    return "".join(f"{one.owner} {one.ttl} IN {one.type} {one.value}\n" for one in found.entries).encode("latin-1")


def _told(entry: Entry) -> object:
    return entry.owner, entry.ttl, entry.type, entry.value


def _inputs() -> st.SearchStrategy[bytes]:
    held = samples(READER.name)
    return st.one_of(mutated(held, _WORDS), relined(held, _WORDS))


READER = Reader("zone-file", _opened, _inputs, (MasterFileError,), 80)
