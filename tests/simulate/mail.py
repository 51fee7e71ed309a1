"""Who takes mail when, what senders may believe, and whether some of them find no host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from plans import mta_sts
from plans.facts import HostFacts, Secured, Security, Session, StsMode, StsPolicy
from plans.values import Mx, Name, RRset, rrset
from tests.simulate.secure import tlsa_of
from tests.simulate.spans import ALWAYS, FOREVER, History, Span, uncovered

DAY = 86400
CERTIFICATE = b"certificate"


@dataclass(slots=True)
class Host:
    """A mail host: since when it has an address, and the intervals in which it takes mail for the domain.

    `dane`: whether it has a TLSA set, which matches.
    """

    resolves: int = ALWAYS
    takes: list[tuple[int, int]] = field(default_factory=lambda: [(ALWAYS, FOREVER)])
    dane: History[bool] = field(default_factory=lambda: History(first=False))

    @classmethod
    def new(cls, resolves: int, takes: int) -> Host:
        """Make a host that has an address and takes mail from then on."""
        return cls(resolves, [(takes, FOREVER)])

    def stop(self, at: int) -> None:
        """Take no mail any more."""
        self.takes = [(start, min(end, at)) for start, end in self.takes if start < at]

    def start(self, at: int) -> None:
        """Take mail again."""
        self.takes.append((at, FOREVER))

    def facts(self, name: Name, at: int) -> HostFacts:
        """Give what is seen of it from outside."""
        addresses = frozenset(["198.51.100.1"] if at >= self.resolves else [])
        takes = any(start <= at < end for start, end in self.takes)
        session = Session(takes, takes, (CERTIFICATE,) if takes else ())
        held = rrset(f"_25._tcp.{name}", "TLSA", 3600, [tlsa_of(CERTIFICATE)]) if self.dane.at(at) else None
        tlsa = Secured(held, Security.SECURE)
        return HostFacts(name, addresses, 300, Security.SECURE, tlsa, dict.fromkeys(addresses, session))


@dataclass(slots=True)
class Policies:
    """A domain's MTA-STS policies, each from when on (RFC 8461). `opens`: the last one names all hosts or enforces nothing.
    `looks`: when one of our runs kept what it saw of them."""

    told: Sequence[tuple[int, StsPolicy]]
    opens: bool = True
    looks: list[int] = field(default_factory=list)

    def at(self, time: int) -> StsPolicy:
        """Give what is published."""
        return next(policy for since, policy in reversed(self.told) if since <= time)

    def changes_after(self, time: int) -> Iterator[int]:
        """Give when another one is published."""
        return (since for since, _ in self.told if since > time)

    def held(self) -> Iterator[Span[StsPolicy]]:
        """Give every policy that a sender may act on, and when.

        It keeps one for its `max_age`, and until it sees a new id: it looks daily at least, and may get an answer from a cache.
        A policy that no run of ours saw is not counted.
        """
        ends = [since for since, _ in self.told[1:]] + [FOREVER]
        for number, ((start, policy), end) in enumerate(zip(self.told, ends, strict=True)):
            if any(start <= look < end for look in self.looks):
                renamed = next((since for since, later in self.told[number:] if later.id != policy.id), FOREVER)
                yield Span(start, min(end + policy.max_age, renamed + max(policy.ttl, DAY)), policy)


def lost(answers: Iterable[Span[RRset | None]], hosts: dict[Name, Host], policies: Policies) -> Iterator[str]:
    """Tell when a sender finds no host, by what it may hold of the MX set and of a policy; with no MX set there was no mail."""
    enforced = [span for span in policies.held() if span.what.mode is StsMode.ENFORCE]
    for answer in answers:
        if answer.what is None:
            continue
        named = [one.exchange for one in answer.what.values if isinstance(one, Mx)]
        yield from _unserved(Span(max(answer.start, 0), answer.end, None), named, hosts, f"holds {_told(answer.what)}")
        for policy in enforced:
            start, end = max(answer.start, policy.start, 0), min(answer.end, policy.end)
            allowed = [name for name in named if mta_sts.lists(policy.what, [name])]
            what = f"holds {_told(answer.what)} and the policy {policy.what.id} for {', '.join(policy.what.patterns)}"
            yield from _unserved(Span(start, end, None), allowed, hosts, what)


def _unserved(when: Span[None], named: Sequence[Name], hosts: dict[Name, Host], what: str) -> Iterator[str]:
    first = uncovered(when.start, when.end, [interval for name in named for interval in hosts[name].takes])
    if first is not None:
        yield f"mail: at {first} a sender that {what} finds no host, until {when.end}"


def _told(held: RRset) -> str:
    return f"{', '.join(map(str, held.values))} (TTL {held.ttl})"
