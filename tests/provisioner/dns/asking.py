"""What the tests of lookups ask for, and what a server says that does not answer for its zone."""

from __future__ import annotations

from plans.values import Key, name
from providers.contract import Lookup, Served
from tests.emulators.dns import Fault

CONTOSO = name("contoso.example")
NS1, NS2 = name("ns1.contoso.example"), name("ns2.contoso.example")


def key(owner: str, kind: str) -> Key:
    return Key(name(owner), kind)


def one(lookup: Lookup, owner: str, kind: str) -> Served:
    wanted = key(owner, kind)
    return lookup.served(CONTOSO, [wanted])[wanted]


LAME = [Fault.REFUSED, Fault.SERVFAIL, Fault.NO_AUTHORITY, Fault.UPWARD, Fault.OTHER_RECORDS]
