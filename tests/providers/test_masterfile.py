from __future__ import annotations

import pytest

from plans.values import Irregular, Key, Mx, Name, RRset, name
from providers.masterfile import MasterFile, parse
from providers.masterfile_lines import MAX_OCTETS, MasterFileError

ZONE = name("example.com")
SOA = "@ 3600 IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n"
TTL = "$TTL 1800\n"
CERTIFICATE = "0f" * 32


def read(text: str | bytes) -> MasterFile:
    return parse(text if isinstance(text, bytes) else text.encode(), ZONE)


def records(file: MasterFile) -> list[tuple[str, int, str, str]]:
    """All but the SOA."""
    return [(entry.owner, entry.ttl, entry.type, str(entry.value)) for entry in file.entries if entry.type != "SOA"]


def live(file: MasterFile, owner: str, rdata_type: str) -> object:
    return file.data.live(Key(name(owner), rdata_type))


MX = ("example.com.", 1800, "MX", "10 mx.example.com.")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("@ MX 10 mx\n", MX, id="at sign and relative name"),
        pytest.param("example.com. MX 10 mx.example.com.\n", MX, id="absolute names"),
        pytest.param(" MX 10 mx\n", MX, id="blank owner"),
        pytest.param("\t \tMX\t10\tmx\n", MX, id="tabs"),
        pytest.param("EXAMPLE.Com. in mX 10 MX.EXAMPLE.COM.\n", MX, id="any case"),
        pytest.param("@ IN 1800 MX 10 mx\n", MX, id="class then TTL"),
        pytest.param("@ 1800 IN MX 10 mx\n", MX, id="TTL then class"),
        pytest.param("@ 1800 MX 10 mx\n", MX, id="TTL without class"),
        pytest.param("@ IN MX 10 mx\n", MX, id="class without TTL"),
        pytest.param("@ CLASS1 TYPE15 10 mx\n", MX, id="generic names of class and type"),
        pytest.param("@ TYPE15 \\# 18 000a 026d78076578616d706c6503636f6d00\n", MX, id="generic data"),
        pytest.param("@ 30m MX 10 mx\n", MX, id="TTL in minutes"),
        pytest.param("@ 0h29M60s MX 10 mx\n", MX, id="TTL of several units"),
        pytest.param("@ 1W2D MX 10 mx\n", ("example.com.", 777600, "MX", MX[3]), id="TTL in weeks and days"),
        pytest.param('@ MX 10 mx ; the ( " mail\n', MX, id="comment"),
        pytest.param("@ MX 10 mx;the mail\n", MX, id="comment without a space"),
        pytest.param("@ MX (10 mx)\n", MX, id="parentheses on one line"),
        pytest.param("@ MX ( ; why\n\n  10 ; less is more\n\tmx\n)\n", MX, id="parentheses over lines with comments"),
        pytest.param("@ ( MX 10 ( mx\n) )\n", MX, id="nested parentheses"),
        pytest.param(" ( MX 10\nmx )\n", MX, id="blank owner before a parenthesis"),
        pytest.param("@ MX 10 mx\r\n", MX, id="CR LF"),
        pytest.param("@ MX ( 10\r\n mx ) ; c\r\n", MX, id="CR LF in parentheses"),
        pytest.param("@ MX 10 mx", MX, id="no final newline"),
        pytest.param("@ MX 10 mx ; c", MX, id="comment without final newline"),
        pytest.param("\\097 MX 10 @\n", ("a.example.com.", 1800, "MX", "10 example.com."), id="decimal escape, @ as data"),
        pytest.param("a\\.b MX 10 mx\n", ("a\\.b.example.com.", 1800, *MX[2:]), id="escaped dot in an owner"),
        pytest.param("a\\. MX 10 mx\n", ("a\\..example.com.", 1800, *MX[2:]), id="escaped final dot is relative"),
        pytest.param("a\\\\.example.com. MX 10 mx\n", ("a\\\\.example.com.", 1800, *MX[2:]), id="escaped backslash"),
        pytest.param("\\$ttl MX 10 mx\n", ("\\$ttl.example.com.", 1800, *MX[2:]), id="escaped dollar"),
        pytest.param("*.w MX 10 mx\n", ("*.w.example.com.", 1800, *MX[2:]), id="wildcard"),
        pytest.param(
            '@ TXT "v=spf1 ;(" a "\\"q\\\\" \\;x\n',
            ("example.com.", 1800, "TXT", '"v=spf1 ;(" "a" "\\"q\\\\" ";x"'),
            id="quoted strings",
        ),
        pytest.param('@ CAA 0 issue "ca.example;x=y"\n', ("example.com.", 1800, "CAA", '0 issue "ca.example;x=y"'), id="CAA"),
        pytest.param(
            'h HTTPS 1 . alpn="h2,h3" port=1\n', ("h.example.com.", 1800, "HTTPS", '1 . alpn="h2,h3" port="1"'), id="HTTPS"
        ),
        pytest.param("x TYPE65280 \\# 3 0a 0b0C\n", ("x.example.com.", 1800, "TYPE65280", "\\# 3 0a0b0c"), id="unknown type"),
        pytest.param(
            f"_25._tcp.mx TLSA 3 1 1 ( {CERTIFICATE[:30]}\n {CERTIFICATE[30:].upper()} )\n",
            ("_25._tcp.mx.example.com.", 1800, "TLSA", f"3 1 1 {CERTIFICATE}"),
            id="hexadecimal in pieces",
        ),
        pytest.param(
            f"sub DS 60485 ECDSAP256SHA256 2 {CERTIFICATE}\n",
            ("sub.example.com.", 1800, "DS", f"60485 13 2 {CERTIFICATE}"),
            id="algorithm by name",
        ),
    ],
)
def test_every_way_to_write_a_record_gives_the_same_record(line: str, expected: tuple[str, int, str, str]) -> None:
    assert records(read(TTL + SOA + line)) == [expected]


def test_bytes_beyond_ascii_are_taken_in_comments_and_strings() -> None:
    text = TTL.encode() + SOA.encode() + "; Büro ✓\n".encode() + b'@ TXT "\xff\xc3\xa9\\\xe9" ; \x80\n'
    assert records(read(text)) == [("example.com.", 1800, "TXT", '"\\255\\195\\169\\233"')]


def test_a_name_beyond_ascii_is_taken_for_its_bytes_and_not_for_a_u_label() -> None:
    assert records(read(TTL + SOA + "bü MX 10 mx\n"))[0][0] == "b\\195\\188.example.com."


def test_the_origin_follows_its_directive_and_the_owner_before_stays() -> None:
    file = read(TTL + SOA + "$ORIGIN sub\na MX 10 mx\n$origin deep.sub.example.com. ; c\n MX 20 mx\n@ MX 30 mx\n")
    assert [(entry.owner, str(entry.value)) for entry in file.entries[1:]] == [
        ("a.sub.example.com.", "10 mx.sub.example.com."),
        ("a.sub.example.com.", "20 mx.deep.sub.example.com."),
        ("deep.sub.example.com.", "30 mx.deep.sub.example.com."),
    ]
    assert file.last_origin == "deep.sub.example.com."


def test_the_origin_may_lie_above_the_zone() -> None:
    assert records(read(TTL + SOA + "$ORIGIN com.\nexample MX 10 mx.example\n"))[0] == MX


@pytest.mark.parametrize(
    ("text", "ttls"),
    [
        pytest.param("$TTL 60\n" + SOA + "a 90 A 1.1.1.1\nb A 1.1.1.1\n", [3600, 90, 60], id="$TTL goes before the last TTL"),
        pytest.param(SOA + "a A 1.1.1.1\nb 9 A 1.1.1.1\nc A 1.1.1.1\n", [3600, 3600, 9, 9], id="the TTL stated last"),
        pytest.param(
            "@ SOA ns1 h 1 2 3 4 300\na A 1.1.1.1\nb 9 A 1.1.1.1\nc A 1.1.1.1\n", [300, 300, 9, 300], id="the SOA minimum"
        ),
        pytest.param("a 9 A 1.1.1.1\n@ SOA ns1 h 1 2 3 4 300\nb A 1.1.1.1\n", [9, 9, 9], id="a TTL stated before the SOA"),
        pytest.param(SOA + "$TTL 5\na A 1.1.1.1\n$TTL 1m\nb A 1.1.1.1\n", [3600, 5, 60], id="$TTL from its line on"),
        pytest.param("$TTL 0\n@ SOA ns1 h 1 2 3 4 300\n", [0], id="a TTL of zero"),
        pytest.param("$TTL 2147483647\n@ SOA ns1 h 1 2 3 4 300\n", [2147483647], id="the highest TTL"),
    ],
)
def test_a_ttl_that_is_left_out_is_inherited_as_bind_does(text: str, ttls: list[int]) -> None:
    assert [entry.ttl for entry in read(text).entries] == ttls


def test_lines_without_records_are_passed_over() -> None:
    assert records(read("; head\n\n" + TTL + " \t\n  ; in\n" + SOA + "()\n".replace("(", " (") + "\r\n@ MX 10 mx\n\n")) == [MX]


def test_an_entry_knows_its_whole_lines() -> None:
    text = TTL + "; c\n" + SOA + "; before\n@ MX ( 10 ; low\n mx )  ; mail\n\n; after\n"
    entry = read(text).entries[1]
    assert text[entry.start : entry.end] == "@ MX ( 10 ; low\n mx )  ; mail\n"
    assert entry.line == 5


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        pytest.param(TTL, 1, "no SOA", id="no SOA"),
        pytest.param("", 1, "no SOA", id="empty file"),
        pytest.param(TTL + SOA + SOA, 3, "second SOA record; the first stands in line 2", id="several SOA"),
        pytest.param(TTL + SOA + "a" + SOA[1:], 3, "stands at a.example.com., not at example.com.", id="SOA not at the apex"),
        pytest.param(TTL + " MX 10 mx\n" + SOA, 2, "leaves its owner name out", id="blank owner first"),
        pytest.param(TTL + SOA + "\nother.net. A 192.0.2.1\n", 4, "does not lie in zone", id="outside the zone"),
        pytest.param(TTL + SOA + "badexample.com. A 192.0.2.1\n", 3, "does not lie in zone", id="a suffix is no parent"),
        pytest.param(TTL + SOA + "x\\.example.com. A 192.0.2.1\n", 3, "does not lie in zone", id="nor is an escaped dot"),
        pytest.param(SOA.replace(" 3600", "", 1).join(["a A 192.0.2.1\n", ""]), 1, "no TTL is known", id="no TTL known"),
        pytest.param(TTL + SOA + "a ( A\n\n192.0.2.1\n; end\n", 3, "never closed", id="parenthesis not closed"),
        pytest.param(TTL + SOA + "a A 192.0.2.1 )\n", 3, "never opened", id="parenthesis not opened"),
        pytest.param(TTL + SOA + "(a A\n192.0.2.1)\n", 3, "begins the line", id="parenthesis first"),
        pytest.param(TTL + SOA + 'a TXT "x\ny"\n', 3, "quoted string is not closed", id="quote not closed"),
        pytest.param(TTL + SOA + 'a TXT ( x\n"y )\n', 4, "quoted string is not closed", id="quote not closed in parentheses"),
        pytest.param(TTL + SOA + 'a TXT "x\\', 3, "quoted string is not closed", id="quote not closed at the end"),
        pytest.param(TTL + SOA + "a TXT x\\\n", 3, "backslash ends the line", id="backslash at the end"),
        pytest.param(TTL + SOA + "a MX 70000 mx\n", 3, "no MX data", id="bad number"),
        pytest.param(TTL + SOA + "a MX ten mx\n", 3, "no MX data", id="no number"),
        pytest.param(TTL + SOA + "a MX 10 mx mx2\n", 3, "no MX data", id="too much data"),
        pytest.param(TTL + SOA + "a MX\n", 3, "no MX data", id="no data"),
        pytest.param(TTL + SOA + "a A 192.0.2.256\n", 3, "no A data", id="bad address"),
        pytest.param(TTL + SOA + "a TLSA 3 1 1 abcd\n", 3, "association", id="association of the wrong length"),
        pytest.param(TTL + SOA + "a..b A 192.0.2.1\n", 3, "no domain name", id="empty label"),
        pytest.param(TTL + SOA + "\\300 A 192.0.2.1\n", 3, "no domain name", id="escape beyond a byte"),
        pytest.param(TTL + SOA + '"a" A 192.0.2.1\n', 3, "is quoted", id="quoted owner"),
        pytest.param(TTL + SOA + "a\n", 3, "has no type", id="owner alone"),
        pytest.param(TTL + SOA + "a 300 IN\n", 3, "has no type", id="no type"),
        pytest.param(TTL + SOA + "a 300 300 A 192.0.2.1\n", 3, "'300' is no record type", id="two TTLs"),
        pytest.param(TTL + SOA + "a IN 300 IN A 192.0.2.1\n", 3, "'IN' is no record type", id="two classes"),
        pytest.param(TTL + SOA + "a MXX 10 mx\n", 3, "'MXX' is no record type", id="unknown type"),
        pytest.param(TTL + SOA + f"a {'M' * 300} 10 mx\n", 3, "M'… is no record type", id="a long one is shortened"),
        pytest.param(TTL + SOA + "a ANY x\n", 3, "'ANY' is no record type", id="meta type"),
        pytest.param(TTL + SOA + "a TYPE0 \\# 0\n", 3, "'TYPE0' is no record type", id="type zero"),
        pytest.param(TTL + SOA + "a TYPE70000 \\# 0\n", 3, "is no record type", id="type beyond the range"),
        pytest.param(TTL + SOA + "a CH TXT x\n", 3, "class CH is not supported", id="class CH"),
        pytest.param(TTL + SOA + "a 300 class3 TXT x\n", 3, "class class3 is not supported", id="class by number"),
        pytest.param(TTL + SOA + "a 2147483648 A 192.0.2.1\n", 3, "lies beyond", id="TTL beyond the range"),
        pytest.param(TTL + SOA + f"a {'9' * 5000} A 192.0.2.1\n", 3, "lies beyond", id="TTL far beyond the range"),
        pytest.param(TTL + SOA + "a 4000w A 192.0.2.1\n", 3, "lies beyond", id="TTL in units beyond the range"),
        pytest.param(TTL + SOA + "a 1h30 A 192.0.2.1\n", 3, "'1h30' is no record type", id="TTL that ends without unit"),
        pytest.param("$TTL soon\n" + SOA, 1, "'soon' is no TTL", id="bad $TTL"),
        pytest.param("$TTL\n" + SOA, 1, "takes one argument, not 0", id="$TTL alone"),
        pytest.param("$ORIGIN a b\n" + SOA, 1, "takes one argument, not 2", id="$ORIGIN of two"),
        pytest.param('$ORIGIN "a"\n' + SOA, 1, "is quoted", id="quoted $ORIGIN"),
        pytest.param(TTL + SOA + "\n$include other.zone\n", 4, "'$INCLUDE' is not supported", id="$INCLUDE"),
        pytest.param(TTL + SOA + "$GENERATE 1-9 h$ A 192.0.2.$\n", 3, "'$GENERATE' is not supported", id="$GENERATE"),
        pytest.param(TTL + SOA + "$UNICODE x\n", 3, "'$UNICODE' is not supported", id="unknown directive"),
        pytest.param(TTL + SOA + " $TTL 5\n", 3, "'$TTL' is no record type", id="indented directive"),
        pytest.param("\ufeff" + TTL + SOA, 1, "byte order mark", id="byte order mark"),
        pytest.param((TTL + SOA).encode("utf-16"), 1, "byte order mark", id="UTF-16"),
        pytest.param(TTL + SOA + "a A 192.0.2.1\rb A 192.0.2.1\n", 3, "carriage return", id="lone carriage return"),
        pytest.param(b";" * (MAX_OCTETS + 1), 1, "larger than", id="too large"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(text: str | bytes, line: int, what: str) -> None:
    with pytest.raises(MasterFileError) as caught:
        read(text)
    assert (caught.value.line, caught.value.mend != "") == (line, True)
    assert what in caught.value.what
    assert len(caught.value.what) < 500


@pytest.mark.parametrize("directive", ["$INCLUDE x", "$GENERATE 1-2 a A 192.0.2.$"])
def test_the_mend_for_an_expanding_directive_flattens_the_file(directive: str) -> None:
    with pytest.raises(MasterFileError) as caught:
        read(TTL + SOA + directive)
    assert "named-compilezone" in caught.value.mend


def test_the_records_of_a_key_are_one_set_without_doubles() -> None:
    file = read(TTL + SOA + "@ MX 20 b\n@ MX 10 a\n@ MX 10 A.example.com.\n")
    assert live(file, "example.com", "MX") == RRset(
        Key(ZONE, "MX"), 1800, (Mx(10, Name("a.example.com.")), Mx(20, Name("b.example.com.")))
    )


def test_a_managed_set_of_several_ttls_is_irregular() -> None:
    found = live(read(TTL + SOA + "@ MX 20 b\n@ 60 MX 10 a\n"), "example.com", "MX")
    assert found == Irregular(Key(ZONE, "MX"), "mixed TTLs 60, 1800")


def test_another_set_of_several_ttls_counts_as_having_the_lowest() -> None:
    found = live(read(TTL + SOA + "@ A 192.0.2.1\n@ 60 A 192.0.2.2\n"), "example.com", "A")
    assert isinstance(found, RRset)
    assert found.ttl == 60


def test_a_set_beside_a_cname_is_irregular_and_its_absence_is_none() -> None:
    file = read(TTL + SOA + "a CNAME b\na MX 10 mx\n")
    assert live(file, "a.example.com", "MX") == Irregular(Key(name("a.example.com"), "MX"), "CNAME at the name")
    assert live(file, "a.example.com", "TLSA") is None
    assert isinstance(live(file, "a.example.com", "CNAME"), RRset)


def test_nodes_show_every_type_and_empty_non_terminals() -> None:
    data = read(TTL + SOA + "@ NS ns1\n@ RRSIG NS 13 2 60 20300101000000 20200101000000 1 @ AAAA\na.b.c MX 10 mx\n").data
    assert data.node(ZONE) == frozenset({"SOA", "NS", "RRSIG"})
    assert data.node(name("a.b.c.example.com")) == frozenset({"MX"})
    assert data.node(name("b.c.example.com")) == data.node(name("c.example.com")) == frozenset()
    assert data.node(name("x.c.example.com")) is None
