from __future__ import annotations

import random

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from plans.values import Key, Mx, Name, RRset, name, rrset
from provisioner.dns import answers
from provisioner.dns.answers import Delegated, Lame
from provisioner.dns.crawl import read_message
from provisioner.dns.octets import Fit, Question, fit, is_alike, is_whole, mx_set, question, referral
from tests.strategies import domains, mx_values, ttls

CONTOSO = name("contoso.example")
MX = Key(CONTOSO, "MX")
CHANCE = random.Random(7)  # noqa: S311 - no secret
SET = "contoso.example. 600 IN MX 0 mail.contoso.example."


def asked(owner: Name = CONTOSO, kind: RdataType = RdataType.MX) -> Question:
    return question(owner, kind, CHANCE)


def record_of(text: str) -> dns.rrset.RRset:
    owner, ttl, rdclass, kind, data = text.split(maxsplit=4)
    return dns.rrset.from_text(owner, int(ttl), rdclass, kind, data)


def reply(to: Question, *records: str, aa: bool = True, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    made = dns.message.make_response(dns.message.from_wire(to.octets))
    made.flags |= dns.flags.AA if aa else 0
    made.set_rcode(rcode)
    made.answer = [record_of(text) for text in records]
    return made


def refer(*servers: str, owner: str = "contoso.example.", glue: tuple[str, ...] = ()) -> dns.message.Message:
    made = reply(asked(CONTOSO, RdataType.NS), aa=False)
    made.authority = [dns.rrset.from_text(owner, 600, "IN", "NS", *servers)]
    made.additional = [record_of(text) for text in glue]
    return made


@given(domains | st.sampled_from([name("."), name(r"a\.b\032c.example"), name("*.example")]))
def test_a_question_asks_for_the_name_whatever_the_case_of_its_letters(owner: Name) -> None:
    one = asked(owner)
    read = dns.message.from_wire(one.octets)
    assert (read.id, read.edns, read.payload, read.flags) == (one.id, 0, 1232, 0)
    assert read.question[0].rdtype == RdataType.MX
    assert read.question[0].name.canonicalize().to_text() == owner
    assert one.asked in one.octets


def test_ids_and_case_differ_from_question_to_question_and_no_id_is_taken_twice() -> None:
    some = [asked() for _ in range(20)]
    assert len({one.id for one in some}) > 1 < len({one.asked for one in some})
    assert question(CONTOSO, RdataType.MX, CHANCE, range(65535)).id == 65535
    assert dns.message.from_wire(question(CONTOSO, RdataType.MX, CHANCE, recurse=True).octets).flags == dns.flags.RD


def test_only_what_answers_a_question_fits_it() -> None:
    one = asked()
    good = reply(one, SET).to_wire()
    assert fit(one, good) is Fit.ANSWER
    assert fit(one, bytes([good[0] ^ 1]) + good[1:]) is Fit.NONE
    assert fit(one, one.octets) is Fit.NONE
    assert fit(one, good[:2] + bytes([good[2] | 0x08]) + good[3:]) is Fit.NONE
    assert fit(one, good[:11]) is Fit.NONE
    assert fit(one, reply(asked(name("other.example"))).to_wire()) is Fit.NONE
    assert fit(one, good.replace(one.asked, one.asked[:-4] + b"\0\1\0\1")) is Fit.NONE
    assert fit(one, good.replace(one.asked, one.asked.swapcase())) is Fit.TCP
    cut = good[:2] + bytes([good[2] | 0x02]) + good[3:]
    assert (fit(one, cut), is_whole(cut), is_whole(good)) == (Fit.TCP, False, True)


@pytest.mark.parametrize(("code", "expected"), [(dns.rcode.REFUSED, Fit.ANSWER), (dns.rcode.NOERROR, Fit.NONE)])
def test_an_error_may_come_without_the_question(code: dns.rcode.Rcode, expected: Fit) -> None:
    one = asked()
    error = reply(one, rcode=code, aa=False)
    error.question = []
    assert fit(one, error.to_wire()) is expected


@given(st.lists(mx_values, min_size=1, max_size=4), ttls, domains)
def test_a_plain_answer_is_read_as_it_is_read_in_full(values: list[Mx], ttl: int, owner: Name) -> None:
    one, held = asked(owner), rrset(owner, "MX", ttl, values)
    octets = reply(one, *(f"{owner} {ttl} IN MX {value}" for value in values)).to_wire()
    assert mx_set(octets, held.key) == held == answers.key(read_message(octets), owner, held.key).held


def test_answers_that_say_the_same_are_alike_whatever_their_ids_and_the_case_of_the_question() -> None:
    one, other = reply(asked(), SET).to_wire(), reply(asked(), SET).to_wire()
    assert one[:30] != other[:30]
    assert is_alike(one, other)


@pytest.mark.parametrize(
    "other",
    [
        reply(asked(), SET, aa=False),
        reply(asked(), SET, rcode=dns.rcode.NXDOMAIN),
        reply(asked(), SET.replace("600", "601")),
        reply(asked(), SET.replace(" 0 ", " 1 ")),
        reply(asked(), SET, SET.replace("mail", "other")),
        reply(asked()),
    ],
)
def test_answers_that_differ_are_not_alike(other: dns.message.Message) -> None:
    one = reply(asked(), SET).to_wire()
    assert not is_alike(one, other.to_wire())
    assert not is_alike(other.to_wire(), one)


def test_messages_without_a_question_are_not_alike() -> None:
    bare = asked().octets[:4] + bytes(8)
    assert not is_alike(bare, bare)


@pytest.mark.parametrize(
    "special",
    [
        reply(asked(), SET, aa=False),
        reply(asked(), SET, rcode=dns.rcode.SERVFAIL),
        reply(asked()),
        reply(asked(), SET, "contoso.example. 601 IN MX 1 mail.contoso.example."),
        reply(asked(), SET, "contoso.example. 600 IN TXT x"),
        reply(asked(), SET, "other.example. 600 IN MX 0 mail.contoso.example."),
        reply(asked(), "contoso.example. 600 CH MX 0 mail.contoso.example."),
        reply(asked(), "contoso.example. 600 IN CNAME other.example."),
        reply(asked(), "contoso.example. 2147483648 IN MX 0 mail.contoso.example."),
    ],
)
def test_an_answer_that_is_not_plain_is_not_read(special: dns.message.Message) -> None:
    assert mx_set(special.to_wire(), MX) is None


def test_a_referral_names_servers_and_the_addresses_that_count() -> None:
    glue = (
        "ns1.contoso.example. 60 IN A 192.0.2.1",
        "ns1.contoso.example. 60 IN AAAA 2001:db8::1",
        "ns1.contoso.example. 60 IN TXT x",
        "ns1.contoso.example. 60 CH A 192.0.2.2",
        "other.contoso.example. 60 IN A 192.0.2.3",
        "ns2.elsewhere.test. 60 IN A 192.0.2.4",
    )
    octets = refer("NS1.contoso.example.", "ns2.elsewhere.test.", glue=glue[:3] + glue[4:]).to_wire()
    servers = frozenset({name("ns1.contoso.example"), name("ns2.elsewhere.test")})
    known = {name("ns1.contoso.example"): frozenset({"192.0.2.1", "2001:db8::1"})}
    assert referral(octets, name("example"), CONTOSO) == Delegated(CONTOSO, servers, known)
    assert referral(octets, name("example"), CONTOSO) == answers.step(read_message(octets), name("example"), CONTOSO)
    from_root = referral(octets, Name("."), CONTOSO)
    assert from_root is not None
    assert from_root.glue.keys() == servers
    assert from_root == answers.step(read_message(octets), Name("."), CONTOSO)


@pytest.mark.parametrize(
    "special",
    [
        refer("ns1.contoso.example.", owner="example."),
        refer(*(f"ns{number}.contoso.example." for number in range(33))),
        reply(asked(CONTOSO, RdataType.NS), "contoso.example. 60 IN NS ns1.contoso.example."),
        reply(asked(CONTOSO, RdataType.NS), rcode=dns.rcode.REFUSED),
        reply(asked(CONTOSO, RdataType.NS)),
    ],
)
def test_what_is_no_plain_referral_is_not_read(special: dns.message.Message) -> None:
    assert referral(special.to_wire(), name("example"), CONTOSO) is None


def ending(message: dns.message.Message, length: int, tail: bytes) -> bytes:
    """Give a message whose last record's data, `length` octets, are others."""
    message.use_edns(edns=None)
    octets = message.to_wire()
    return octets[: -length - 2] + len(tail).to_bytes(2, "big") + tail


@pytest.mark.parametrize(
    "tail",
    [
        b"\0\0\xc0\x0c\0",
        b"\0\0\xc0\xff",
        b"\0\0\xc0",
        b"\0\0\x80",
        b"\0\0\x05ab",
        b"\0\0" + b"\x3f" * 64 * 4 + b"\0",
        b"\0\0" + (b"\x3f" + b"a" * 63) * 3 + b"\x32" + b"a" * 50 + b"\xc0\x0c",
        b"\0",
        b"",
    ],
)
def test_data_that_is_not_one_record_is_not_read(tail: bytes) -> None:
    whole = ending(reply(asked(), "contoso.example. 600 IN MX 0 contoso.example."), 4, b"\0\0\xc0\x0c")
    assert mx_set(whole, MX) == rrset(CONTOSO, "MX", 600, [Mx(0, CONTOSO)])
    assert mx_set(ending(reply(asked(), "contoso.example. 600 IN MX 0 contoso.example."), 4, tail), MX) is None
    assert referral(ending(refer("contoso.example."), 2, tail[2:] or b"\xc0"), name("example"), CONTOSO) is None


def test_a_question_whose_name_is_not_spelt_out_is_not_read() -> None:
    whole = reply(asked(), SET).to_wire()
    assert mx_set(whole[:12] + b"\xc0\x0c\0" + whole[15:], MX) is None


WHOLE = [
    reply(asked(), SET, "contoso.example. 600 IN MX 10 ns.elsewhere.test.").to_wire(),
    refer("ns1.contoso.example.", "ns2.elsewhere.test.", glue=("ns1.contoso.example. 60 IN A 192.0.2.1",)).to_wire(),
    reply(asked(), "contoso.example. 600 IN CNAME other.example.").to_wire(),
]


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    octets = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.sampled_from([0, 1, 12, 63, 64, 127, 192, 255]))
    return bytes(octets[: draw(st.integers(0, len(octets)))])


@given(st.binary(max_size=80) | spoiled())
def test_no_octets_raise_anything(octets: bytes) -> None:
    one = asked()
    assert isinstance(fit(one, octets), Fit)
    assert isinstance(mx_set(octets, MX), RRset | None)
    assert isinstance(referral(octets, name("example"), CONTOSO), Delegated | None)
    try:
        message = read_message(octets)
        answers.key(message, name("example"), MX)
        answers.step(message, name("example"), CONTOSO)
        answers.addresses(message, name("example"), CONTOSO)
    except Lame:
        pass
