"""What the conformance suite asks of an adapter, as data: names count from the zone, `@` is its apex, values are RDATA."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from plans.values import MANAGED_TYPES, Key, Name, RRset, name, parse_value, rrset


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """One record as a zone holds it: TTL in seconds, RDATA in presentation format."""

    owner: Name
    type: str
    ttl: int
    value: str

    @classmethod
    def of(cls, owner: str, rdata_type: str, ttl: int, value: str) -> Record:
        """Make a record from names and RDATA in any spelling, names absolute.

        Raises:
            ValueError: the owner is no name, or the value no RDATA of that type.

        """
        return cls(name(owner), rdata_type, ttl, str(parse_value(rdata_type, value)))


@dataclass(frozen=True, slots=True)
class Held:
    """What stands at a key."""

    ttl: int
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A key that is read; `held` was put there before, or belongs to the surroundings. None: nothing is there."""

    name: str
    owner: str
    type: str
    held: Held | None


@dataclass(frozen=True, slots=True)
class Node:
    """A name of the surroundings and the types that it holds; None: it does not exist. SOA and NS at the apex do not count."""

    name: str
    owner: str
    types: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Write:
    """One change, from what stands there to what is wanted."""

    name: str
    owner: str
    type: str
    before: Held | None
    after: Held | None


@dataclass(frozen=True, slots=True)
class Race:
    """A change that must not be made: between reading and writing, somebody else made it `meanwhile`."""

    name: str
    write: Write
    meanwhile: Held | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A set that no zone of this apex holds; `owner` is written with `{zone}` for the apex without its final dot."""

    name: str
    owner: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Sample:
    """What a type's cases are made of: three names that may hold it, and values."""

    owners: tuple[str, str, str]
    one: str
    two: str
    three: str
    many: tuple[str, ...]


DIGEST, OTHER_DIGEST = "0f" * 32, "a0" * 32
SAMPLES = {
    "MX": Sample(
        ("box", "crate", "chest"),
        "10 old.example.net.",
        "20 older.example.net.",
        "0 new.mail.example.net.",
        tuple(f"{number} mx{number}.example.net." for number in range(20)),
    ),
    "DS": Sample(
        ("sub", "north", "south"),
        f"1 13 2 {DIGEST}",
        f"2 13 2 {OTHER_DIGEST}",
        f"3 8 2 {DIGEST}",
        tuple(f"{number} 13 2 {DIGEST}" for number in range(20)),
    ),
    "TLSA": Sample(
        ("_25._tcp.box", "_25._tcp.crate", "_465._tcp.box"),
        f"3 1 1 {DIGEST}",
        f"3 1 1 {OTHER_DIGEST}",
        f"2 1 1 {DIGEST}",
        tuple(f"3 1 1 {number:064x}" for number in range(20)),
    ),
    "TXT": Sample(
        ("box", "crate", "chest"),
        '"v=spf1 -all"',
        '"some-site-verification=AbC"',
        '"MS=ms12345678"',
        tuple(f'"value {number}"' for number in range(20)),
    ),
}
SURROUNDINGS = (
    ("mail", 300, "A", "192.0.2.1"),
    ("mail", 300, "AAAA", "2001:db8::1"),
    ("www", 3600, "CNAME", "mail"),
    ("@", 3600, "CAA", '0 issue "ca.example.net"'),
    ("a.deep", 300, "A", "192.0.2.2"),
    ("*.wild", 300, "A", "192.0.2.3"),
    ("_sip._tcp.phone", 300, "SRV", "10 5 5061 mail"),
    ("sub", 3600, "NS", "ns.sub"),
    ("ns.sub", 3600, "A", "192.0.2.4"),
    ("north", 3600, "NS", "ns.example.net."),
    ("south", 3600, "NS", "ns.example.net."),
)
"""What every zone of the suite holds beside a case's own sets: nobody's business, and the same after every case."""

NODES = (
    Node("the apex", "@", frozenset({"CAA"})),
    Node("several types", "mail", frozenset({"A", "AAAA"})),
    Node("a CNAME", "www", frozenset({"CNAME"})),
    Node("a delegation", "sub", frozenset({"NS"})),
    Node("a wildcard", "*.wild", frozenset({"A"})),
    Node("an empty non-terminal", "deep", frozenset()),
    Node("empty non-terminals of service labels", "_tcp.phone", frozenset()),
    Node("the empty non-terminal above a wildcard", "wild", frozenset()),
    Node("a name that only a wildcard answers for", "x.wild", None),
    Node("a name that is not there", "nowhere", None),
)


def owner_of(apex: Name, owner: str) -> Name:
    """Give a case's owner name in the zone."""
    return apex if owner == "@" else name(f"{owner}.{apex}")


def set_of(apex: Name, owner: str, rdata_type: str, held: Held) -> RRset:
    """Give the set that a case tells of."""
    values = [parse_value(rdata_type, value, apex) for value in held.values]
    return rrset(owner_of(apex, owner), rdata_type, held.ttl, values)


def records_of(found: RRset | None) -> frozenset[Record]:
    """Give a set's records; of no set none."""
    if found is None:
        return frozenset()
    return frozenset(Record(found.key.owner, found.key.type, found.ttl, str(value)) for value in found.values)


def surroundings(apex: Name) -> frozenset[Record]:
    """Give the records that every zone of the suite holds."""
    sets = (set_of(apex, owner, rdata_type, Held(ttl, (value,))) for owner, ttl, rdata_type, value in SURROUNDINGS)
    return frozenset[Record]().union(*map(records_of, sets))


def irregular_records(key: Key, kind: str) -> frozenset[Record]:
    """Give records that leave an irregular set at a key: kinds that a zone of plain records can hold.

    Raises:
        KeyError: it is none of those kinds.

    """
    sample = SAMPLES[key.type]
    beside = {
        "mixed TTLs": Record(key.owner, key.type, 3600, sample.two),
        "CNAME at the name": Record(key.owner, "CNAME", 300, "mail.example.net."),
        "zone cut at the name": Record(key.owner, "NS", 300, "ns.example.net."),
    }
    return frozenset({Record(key.owner, key.type, 300, sample.one), beside[kind]})


def reads(types: Collection[str]) -> Iterator[Read]:
    """Give the reading cases of an adapter that writes these types."""
    for rdata_type in sorted(types):
        sample = SAMPLES[rdata_type]
        yield Read(f"{rdata_type} present", sample.owners[0], rdata_type, Held(3600, (sample.one, sample.two)))
        yield Read(f"{rdata_type} absent at a name that exists", "mail", rdata_type, None)
        yield Read(f"{rdata_type} absent at a name that does not exist", "nowhere", rdata_type, None)
        yield Read(f"{rdata_type} absent at a CNAME", "www", rdata_type, None)
    yield Read("a type that is never written", "mail", "A", Held(300, ("192.0.2.1",)))


def writes(types: Collection[str]) -> Iterator[Write]:
    """Give the writing cases of an adapter that writes these types."""
    for rdata_type in sorted(types):
        yield from _additions(rdata_type, SAMPLES[rdata_type])
        if rdata_type != "TXT":
            yield from _other_writes(rdata_type, SAMPLES[rdata_type])
    yield from (case for case in _SPECIAL_WRITES if case.type in types)


def races(types: Collection[str]) -> Iterator[Race]:
    """Give the cases in which somebody else was faster."""
    for rdata_type in sorted(types):
        sample = SAMPLES[rdata_type]
        owner = sample.owners[0]
        old = Held(3600, (sample.one,))
        create = Write("create", owner, rdata_type, None, old)
        yield Race(f"{rdata_type} create, another set was created", create, Held(3600, (sample.two,)))
        yield Race(f"{rdata_type} create, the same set was created", create, old)
        writes = [Write("update", owner, rdata_type, old, Held(3600, (sample.one, sample.three)))]
        if rdata_type != "TXT":
            writes.append(Write("delete", owner, rdata_type, old, None))
        for write in writes:
            yield Race(f"{rdata_type} {write.name}, the value changed", write, Held(3600, (sample.two,)))
            yield Race(f"{rdata_type} {write.name}, a value was added", write, Held(3600, (sample.one, sample.two)))
            yield Race(f"{rdata_type} {write.name}, the TTL changed", write, Held(300, (sample.one,)))
            yield Race(f"{rdata_type} {write.name}, the set went", write, None)


def refusals(types: Collection[str]) -> Iterator[Refusal]:
    """Give the sets that planning must refuse."""
    for rdata_type in sorted(types):
        value = SAMPLES[rdata_type].one
        yield Refusal(f"{rdata_type} outside the zone", "elsewhere.invalid", rdata_type, value)
        yield Refusal(f"{rdata_type} at a name that ends like the zone", "x{zone}", rdata_type, value)
        yield Refusal(f"{rdata_type} at a name whose dot is no boundary", "x\\.{zone}", rdata_type, value)
    if "DS" in types:
        yield Refusal("DS at the apex, which belongs into the parent zone", "{zone}", "DS", SAMPLES["DS"].one)
    for rdata_type in sorted(MANAGED_TYPES.keys() - types):
        yield Refusal(f"{rdata_type}, which the adapter does not write", "box.{zone}", rdata_type, SAMPLES[rdata_type].one)
    yield Refusal("A, which nobody writes", "box.{zone}", "A", "192.0.2.9")


def _additions(rdata_type: str, sample: Sample) -> Iterator[Write]:
    """Writes by which nothing is lost; of texts there are no others (`plans.plan.Change`)."""
    owner = sample.owners[0]
    one, two, three = sample.one, sample.two, sample.three

    def case(what: str, before: Held | None, after: Held | None) -> Write:
        return Write(f"{rdata_type} {what}", owner, rdata_type, before, after)

    yield case("create", None, Held(3600, (three,)))
    yield case("add a value", Held(3600, (one,)), Held(3600, (one, three)))
    yield case("add a value to two, another TTL", Held(7200, (one, two)), Held(7200, (one, two, three)))
    yield case("grow to 20 values", Held(3600, sample.many[:19]), Held(3600, sample.many))


def _other_writes(rdata_type: str, sample: Sample) -> Iterator[Write]:
    owner = sample.owners[0]
    one, two, three = sample.one, sample.two, sample.three

    def case(what: str, before: Held | None, after: Held | None) -> Write:
        return Write(f"{rdata_type} {what}", owner, rdata_type, before, after)

    yield case("create two values", None, Held(3600, (one, two)))
    yield case("create 20 values", None, Held(3600, sample.many))
    yield case("replace the value, keep the TTL", Held(3600, (one,)), Held(3600, (three,)))
    yield case("replace the value and the TTL", Held(3600, (one,)), Held(300, (three,)))
    yield case("replace one value of two", Held(3600, (one, two)), Held(3600, (one, three)))
    yield case("replace two values by one", Held(3600, (one, two)), Held(3600, (three,)))
    yield case("change the TTL alone", Held(3600, (one, two)), Held(300, (one, two)))
    yield case("remove a value", Held(3600, (one, two)), Held(3600, (one,)))
    yield case("shrink from 20 values", Held(3600, sample.many), Held(3600, sample.many[7:8]))
    yield case("delete one value", Held(3600, (one,)), None)
    yield case("delete 20 values", Held(3600, sample.many), None)


def _text(what: str, value: str) -> Write:
    before = (value, SAMPLES["TXT"].one)
    return Write(f"TXT beside {what}", "@", "TXT", Held(3600, before), Held(3600, (*before, SAMPLES["TXT"].three)))


_MX, _NEW_MX = Held(3600, (SAMPLES["MX"].one,)), Held(3600, (SAMPLES["MX"].three,))
_SPECIAL_WRITES = (
    Write("MX create at the apex", "@", "MX", None, _NEW_MX),
    Write("MX replace at the apex", "@", "MX", _MX, _NEW_MX),
    Write("MX delete at the apex", "@", "MX", _MX, None),
    Write("MX create beside other types", "mail", "MX", None, _NEW_MX),
    Write("MX delete beside other types", "mail", "MX", _MX, None),
    Write("MX create at an empty non-terminal", "deep", "MX", None, _NEW_MX),
    Write("MX create at a wildcard", "*.wild", "MX", None, _NEW_MX),
    Write("MX replace at a wildcard", "*", "MX", _MX, _NEW_MX),
    Write("MX create at an A-label", "xn--bcher-kva", "MX", None, _NEW_MX),
    Write("MX replace at an A-label", "xn--bcher-kva", "MX", _MX, _NEW_MX),
    Write("MX create at an escaped name", "a\\.b", "MX", None, _NEW_MX),
    Write("MX replace at an escaped name", "a\\.b", "MX", _MX, _NEW_MX),
    Write("MX create with an exchange in the zone", "box", "MX", None, Held(3600, ("10 mail",))),
    Write("MX create with an A-label as exchange", "box", "MX", None, Held(3600, ("10 xn--bcher-kva.example.net.",))),
    Write("MX replace by the null MX", "box", "MX", _MX, Held(3600, ("0 .",))),
    Write("MX change the preference alone", "box", "MX", _MX, Held(3600, ("65535 old.example.net.",))),
    Write("MX create with a TTL of 1 s", "box", "MX", None, Held(1, (SAMPLES["MX"].one,))),
    Write("MX change the TTL to 1 s", "box", "MX", _MX, Held(1, (SAMPLES["MX"].one,))),
    Write("MX create with a TTL of four weeks", "box", "MX", None, Held(2419200, (SAMPLES["MX"].one,))),
    Write("DS create SHA-384", "sub", "DS", None, Held(3600, (f"1 14 4 {'0f' * 48}",))),
    Write("TLSA create SHA-512", "_25._tcp.mail", "TLSA", None, Held(3600, (f"3 1 2 {'0f' * 64}",))),
    Write("TLSA create a whole certificate", "_25._tcp.mail", "TLSA", None, Held(3600, (f"3 0 0 {'30' * 900}",))),
    Write("TLSA create at a wildcard", "*._tcp.mail", "TLSA", None, Held(3600, (SAMPLES["TLSA"].one,))),
    Write("TXT create at the apex", "@", "TXT", None, Held(3600, (SAMPLES["TXT"].three,))),
    _text("several strings", '"v=DKIM1; p=" "AbCd"'),
    _text("a string of 255 octets", f'"{"x" * 255}"'),
    _text("quotes, backslashes and semicolons", r'"a \"b\" \\ c; d"'),
    _text("octets beyond ASCII", r'"\195\164\000"'),
    _text("an empty string", '""'),
    _text("another case of the same text", '"ms=MS12345678"'),
)
