"""Hypothesis strategies for the values of the core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from plans.approval import Approval, Rejection
from plans.conditions import (
    ChainValid,
    ClockTrusted,
    Condition,
    DelegatedTo,
    GraphAsks,
    GraphSays,
    HeldFor,
    HostResolves,
    HostTakesMail,
    MxOffDane,
    ParentSecure,
    ParentServesDs,
    Presents,
    ProviderHolds,
    Readiness,
    ServedEverywhere,
    StsAllows,
    TlsaGone,
    TlsaHarmless,
    TlsaSecure,
    ZoneSigned,
    ZoneUnsigned,
)
from plans.desired import (
    Cloud,
    DomainFacts,
    Emergency,
    GraphAnswer,
    Journalled,
    MailExchange,
    Pin,
    Source,
    Stated,
    Subject,
    SubjectKind,
    VerificationText,
)
from plans.plan import Change, Entry, Filters, Header, Manual, Rollout, SetSigning, Step
from plans.policy import Finding, Risk, Severity
from plans.values import Ds, Mx, Name, RRset, Tlsa, Txt, Value, ZoneRef, name, rrset

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).filter(
    lambda text: text.strip("-") == text and not text.startswith("xn--")
)
domains = st.lists(labels, min_size=1, max_size=3).map(lambda parts: name(".".join([*parts, "example"])))
ttls = st.integers(0, 2**31 - 1)
texts = st.text(max_size=30)
times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware here

mx_values = st.builds(Mx, st.integers(0, 65535), domains)
ds_values = st.builds(Ds, st.integers(0, 65535), st.just(13), st.just(2), st.binary(min_size=32, max_size=32).map(bytes.hex))
txt_values = st.builds(Txt.of, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
tlsa_values = st.builds(Tlsa, st.just(3), st.just(1), st.just(1), st.binary(min_size=32, max_size=32).map(bytes.hex))


def sets(owners: st.SearchStrategy[Name] = domains) -> st.SearchStrategy[RRset]:
    def of_type(kind: str, values: st.SearchStrategy[Value]) -> st.SearchStrategy[RRset]:
        return st.builds(rrset, owners, st.just(kind), ttls, st.lists(values, min_size=1, max_size=3))

    return st.one_of(
        of_type("MX", mx_values), of_type("DS", ds_values), of_type("TLSA", tlsa_values), of_type("TXT", txt_values)
    )


@st.composite
def changes(draw: st.DrawFn) -> Change:
    after = draw(sets())
    if after.key.type == "TXT":
        added = draw(txt_values.filter(lambda value: value not in after.values))
        before = draw(st.sampled_from([after, None]))
        return Change(before, rrset(after.key.owner, "TXT", after.ttl, [*(after.values if before else ()), added]))
    if draw(st.booleans()):
        return draw(st.sampled_from([Change(None, after), Change(after, None)]))
    ttl = draw(ttls.filter(lambda ttl: ttl != after.ttl))
    return Change(RRset(after.key, ttl, after.values), after)


zones = st.builds(ZoneRef, labels, labels, texts, texts, domains)
subjects = st.builds(Subject, domains, st.sampled_from(SubjectKind))


seconds = st.integers(0, 2**31)
ds_sets = st.lists(ds_values, max_size=3).map(tuple)

instants: dict[type[Condition], st.SearchStrategy[Condition]] = {
    ProviderHolds: st.builds(lambda zone, held: ProviderHolds(zone, held.key, held), zones, sets())
    | st.builds(lambda zone, held: ProviderHolds(zone, held.key, None), zones, sets()),
    ServedEverywhere: st.builds(lambda zone, held: ServedEverywhere(zone, held.key, held), domains, sets())
    | st.builds(lambda zone, held: ServedEverywhere(zone, held.key, None), domains, sets()),
    MxOffDane: st.builds(MxOffDane, domains, domains),
    GraphSays: st.builds(GraphSays, domains, st.sampled_from(Readiness)),
    GraphAsks: st.builds(GraphAsks, domains, domains),
    HostResolves: st.builds(HostResolves, domains),
    HostTakesMail: st.builds(HostTakesMail, domains),
    StsAllows: st.builds(StsAllows, domains, st.lists(domains, max_size=3).map(tuple)),
    ChainValid: st.builds(ChainValid, domains),
    ZoneSigned: st.builds(ZoneSigned, domains, ds_sets, seconds),
    ZoneUnsigned: st.builds(ZoneUnsigned, domains),
    DelegatedTo: st.builds(DelegatedTo, domains, st.lists(domains, max_size=3).map(tuple)),
    ParentServesDs: st.builds(ParentServesDs, domains, ds_sets),
    ParentSecure: st.builds(ParentSecure, domains),
    TlsaHarmless: st.builds(TlsaHarmless, domains),
    TlsaSecure: st.builds(TlsaSecure, domains),
    TlsaGone: st.builds(TlsaGone, domains),
    Presents: st.builds(Presents, domains, st.lists(tlsa_values, max_size=2).map(tuple)),
    ClockTrusted: st.just(ClockTrusted()),
}
"""By kind: what one moment's facts tell."""
held_for = st.one_of(*(of_kind for kind, of_kind in instants.items() if kind is not StsAllows)).flatmap(
    lambda inner: st.builds(HeldFor, st.just(inner), seconds)
)
conditions = st.one_of(*instants.values(), held_for)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    change = draw(changes())
    done_when = (ProviderHolds(draw(zones), change.key, change.after), *draw(st.lists(conditions, max_size=1)))
    requires = tuple(draw(st.lists(conditions, max_size=2)))
    action = draw(
        st.one_of(
            st.just(change),
            st.builds(SetSigning, st.booleans()),
            st.builds(Manual, texts, st.lists(texts, max_size=2).map(tuple)),
        )
    )
    zone = None if isinstance(action, Manual) else draw(zones)
    return Step(draw(st.sampled_from(Risk)), action, zone, requires, done_when)


findings = st.builds(Finding, st.sampled_from(Severity), labels, subjects, texts, texts)
answers = st.builds(
    GraphAnswer,
    domains,
    st.builds(Source, labels, texts),
    st.sampled_from(Cloud),
    times,
    st.lists(st.builds(MailExchange, domains, domains, st.integers(0, 65535), ttls), max_size=3).map(tuple),
    st.none() | st.builds(DomainFacts, st.booleans(), st.booleans(), st.booleans(), st.lists(texts, max_size=3).map(tuple)),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(st.builds(VerificationText, domains, texts, ttls), max_size=2).map(tuple),
)
pins = st.builds(Pin, domains, domains, texts)
stated = st.builds(Stated, domains, texts, texts)
journalled = st.builds(Journalled, texts, texts, times, texts)
emergencies = st.builds(Emergency, domains, texts)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    subject = draw(subjects)
    found = tuple(draw(st.lists(findings, max_size=3)))
    rollout = None
    if not any(finding.stops for finding in found) and draw(st.booleans()):
        outline = tuple(draw(st.lists(texts, max_size=2)))
        rollout = Rollout(subject, tuple(draw(st.lists(steps(), min_size=1, max_size=4))), outline)
    evidence = tuple(draw(st.lists(answers | pins | stated | journalled | emergencies, max_size=2)))
    return Entry(subject, draw(labels), found, evidence, rollout, draw(texts))


headers = st.builds(
    lambda created, globs, sources, planner, policy: Header(
        created, created + timedelta(hours=24), Filters(tuple(globs), ()), tuple(sources), planner, policy
    ),
    times,
    st.lists(texts, max_size=2),
    st.lists(st.builds(Source, labels, texts), max_size=2),
    texts,
    st.binary(max_size=32).map(bytes.hex),
)
votes = st.builds(Approval, texts, texts, texts, texts, times, st.none() | times) | st.builds(
    Rejection, texts, texts, texts, times
)
