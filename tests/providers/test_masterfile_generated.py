"""Generated zone files: read as dnspython reads them, and edited without a trace on anything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import dns.zone
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plans.plan import Change
from plans.values import Key, Name, RRset, Value, name, parse_value, rrset
from providers.masterfile import Entry, MasterFile, parse
from providers.masterfile_edit import edit
from providers.soa_serial import next_serial

ZONE = name("example.com")
NOW = datetime(2024, 6, 15, tzinfo=UTC)
CERTIFICATES = ("0f" * 32, "a0" * 32)
Records = dict[tuple[Name, str], tuple[int, frozenset[Value]]]

owners = st.sampled_from(
    ["@", "www", "WWW", "mail.example.com.", "_25._tcp.mail", "a.b.c", "*", "x\\.y", "\\$", "Example.COM.", "sub", "host.sub"]
)
ttls = st.sampled_from(["0", "300", "3600", "1h", "1H30m", "1w2D"])
hosts = st.sampled_from(["mx", "MX.example.net.", "a.b", "@", ".", "\\097", "mail\\;x"])
spaces = st.sampled_from([" ", "  ", "\t", " \t "])
comments = st.sampled_from(["", "", "", ";", " ; a ( comment", "\t;;\"'$TTL 5"])
strings = st.sampled_from(["plain", '"a b"', '"; ( )"', '"\\"\\\\"', "\\059x", '""', "a\\ b"])


layouts = st.tuples(spaces, st.sampled_from([99, 99, 0, 1, 2, 3]), st.sampled_from(["", "\n", "\n\t", "; c (\n "]))


def spread(text: str, at: int) -> list[str]:
    return [part for part in (text[:at], text[at:]) if part]


data = st.one_of(
    st.builds(lambda preference, host: ["MX", str(preference), host], st.integers(0, 65535), hosts),
    st.builds(lambda octet: ["A", f"192.0.2.{octet}"], st.integers(0, 255)),
    st.builds(lambda parts: ["TXT", *parts], st.lists(strings, min_size=1, max_size=3)),
    st.builds(
        lambda usage, certificate, at: ["TLSA", str(usage), "1", "1", *spread(certificate, at)],
        st.integers(2, 3),
        st.sampled_from([*CERTIFICATES, CERTIFICATES[0].upper()]),
        st.integers(1, 64),
    ),
    st.builds(lambda tag: ["DS", str(tag), "ECDSAP256SHA256", "2", CERTIFICATES[0]], st.integers(0, 65535)),
    st.builds(lambda host: ["NS", host], hosts.filter(lambda host: host != ".")),
    st.just(["TYPE15", "\\#", "3", "000a", "00"]),
    st.just(["TYPE65280", "\\#", "2", "ab", "Cd"]),
)


@st.composite
def record_lines(draw: st.DrawFn, *, soa: bool = False) -> str:
    """One record in any layout; the SOA names its owner and its TTL."""
    owner = "@" if soa else draw(st.one_of(owners, st.just("")))
    ttl = draw(ttls if soa else st.one_of(st.just(""), ttls))
    head = [ttl, draw(st.sampled_from(["", "IN", "in"]))]
    if draw(st.booleans()):
        head.reverse()
    fields = ["SOA", "ns1", "hostmaster", draw(st.sampled_from(["1", "2024061400", "4294967295"])), "2", "3", "4", "5"]
    fields = [part for part in head if part] + (fields if soa else draw(data))
    space, opened, joint = draw(layouts)
    line = owner + space
    for number, part in enumerate(fields):
        line += ("(" if number == opened else "") + part + space + (joint if opened <= number else "")
    if opened < len(fields):
        line += ")"
    return line + draw(comments)


@st.composite
def zone_texts(draw: st.DrawFn) -> str:
    lines = draw(st.lists(st.sampled_from(["", "; a comment", "  \t; another"]), max_size=2))
    if draw(st.booleans()):
        lines.append("$TTL " + draw(ttls))
    lines.append(draw(record_lines(soa=True)))
    others = st.one_of(
        record_lines(),
        record_lines(),
        record_lines(),
        st.sampled_from(["", "; c", "$ORIGIN sub.example.com.", "$origin example.com. ; c", "$ORIGIN example.com."]),
        ttls.map("$TTL {}".format),
    )
    lines += draw(st.lists(others, max_size=10))
    text = "\n".join(lines) + draw(st.sampled_from(["\n", "\n", ""]))
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@dataclass(frozen=True)
class Wish:
    owner: str
    rdata_type: str
    ttl: int
    values: tuple[str, ...]


wishes = st.lists(
    st.one_of(
        st.builds(
            Wish,
            st.sampled_from(["example.com", "www.example.com", "new.example.com", "sub.example.com", "x\\.y.example.com"]),
            st.just("MX"),
            st.sampled_from([0, 300, 3600, 5400]),
            st.lists(
                st.builds("{} {}".format, st.integers(0, 3), st.sampled_from(["mx.example.net.", "mx.example.com.", "."])),
                max_size=4,
            ).map(tuple),
        ),
        st.builds(
            Wish,
            st.sampled_from(["_25._tcp.mail.example.com", "www.example.com"]),
            st.just("TLSA"),
            st.sampled_from([300, 3600]),
            st.lists(st.builds("{} 1 1 {}".format, st.integers(2, 3), st.sampled_from(CERTIFICATES)), max_size=3).map(tuple),
        ),
        st.builds(
            Wish,
            st.sampled_from(["example.com", "www.example.com", "new.example.com", "x\\.y.example.com"]),
            st.just("TXT"),
            st.sampled_from([0, 3600]),
            st.sampled_from([('"MS=ms1"',), ('"a b; \\"c\\" \\\\"',)]),
        ),
        st.builds(Wish, st.just("sub.example.com"), st.just("DS"), st.just(60), st.just((f"1 13 2 {CERTIFICATES[1]}",))),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda wish: (wish.owner, wish.rdata_type),
)


def ours(file: MasterFile) -> Records:
    return {
        key: (min(entry.ttl for entry in entries), frozenset(entry.value for entry in entries))
        for key, entries in file.by_key.items()
    }


def dnspythons(text: str) -> Records:
    zone = dns.zone.from_text(text.replace("\r\n", "\n"), ZONE, relativize=False, check_origin=False)
    records: Records = {}
    for owner, rdataset in zone.iterate_rdatasets():
        rdata_type = dns.rdatatype.to_text(rdataset.rdtype)
        values = frozenset(parse_value(rdata_type, rdata.to_text()) for rdata in rdataset)
        records[name(owner.to_text()), rdata_type] = (rdataset.ttl, values)
    return records


def changes_to(file: MasterFile, wanted: list[Wish]) -> list[Change]:
    changes = []
    for wish in wanted:
        key = Key(name(wish.owner), wish.rdata_type)
        before = file.data.live(key)
        values = [parse_value(wish.rdata_type, value) for value in wish.values]
        if wish.rdata_type == "TXT" and isinstance(before, RRset):
            if set(values) <= set(before.values):
                continue
            values += before.values
        ttl = before.ttl if wish.rdata_type == "TXT" and isinstance(before, RRset) else wish.ttl
        after = rrset(wish.owner, wish.rdata_type, ttl, values) if values else None
        possible = after is None or file.data.obstacle(key) is None
        if possible and (before is None or isinstance(before, RRset)) and before != after:
            changes.append(Change(before, after))
    return changes


@settings(deadline=None)
@given(zone_texts())
def test_a_file_is_read_as_dnspython_reads_it(text: str) -> None:
    assert ours(parse(text.encode(), ZONE)) == dnspythons(text)


@settings(deadline=None)
@given(zone_texts(), wishes)
def test_an_edited_file_holds_what_it_held_with_the_changes_made(text: str, wanted: list[Wish]) -> None:
    before = parse(text.encode(), ZONE)
    changes = changes_to(before, wanted)
    assume(changes)
    expected = ours(before)
    for change in changes:
        expected.pop((change.key.owner, change.key.type), None)
        if change.after is not None:
            expected[change.key.owner, change.key.type] = (change.after.ttl, frozenset(change.after.values))
    (soa,) = expected[ZONE, "SOA"][1]
    fields = str(soa).split()
    fields[2] = str(next_serial(int(fields[2]), NOW))
    expected[ZONE, "SOA"] = (before.soa.ttl, frozenset({parse_value("SOA", " ".join(fields))}))
    edited = edit(text.encode(), ZONE, changes, NOW)
    assert ours(parse(edited, ZONE)) == expected
    assert dnspythons(edited.decode()) == expected
    for change in changes:
        assert parse(edited, ZONE).data.live(change.key) == change.after


def leans_on_others(before: Entry | None, entry: Entry, touched: set[tuple[Name, str]]) -> bool:
    """Whether a line may have to say what it inherited: only after one that changed, or where the last TTL counts."""
    owner = entry.owner_token is None and before is not None and (before.owner, before.type) in touched
    return owner or (entry.ttl_token is None and entry.default_ttl is None)


@settings(deadline=None)
@given(zone_texts(), wishes)
def test_every_other_line_stays_byte_for_byte_and_in_its_order(text: str, wanted: list[Wish]) -> None:
    before = parse(text.encode(), ZONE)
    changes = changes_to(before, wanted)
    assume(changes)
    touched = {(change.key.owner, change.key.type) for change in changes}
    may_differ = {(before.soa.start, before.soa.end)}
    for previous, entry in pairwise([None, *before.entries]):
        assert entry is not None
        if (entry.owner, entry.type) in touched or leans_on_others(previous, entry, touched):
            may_differ.add((entry.start, entry.end))
    edited = edit(text.encode(), ZONE, changes, NOW).decode()
    lines = iter(edited.splitlines())
    kept_until = 0
    for start, end in sorted([*may_differ, (len(text), len(text))]):
        assert all(line in lines for line in text[kept_until:start].splitlines()), text[kept_until:start]
        kept_until = end
    assert edited.count("\r\n") == (edited.count("\n") if "\r\n" in text else 0)


@settings(deadline=None)
@given(zone_texts(), wishes)
def test_the_same_edit_back_restores_every_set(text: str, wanted: list[Wish]) -> None:
    before = parse(text.encode(), ZONE)
    changes = [change for change in changes_to(before, wanted) if change.key.type != "TXT"]  # texts are never taken away
    back = [Change(change.after, change.before) for change in changes]
    assume(all(change.after is None or before.data.obstacle(change.key) is None for change in back))
    edited = edit(edit(text.encode(), ZONE, changes, NOW), ZONE, back, NOW)
    del (first := ours(before))[ZONE, "SOA"], (last := ours(parse(edited, ZONE)))[ZONE, "SOA"]
    assert first == last
