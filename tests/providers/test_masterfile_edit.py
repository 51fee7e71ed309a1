from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from plans.plan import Change
from plans.values import Irregular, Key, RRset, Txt, name, rrset
from providers.contract import Unsupported
from providers.masterfile import parse
from providers.masterfile_edit import edit, unintended
from providers.masterfile_lines import MAX_OCTETS, MasterFileError

ZONE = name("example.com")
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
HEAD = "$TTL 3600\n@ SOA ns1 hostmaster 7 7200 3600 1209600 300\n"
NEXT = HEAD.replace(" 7 ", " 8 ")
BARE = "@ 3600 SOA ns1 hostmaster 7 7200 3600 1209600 300\n"
BARE_NEXT = BARE.replace(" 7 ", " 8 ")
CERT_A, CERT_B, CERT_LONG = "0f" * 32, "ab" * 32, "cd" * 64
MakeSet = Callable[..., RRset]
Wanted = RRset | Key


def changed(text: str, *wanted: Wanted) -> str:
    """Edit to the wanted sets; a key alone is to go."""
    held = parse(text.encode(), ZONE).data
    changes = []
    for want in wanted:
        key = want if isinstance(want, Key) else want.key
        before = held.live(key)
        assert before is None or isinstance(before, RRset)
        changes.append(Change(before, None if isinstance(want, Key) else want))
    return edit(text.encode(), ZONE, changes, NOW).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("@ MX 10 old\n", "@ MX 0 new.example.net.\n", id="plain"),
        pytest.param("@\t3600\tIN\tMX\t10\told ; mail\n", "@\t3600\tIN\tMX\t0\tnew.example.net. ; mail\n", id="tabs, comment"),
        pytest.param("@  1h  mx  10  OLD  \n", "@  1h  mx  0  new.example.net.  \n", id="spacing, units, case"),
        pytest.param(
            "@ MX ( 10 ; low\n   old ; host\n ) ; end\n",
            "@ MX ( 0 ; low\n   new.example.net. ; host\n ) ; end\n",
            id="parentheses",
        ),
        pytest.param("@ MX 0 old\n", "@ MX 0 new.example.net.\n", id="the same preference stays"),
        pytest.param("@ MX 10 NEW.example.net.\n", "@ MX 0 NEW.example.net.\n", id="the same exchange stays as written"),
        pytest.param("@ MX 10 old", "@ MX 0 new.example.net.", id="no final newline"),
        pytest.param("@ MX 10 old\r\n; c\r\n", "@ MX 0 new.example.net.\r\n; c\r\n", id="CR LF"),
        pytest.param("@ TYPE15 10 old\n", "@ TYPE15 0 new.example.net.\n", id="type by number"),
        pytest.param("@ TYPE15 \\# 7 000a 036f6c6400 ; c\n", "@ MX 0 new.example.net. ; c\n", id="generic data"),
        pytest.param("@ MX 10 old\n@ MX 10 OLD\n", "@ MX 0 new.example.net.\n", id="a double goes"),
        pytest.param("@ A 192.0.2.1\n MX 10 old\n TXT x\n", "@ A 192.0.2.1\n MX 0 new.example.net.\n TXT x\n", id="between"),
    ],
)
def test_a_replaced_record_keeps_its_line_and_everything_that_is_the_same(before: str, after: str, mx: MakeSet) -> None:
    assert changed(HEAD + before, mx("example.com", "0 new.example.net.")) == NEXT + after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("@ MX 10 a\n", "@ 300 MX 10 a\n", id="added"),
        pytest.param("@\tIN\tMX\t10 a\n", "@\t300\tIN\tMX\t10 a\n", id="added after a tab"),
        pytest.param("@ 1h IN MX 10 a ; c\n", "@ 300 IN MX 10 a ; c\n", id="replaced"),
        pytest.param("@ IN 3600 MX 10 a\n", "@ IN 300 MX 10 a\n", id="replaced after the class"),
        pytest.param("@ A 192.0.2.1\n (\n MX 10 a )\n", "@ A 192.0.2.1\n (\n 300 MX 10 a )\n", id="added in parentheses"),
    ],
)
def test_a_ttl_is_changed_where_it_stands_or_put_before_class_and_type(before: str, after: str, mx: MakeSet) -> None:
    assert changed(HEAD + before, mx("example.com", "10 a.example.com.", ttl=300)) == NEXT + after


def test_each_record_of_a_set_gets_the_new_ttl_where_it_does_not_inherit_it(mx: MakeSet) -> None:
    wanted = mx("example.com", "10 a.example.com.", "20 b.example.com.", ttl=300)
    assert changed(HEAD + "@ MX 10 a\n MX 20 b\n", wanted) == NEXT + "@ 300 MX 10 a\n 300 MX 20 b\n"
    assert changed(BARE + "@ 60 MX 10 a\n MX 20 b\n", wanted) == BARE_NEXT + "@ 300 MX 10 a\n MX 20 b\n"


def test_a_set_that_grows_gets_lines_like_its_own_without_the_comment(mx: MakeSet) -> None:
    wanted = mx("example.com", "10 a.example.com.", "20 b.example.net.", "30 c.example.net.")
    text = "@\t1h IN MX\t10  a ; mine\n; next\nwww A 192.0.2.1\n"
    added = "@\t1h IN MX\t20  b.example.net.\n@\t1h IN MX\t30  c.example.net.\n"
    assert changed(HEAD + text, wanted) == NEXT + text.replace("; next", added + "; next")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("@ A 192.0.2.1\n\t\tMX 10 a\n", "\t\tMX 20 b.example.net.\n", id="blank owner"),
        pytest.param("@ MX ( 10 ; low\n a )\n", "@ MX 20 b.example.net.\n", id="parentheses"),
        pytest.param("@ A 192.0.2.1\n ( MX 10 a )\n", " MX 20 b.example.net.\n", id="blank owner and parentheses"),
        pytest.param("@ TYPE15 \\# 17 000a 01610765 78616d706c6503636f6d00\n", "@ MX 20 b.example.net.\n", id="generic"),
    ],
)
def test_a_line_like_another_is_one_plain_line(text: str, line: str, mx: MakeSet) -> None:
    wanted = mx("example.com", "10 a.example.com.", "20 b.example.net.")
    assert changed(HEAD + text, wanted) == NEXT + text + line


def test_a_set_that_grows_and_gets_another_ttl_states_it_on_every_line(mx: MakeSet) -> None:
    wanted = mx("example.com", "10 a.example.com.", "20 b.example.net.", ttl=300)
    assert changed(HEAD + "@\tMX 10 a\n", wanted) == NEXT + "@\t300\tMX 10 a\n@\t300\tMX 20 b.example.net.\n"
    assert changed(HEAD + "@ 60 MX 10 a\n", wanted) == NEXT + "@ 300 MX 10 a\n@ 300 MX 20 b.example.net.\n"
    assert changed(BARE + "@ 60 MX 10 a\n", wanted) == BARE_NEXT + "@ 300 MX 10 a\n@ 300 MX 20 b.example.net.\n"
    # The line before states the TTL, so that one like it may leave it out.
    after = BARE_NEXT + "@ 300 MX 10 a\nw 300 MX 10 a\nw MX 20 b.example.net.\n"
    grown = mx("w.example.com", "10 a.example.com.", "20 b.example.net.", ttl=300)
    assert changed(BARE + "@ 300 MX 10 a\nw MX 10 a\n", grown) == after.replace("w 300", "w", 1)


TEXTS = (
    "@ TXT v=spf1\\ -all ; who may send\n"
    '  IN\tTXT  ( "k1=" ; in two strings\n   "v;1" )\n'
    '@ 1H TXT "quo\\"te" \\195\\164"" ; odd\n'
    "  TXT \\# 2 0161\n"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param('@ TXT "a b" ; mine\n', '@ TXT "MS=ms1"\n', id="one"),
        pytest.param(TEXTS, '  TXT "MS=ms1"\n', id="many"),
        pytest.param("@\tTXT\ta\\ b\tc\n", '@\tTXT\t"MS=ms1"\n', id="two strings, tabs"),
        pytest.param('@ TXT ( "a"\n "b" )\n', '@ TXT "MS=ms1"\n', id="parentheses"),
        pytest.param("@ A 192.0.2.1\n", '@ 3600 IN TXT "MS=ms1"\n', id="none before"),
    ],
)
def test_a_text_joins_those_of_others_and_leaves_every_byte_of_them(text: str, line: str) -> None:
    held = parse((HEAD + text).encode(), ZONE).data.live(Key(ZONE, "TXT"))
    texts = held.values if isinstance(held, RRset) else ()
    wanted = rrset("example.com", "TXT", 3600, [*texts, Txt.of("MS=ms1")])
    assert changed(HEAD + text + "; end\n", wanted) == NEXT + text + line + "; end\n"


def test_a_text_of_many_words_and_signs_is_one_string() -> None:
    wanted = rrset("example.com", "TXT", 3600, [Txt.of("a"), Txt.of('b "c" \\ ; d')])
    assert changed(HEAD + "@ TXT a\n", wanted) == NEXT + '@ TXT a\n@ TXT "b \\"c\\" \\\\ ; d"\n'


def test_the_line_of_a_text_is_not_given_to_another_text() -> None:
    # The caller's guard keeps this from happening; even so, no comment comes to stand beside what it does not speak of.
    change = Change(None, rrset("example.com", "TXT", 3600, [Txt.of("new")]))
    edited = edit((HEAD + "@ TXT old ; the old one\n").encode(), ZONE, [change], NOW).decode()
    assert edited == NEXT + '@ 3600 IN TXT "new"\n'


def test_a_text_is_not_added_to_texts_of_several_ttls() -> None:
    key = Key(ZONE, "TXT")
    found = parse((HEAD + "@ TXT a\n@ 60 TXT b\n").encode(), ZONE).data.live(key)
    assert found == Irregular(key, "mixed TTLs 60, 3600")


def test_a_set_that_shrinks_loses_whole_lines_and_keeps_the_others_as_they_are(mx: MakeSet) -> None:
    text = "@ MX 10 a ; a\n@ MX ( 20 ; b\n b )\n@ MX 30 c ; c\n"
    assert changed(HEAD + text, mx("example.com", "30 c.example.com.")) == NEXT + "@ MX 30 c ; c\n"
    assert changed(HEAD + text, mx("example.com", "5 z.")) == NEXT + "@ MX 5 z. ; a\n"


def test_preferences_that_change_places_leave_every_host_on_its_line(mx: MakeSet) -> None:
    text = "@ MX 10 old ; the old one\n@ MX 20 new ; the new one\n"
    swapped = "@ MX 20 old ; the old one\n@ MX 10 new ; the new one\n"
    assert changed(HEAD + text, mx("example.com", "20 old.example.com.", "10 new.example.com.")) == NEXT + swapped


def test_a_set_that_goes_takes_its_lines_along_and_nothing_else(mx: MakeSet) -> None:
    text = "; before\n@ MX ( 10\n\n a ) ; a\n\n; after\n@ MX 20 b"
    assert changed(HEAD + text, mx("example.com", "10 a.").key) == NEXT + "; before\n\n; after\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("w MX 10 a\n  A 192.0.2.1\n  TXT x\n", "w  A 192.0.2.1\n  TXT x\n", id="to the next"),
        pytest.param("w MX 10 a\n  MX 20 b\n\tA 192.0.2.1\n", "w\tA 192.0.2.1\n", id="past all that go"),
        pytest.param("w A 192.0.2.1\n  MX 10 a\n  TXT x\n", "w A 192.0.2.1\n  TXT x\n", id="not where the owner stays"),
        pytest.param("w MX 10 a\n; c\n\n ( A ; c\n 192.0.2.1 )\n", "; c\n\nw ( A ; c\n 192.0.2.1 )\n", id="past comments"),
        pytest.param("W.Example.Com. MX 10 a\n A 192.0.2.1\n", "W.Example.Com. A 192.0.2.1\n", id="as it was written"),
        pytest.param(
            "w MX 10 a\n$ORIGIN sub\n A 192.0.2.1\n",
            "$ORIGIN sub\nw.example.com. A 192.0.2.1\n",
            id="absolute under another origin",
        ),
        pytest.param("w MX 10 a\n$ORIGIN w\n A 192.0.2.1\n", "$ORIGIN w\n@ A 192.0.2.1\n", id="the origin itself"),
    ],
)
def test_the_owner_moves_down_to_the_line_that_leaned_on_it(before: str, after: str, mx: MakeSet) -> None:
    assert changed(HEAD + before, mx("w.example.com", "10 a.").key) == NEXT + after


def test_the_owner_moves_down_within_the_set(mx: MakeSet) -> None:
    after = changed(HEAD + "w MX 10 a\n  MX 20 b\n  A 192.0.2.1\n", mx("w.example.com", "20 b.example.com."))
    assert after == NEXT + "w  MX 20 b\n  A 192.0.2.1\n"


def test_a_ttl_that_following_lines_inherited_is_written_on_the_first_of_them(mx: MakeSet) -> None:
    text = BARE + "@ 60 MX 10 a\nw A 192.0.2.1\n\tTXT x\n"
    assert changed(text, mx("example.com", "10 a.example.com.", ttl=300)) == BARE_NEXT + (
        "@ 300 MX 10 a\nw 60 A 192.0.2.1\n\tTXT x\n"
    )
    assert changed(text, mx("example.com", "10 a.").key) == BARE_NEXT + "w 60 A 192.0.2.1\n\tTXT x\n"
    untouched = BARE + "@ 60 MX 10 a\n@ 90 TXT x\nw A 192.0.2.1\n"
    assert changed(untouched, mx("example.com", "10 a.").key) == BARE_NEXT + "@ 90 TXT x\nw A 192.0.2.1\n"


def test_an_soa_that_inherited_its_ttl_keeps_it(mx: MakeSet) -> None:
    text = "w 60 MX 10 a\n@ SOA ns1 hostmaster 7 7200 3600 1209600 300\nv A 192.0.2.1\n"
    assert changed(text, mx("w.example.com", "10 a.").key) == (
        "@ 60 SOA ns1 hostmaster 8 7200 3600 1209600 300\nv A 192.0.2.1\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("@ A 192.0.2.1\nv A 192.0.2.2\n", "@ A 192.0.2.1\n{}v A 192.0.2.2\n", id="after the owner's last"),
        pytest.param("@ A 192.0.2.1\n TXT x\nv A 192.0.2.2\n", "@ A 192.0.2.1\n TXT x\n{}v A 192.0.2.2\n", id="blank owners"),
        pytest.param(
            "v A 192.0.2.2\n@ TXT ( x\n ) ; c\n; end\n", "v A 192.0.2.2\n@ TXT ( x\n ) ; c\n{}; end\n", id="whole lines"
        ),
    ],
)
def test_a_new_set_follows_its_owners_last_record(before: str, after: str, mx: MakeSet) -> None:
    line = "@ 300 IN MX 0 new.example.net.\n"
    assert changed(HEAD + before, mx("example.com", "0 new.example.net.", ttl=300)) == NEXT + after.format(line)


def test_a_new_set_with_tabs_and_crlf_around_it_has_them_too(mx: MakeSet) -> None:
    text = HEAD.replace("\n", "\r\n") + "@\tA\t192.0.2.1\r\nv A 192.0.2.2\r\n"
    added = "@\t300\tIN\tMX\t0 new.example.net.\r\nv "
    after = text.replace(" 7 ", " 8 ").replace("v ", added)
    assert changed(text, mx("example.com", "0 new.example.net.", ttl=300)) == after


def test_a_new_owner_stands_at_the_end_of_the_file(mx: MakeSet) -> None:
    text = HEAD + "w A 192.0.2.1\n; end\n"
    assert changed(text, mx("v.example.com", "0 m.")) == NEXT + "w A 192.0.2.1\n; end\nv.example.com. 3600 IN MX 0 m.\n"


def test_without_a_final_newline_one_is_put_before_the_new_lines(mx: MakeSet) -> None:
    text = HEAD + "w A 192.0.2.1"
    wanted = mx("v.example.com", "0 m.", "1 n.")
    assert changed(text, wanted) == NEXT + "w A 192.0.2.1\nv.example.com. 3600 IN MX 0 m.\nv.example.com. 3600 IN MX 1 n."
    assert changed(HEAD + "@ MX 0 m. ; c", mx("example.com", "0 m.", "1 n.")) == NEXT + "@ MX 0 m. ; c\n@ MX 1 n."


def test_the_owner_is_an_at_sign_only_where_it_is_the_origin(mx: MakeSet) -> None:
    sub = "$ORIGIN sub\n@ A 192.0.2.1\n"
    assert changed(HEAD + sub, mx("example.com", "0 m.")) == NEXT.rstrip("\n") + "\n@ 3600 IN MX 0 m.\n" + sub
    assert changed(HEAD + sub, mx("sub.example.com", "0 m.")) == NEXT + sub + "@ 3600 IN MX 0 m.\n"
    assert changed(HEAD + sub, mx("x.sub.example.com", "0 m.")) == NEXT + sub + "x.sub.example.com. 3600 IN MX 0 m.\n"
    assert changed(HEAD + "$ORIGIN sub\n", mx("sub.example.com", "0 m.")) == NEXT + "$ORIGIN sub\n@ 3600 IN MX 0 m.\n"


def test_a_new_set_goes_to_the_end_where_lines_after_its_owner_would_inherit_its_ttl(mx: MakeSet) -> None:
    text = BARE + "w A 192.0.2.1\nv A 192.0.2.2\n"
    assert changed(text, mx("w.example.com", "0 m.", ttl=60)) == (
        BARE_NEXT + "w A 192.0.2.1\nv A 192.0.2.2\nw.example.com. 60 IN MX 0 m.\n"
    )


def test_several_changes_are_one_edit_with_one_serial(mx: MakeSet, rrs: MakeSet) -> None:
    text = HEAD + "@ NS ns1\nsub NS ns.sub\nw MX 10 a\n A 192.0.2.1\n_25._tcp.w TLSA 3 1 1 " + CERT_A + "\n"
    after = changed(
        text,
        mx("w.example.com", "10 a.").key,
        rrs("_25._tcp.w.example.com", "TLSA", 60, f"3 1 1 {CERT_B}"),
        rrs("sub.example.com", "DS", 60, f"1 13 2 {CERT_A}"),
        mx("example.com", "0 m.", "1 n."),
        rrs("w.example.com", "TLSA", 60, f"3 1 1 {CERT_B}"),
    )
    assert after == NEXT + (
        "@ NS ns1\n@ 3600 IN MX 0 m.\n@ 3600 IN MX 1 n.\n"
        f"sub NS ns.sub\nsub.example.com. 60 IN DS 1 13 2 {CERT_A}\n"
        f"w A 192.0.2.1\nw.example.com. 60 IN TLSA 3 1 1 {CERT_B}\n"
        f"_25._tcp.w 60 TLSA 3 1 1 {CERT_B}\n"
    )


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        pytest.param(f"3 1 1 {CERT_A}", f"3 1 1 {CERT_B}", f"3 1 1 {CERT_B}", id="whole"),
        pytest.param(f"3 1 1 {CERT_A.upper()}", f"2 1 1 {CERT_A}", f"2 1 1 {CERT_A.upper()}", id="another field"),
        pytest.param(
            f"3 1 1 ( {CERT_A[:33]} ; c\n {CERT_A[33:]} )", f"3 1 1 {CERT_B}", f"3 1 1 ( {CERT_B[:33]} ; c\n {CERT_B[33:]} )",
            id="in pieces of the same length",
        ),
        pytest.param(
            f"3 1 2 {CERT_LONG[:64]} {CERT_LONG[64:]}", f"3 1 1 {CERT_B}", f"3 1 1 {CERT_B}", id="in fewer pieces"
        ),
        pytest.param(
            f"3 1 1 {CERT_B[:60]} {CERT_B[60:]}", f"3 1 2 {CERT_LONG}", f"3 1 2 {CERT_LONG[:60]} {CERT_LONG[60:]}",
            id="the last piece takes the rest",
        ),
    ],
)  # fmt: skip
def test_hexadecimal_keeps_its_pieces(before: str, wanted: str, after: str, rrs: MakeSet) -> None:
    text = f"_25._tcp.w TLSA {before}\n"
    assert changed(HEAD + text, rrs("_25._tcp.w.example.com", "TLSA", 3600, wanted)) == NEXT + f"_25._tcp.w TLSA {after}\n"


def test_a_key_roll_keeps_the_line_of_each_ds(rrs: MakeSet) -> None:
    text = f"sub NS ns.sub\nsub DS 1 ECDSAP256SHA256 2 {CERT_A} ; old\nsub DS 2 13 2 {CERT_B} ; new\n"
    wanted = rrs("sub.example.com", "DS", 3600, f"2 13 2 {CERT_B}", f"1 13 4 {'01' * 48}")
    assert changed(HEAD + text, wanted) == NEXT + text.replace(f"2 {CERT_A}", f"4 {'01' * 48}")


@pytest.mark.parametrize(
    ("soa", "after"),
    [
        pytest.param("@ SOA a b ( 2024061400 ; serial\n 1 1 1 1 )", "@ SOA a b ( 2024061500 ; serial\n 1 1 1 1 )", id="date"),
        pytest.param("@ SOA a b ( 2024061500 ; serial\n 1 1 1 1 )", "@ SOA a b ( 2024061501 ; serial\n 1 1 1 1 )", id="today"),
        pytest.param("@ SOA ( a b 007 1 1 1 1 )", "@ SOA ( a b 8 1 1 1 1 )", id="leading zeros"),
        pytest.param("@ SOA a b 4294967295 1 1 1 1", "@ SOA a b 0 1 1 1 1", id="wrap"),
    ],
)
def test_the_serial_alone_changes_in_the_soa(soa: str, after: str, mx: MakeSet) -> None:
    text = f"$TTL 60\n{soa} ; c\n@ MX 1 a\n"
    assert changed(text, mx("example.com", "2 a.example.com.", ttl=60)) == f"$TTL 60\n{after} ; c\n@ MX 2 a\n"


def test_bytes_beyond_ascii_stay(mx: MakeSet) -> None:
    data = HEAD.encode() + b'; \xff \xc3\xa9\n@ MX 10 a ; \xe9\n@ TXT "\xfe"\n'
    change = Change(mx("example.com", "10 a.example.com."), mx("example.com", "20 a.example.com."))
    assert edit(data, ZONE, [change], NOW) == data.replace(b" 7 ", b" 8 ").replace(b"MX 10", b"MX 20")


def test_without_a_change_nothing_changes_not_even_the_serial() -> None:
    assert edit(HEAD.encode(), ZONE, [], NOW) == HEAD.encode()


def test_a_change_to_what_stands_there_already_raises_the_serial_alone(mx: MakeSet) -> None:
    text = HEAD + "@ MX 10 a\n"
    gone = Change(mx("w.example.com", "1 a."), None)
    assert edit(text.encode(), ZONE, [gone], NOW).decode() == NEXT + "@ MX 10 a\n"


@pytest.mark.parametrize(
    ("text", "owner", "rdata_type", "value", "reason"),
    [
        ("w CNAME v\n", "w.example.com", "MX", "0 m.", "holds a CNAME"),
        ("sub NS ns.sub\n", "sub.example.com", "MX", "0 m.", "hidden by the zone cut at sub.example.com."),
        (
            "sub NS ns.sub\n",
            "_25._tcp.sub.example.com",
            "TLSA",
            f"3 1 1 {CERT_A}",
            "hidden by the zone cut at sub.example.com.",
        ),
        ("sub NS ns.sub\n", "x.sub.example.com", "DS", f"1 13 2 {CERT_A}", "hidden by the zone cut"),
        ("sub DNAME x\n", "x.sub.example.com", "MX", "0 m.", "hidden by the DNAME at sub.example.com."),
        ("@ DNAME x.\n", "x.sub.example.com", "MX", "0 m.", "hidden by the DNAME at example.com."),
        ("w A 192.0.2.1\n", "w.example.com", "DS", f"1 13 2 {CERT_A}", "no delegation"),
    ],
)
def test_a_set_that_the_zone_could_not_answer_with_is_refused(
    text: str, owner: str, rdata_type: str, value: str, reason: str, rrs: MakeSet
) -> None:
    change = Change(None, rrs(owner, rdata_type, 60, value))
    with pytest.raises(Unsupported) as caught:
        edit((HEAD + text).encode(), ZONE, [change], NOW)
    assert reason in caught.value.detail
    assert str(change.key) in caught.value.detail


def test_a_dname_hides_neither_itself_nor_the_apex(mx: MakeSet) -> None:
    text = HEAD + "@ DNAME x.\n"
    assert changed(text, mx("example.com", "0 m.")) == NEXT + "@ DNAME x.\n@ 3600 IN MX 0 m.\n"
    assert changed(HEAD + "s DNAME x.\n", mx("s.example.com", "0 m.")) == NEXT + "s DNAME x.\ns.example.com. 3600 IN MX 0 m.\n"


@pytest.mark.parametrize(
    ("line", "rdata_type"),
    [
        ("@ RRSIG MX 13 2 60 20300101000000 20200101000000 1 @ AAAA", "RRSIG"),
        ("@ NSEC @ SOA", "NSEC"),
        ("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr SOA", "NSEC3"),
        ("@ ZONEMD 7 1 1 " + "00" * 48, "ZONEMD"),
    ],
)
def test_a_file_that_was_signed_is_not_edited(line: str, rdata_type: str, mx: MakeSet) -> None:
    with pytest.raises(Unsupported, match=f"line 3: its {rdata_type} records") as caught:
        changed(f"{HEAD}{line}\n", mx("example.com", "0 m."))
    assert "unsigned" in caught.value.mend


def test_a_generic_soa_is_not_edited(mx: MakeSet) -> None:
    soa = "@ SOA \\# 22 00 00 00000007 00000001 00000001 00000001 00000001\n"
    with pytest.raises(Unsupported, match="line 2: the SOA record is written in the generic form"):
        changed("$TTL 60\n" + soa, mx("example.com", "0 m."))


def test_a_file_that_would_become_too_large_is_not_edited(mx: MakeSet) -> None:
    filling = ";" * (MAX_OCTETS - len(HEAD) - 1) + "\n"
    with pytest.raises(Unsupported, match="larger than"):
        changed(HEAD + filling, mx("example.com", "0 m."))


def test_a_file_that_is_not_understood_is_not_edited(mx: MakeSet) -> None:
    with pytest.raises(MasterFileError):
        edit(b"$INCLUDE x\n", ZONE, [Change(None, mx("example.com", "0 m."))], NOW)


@pytest.mark.parametrize(
    ("after", "difference"),
    [
        pytest.param(NEXT + "@ MX 0 m.\nw A 192.0.2.1\n", None, id="as wanted"),
        pytest.param(NEXT + "@ MX 0 m.\n@ MX 0 m.\nw A 192.0.2.1\n", "example.com. MX is not as wanted", id="written twice"),
        pytest.param(NEXT + "w A 192.0.2.1\n", "example.com. MX is not as wanted", id="not written"),
        pytest.param(NEXT + "@ 60 MX 0 m.\nw A 192.0.2.1\n", "example.com. MX is not as wanted", id="another TTL"),
        pytest.param(HEAD + "@ MX 0 m.\nw A 192.0.2.1\n", "example.com. SOA would change", id="the old serial"),
        pytest.param(NEXT + "@ MX 0 m.\nw 60 A 192.0.2.1\n", "w.example.com. A would change", id="another record's TTL"),
        pytest.param(NEXT + "@ MX 0 m.\nw A 192.0.2.2\n", "w.example.com. A would change", id="another record's data"),
        pytest.param(NEXT + "@ MX 0 m.\n", "w.example.com. A would change", id="a record lost"),
        pytest.param(NEXT + "@ MX 0 m.\nw A 192.0.2.1\nv A 192.0.2.1\n", "v.example.com. A would change", id="a record gained"),
    ],
)
def test_unintended_names_what_the_changes_do_not_account_for(after: str, difference: str | None, mx: MakeSet) -> None:
    before = parse((HEAD + "w A 192.0.2.1\n").encode(), ZONE)
    change = Change(None, mx("example.com", "0 m."))
    assert unintended(before, parse(after.encode(), ZONE), [change], 8) == difference


def test_in_a_zone_of_four_hundred_records_only_the_mx_and_the_serial_differ(mx: MakeSet) -> None:
    before = _realistic_zone()
    old = parse(before.encode(), ZONE).data.live(Key(ZONE, "MX"))
    assert isinstance(old, RRset)
    after = edit(before.encode(), ZONE, [Change(old, mx("example.com", "0 example-com.o-v1.mx.microsoft."))], NOW).decode()
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert len(pairs) > 400
    assert [pair for pair in pairs if pair[0] != pair[1]] == [
        ("        2024061403  ; serial", "        2024061500  ; serial"),
        (
            "        IN MX   10 example-com.mail.protection.outlook.com. ; mail",
            "        IN MX   0 example-com.o-v1.mx.microsoft. ; mail",
        ),
    ]


def _realistic_zone() -> str:
    hosts = (
        f"host-{number:03}  {'300 ' * (number % 7 == 0)}IN A    10.1.{number // 250}.{number % 250}" for number in range(180)
    )
    details = (f'        IN AAAA 2001:db8::{n:x}\n        IN TXT  "rack {n}; (row {n % 9})" ; seen' for n in range(80))
    aliases = (f"alias{number}\tCNAME\thost-{number:03}" for number in range(60))
    pairs = [f"{host}\n{detail}" for host, detail in zip(hosts, details, strict=False)]
    return f"""\
; The zone of example.com - Büro
$ORIGIN example.com.
$TTL 1h

@       IN SOA  ns1 hostmaster (
        2024061403  ; serial
        2h          ; refresh
        30m 2w      ; retry, expire
        300 )       ; minimum
        IN NS   ns1
        IN NS   ns2.example.net.
        IN MX   10 example-com.mail.protection.outlook.com. ; mail
        IN TXT  "v=spf1 include:spf.protection.outlook.com -all"
        IN TXT  ( "google-site-verification=abc"
                  "def" )
        IN CAA  0 issue "ca.example.net"

; addresses
{chr(10).join(pairs)}

; names for names
{chr(10).join(aliases)}
{chr(10).join(hosts)}
$ORIGIN _tcp.example.com.
_sip    IN SRV  10 5 5061 sip.example.net.
_25.mx  IN TLSA 3 1 1 ( {CERT_A[:32]}
                        {CERT_A[32:]} )
"""
