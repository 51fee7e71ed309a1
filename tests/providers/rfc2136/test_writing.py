"""The dynamic-update adapter beyond the suite: writes that go wrong, and access."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest

from plans.plan import Change
from plans.values import parse_value, rrset
from providers.contract import (
    AuthFailed,
    Status,
    Unsupported,
)
from providers.rfc2136 import Rfc2136
from tests.emulators.dns_update import KEY_FILE, SECRET, Fault, Primary, opened
from tests.providers.rfc2136.conftest import APEX, NEW, OLD, QUICK, held, live, mx, replace, zone_of

# Writing


def test_all_changes_go_in_one_message(primary: Primary, provider: Rfc2136) -> None:
    primary.heard.clear()
    added = mx(NEW, owner="box.example.com")
    base = provider.read(zone_of(provider), [mx(OLD).key, added.key])
    outcomes = provider.apply(base, [Change(mx(OLD), mx(NEW)), Change(None, added)])
    assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
    assert primary.heard["update"] == 1


@pytest.mark.parametrize(
    ("fault", "status", "written"),
    [
        (Fault.DROP_BEFORE, Status.UNKNOWN, False),
        (Fault.SERVFAIL, Status.UNKNOWN, False),
        (Fault.LAZY, Status.UNKNOWN, False),
        (Fault.DROP_AFTER, Status.WRITTEN, True),
        (Fault.SERVFAIL_AFTER, Status.WRITTEN, True),
        (Fault.SILENCE, Status.WRITTEN, True),
        (Fault.UNSIGNED, Status.WRITTEN, True),
        (Fault.FORGED, Status.WRITTEN, True),
        (Fault.OTHER_ID, Status.WRITTEN, True),
        (Fault.GARBAGE, Status.WRITTEN, True),
        (Fault.CUT_SHORT, Status.WRITTEN, True),
        (Fault.REFUSED, Status.REJECTED, False),
        (Fault.NOTIMP, Status.REJECTED, False),
        (Fault.NXRRSET, Status.CONFLICT, False),
    ],
)
def test_what_became_of_a_write_is_found_out(
    primary: Primary, provider: Rfc2136, fault: Fault, status: Status, *, written: bool
) -> None:
    primary.fail("update", fault)
    outcome = replace(provider)
    assert outcome.status is status
    assert bool(outcome.detail) == (status is not Status.WRITTEN)
    assert held(primary) == f"300 {NEW if written else OLD}"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault.BAD_KEY, "Knot DNS"),
        (Fault.BAD_SIGNATURE, "secret"),
        (Fault.BAD_TIME, "clocks"),
        (Fault.NOTAUTH, "primary"),
    ],
)
def test_a_key_that_may_not_write_is_told(primary: Primary, provider: Rfc2136, fault: Fault, said: str) -> None:
    primary.fail("update", fault)
    with pytest.raises(AuthFailed, match=said) as failed:
        replace(provider)
    assert SECRET not in str(failed.value)
    assert held(primary) == f"300 {OLD}"


def test_a_type_that_is_not_granted_is_rejected(primary: Primary, provider: Rfc2136) -> None:
    primary.granted = {"TLSA"}
    outcome = replace(provider)
    assert outcome.status is Status.REJECTED
    assert "update-policy" in outcome.detail


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_write_that_cannot_be_read_back(primary: Primary, asking: Rfc2136, *, confirmed: bool) -> None:
    def go() -> None:
        primary.fail("query", *[Fault.SERVFAIL] * 9)

    primary.before_update = go
    if not confirmed:
        primary.fail("update", Fault.DROP_AFTER)
    outcome = replace(asking)
    assert outcome.status is (Status.WRITTEN if confirmed else Status.UNKNOWN)
    assert "could not be read back" in outcome.detail


def test_a_server_that_shows_a_write_later_is_waited_for(primary: Primary, asking: Rfc2136) -> None:
    primary.delay = 0.1
    assert replace(asking).status is Status.WRITTEN
    assert live(asking, APEX, "MX") == mx(NEW)


def test_somebody_who_is_faster_by_a_hair_wins(primary: Primary, provider: Rfc2136) -> None:
    primary.before_update = lambda: primary.put(APEX, APEX, "MX", 300, "5 theirs.example.net.")
    outcome = replace(provider)
    assert (outcome.status, outcome.detail) == (Status.CONFLICT, "the set changed since it was read")
    assert held(primary) == "300 5 theirs.example.net."


def test_a_conflict_is_one_where_it_cannot_be_looked_at(primary: Primary, asking: Rfc2136) -> None:
    def go() -> None:
        primary.put(APEX, APEX, "MX", 300, "5 theirs.example.net.")
        primary.fail("query", *[Fault.SERVFAIL] * 9)

    primary.before_update = go
    outcome = replace(asking)
    assert (outcome.status, "NXRRSET" in outcome.detail) == (Status.CONFLICT, True)


@pytest.mark.parametrize(
    ("owner", "kind", "value"),
    [
        ("box.example.com", "CNAME", "mail.example.com."),
        ("box.example.com", "NS", "ns.example.net."),
        ("example.com", "DNAME", "example.net."),
    ],
)
def test_nothing_is_written_where_it_would_be_hidden(
    primary: Primary, provider: Rfc2136, owner: str, kind: str, value: str
) -> None:
    wanted = mx(NEW, owner="box.example.com")
    base = provider.read(zone_of(provider), [wanted.key])
    primary.before_update = lambda: primary.put(APEX, owner, kind, 300, value)
    assert provider.apply(base, [Change(None, wanted)])[wanted.key].status is Status.CONFLICT
    assert (dns.name.from_text("box.example.com"), dns.rdatatype.MX) not in primary.zones[dns.name.from_text(APEX)].sets


def test_a_ds_is_written_only_while_its_delegation_stands(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "sub.example.com", "NS", 300, "ns.example.net.")
    ds = rrset("sub.example.com", "DS", 300, [parse_value("DS", f"1 13 2 {'ab' * 32}")])
    base = provider.read(zone_of(provider), [ds.key])
    primary.before_update = lambda: primary.put(APEX, "sub.example.com", "NS", 300)
    assert provider.apply(base, [Change(None, ds)])[ds.key].status is Status.CONFLICT
    with pytest.raises(Unsupported, match="no delegation"):
        provider.apply(base, [Change(None, ds)])


def test_a_ttl_alone_that_changed_is_a_conflict(primary: Primary, provider: Rfc2136) -> None:
    outcome = replace(provider, lambda: primary.put(APEX, APEX, "MX", 60, OLD))
    assert outcome.status is Status.CONFLICT
    assert held(primary) == f"60 {OLD}"


def test_more_than_a_message_holds_is_unsupported(primary: Primary, provider: Rfc2136) -> None:
    sets = [
        rrset(f"_25._tcp.m{number}.example.com", "TLSA", 300, [parse_value("TLSA", f"3 0 0 {'30' * 9000}")])
        for number in range(8)
    ]
    base = provider.read(zone_of(provider), [one.key for one in sets])
    with pytest.raises(Unsupported, match="65,535"):
        provider.apply(base, [Change(None, one) for one in sets])
    assert primary.heard["update"] == 0


# Access


@pytest.mark.parametrize(
    ("fault", "writable", "said"),
    [
        (None, None, "update-policy"),
        (Fault.REFUSED, False, "REFUSED"),
        (Fault.NOTAUTH, False, "NOTAUTH"),
        (Fault.BAD_KEY, False, "BADKEY"),
        (Fault.DROP_BEFORE, None, "unanswered"),
    ],
)
def test_access_is_what_an_empty_update_tells(
    primary: Primary, provider: Rfc2136, fault: Fault | None, writable: object, said: str
) -> None:
    zone = zone_of(provider)
    if fault:
        primary.fail("update", fault)
    before = provider.read(zone, []).token
    access = provider.access(zone)
    assert (access.readable, access.writable) == (True, writable)
    assert said in access.detail
    assert provider.read(zone, []).token == before


def test_every_message_is_counted(primary: Primary) -> None:
    assert KEY_FILE.count(SECRET) == 1
    provider = opened(primary.port)
    provider.access(zone_of(provider))
    assert (primary.heard["query"], primary.heard["update"]) == (2, 1)


@pytest.mark.parametrize(("longest", "ttl"), [(None, 3600), ("60s", 60), ("1d", 3600)])
def test_a_ttl_is_no_higher_than_the_option_says_that_the_servers_let_it_be(
    primary: Primary, longest: str | None, ttl: int
) -> None:
    limited = opened(primary.port, deadlines=QUICK, max_zone_ttl=longest)
    assert limited.canonical(zone_of(limited), mx(OLD, ttl=3600)) == mx(OLD, ttl=ttl)
