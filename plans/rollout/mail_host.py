"""The TLSA set of a mail host of ours: always one that matches what the host presents, now and through a change of certificate.

A record for the next key is published beside the current one, and has reached every cache before the certificate changes; the
old one goes when every address has presented the new key for as long as the set may be cached (RFC 7671 §8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from plans.conditions import Condition, HeldFor, Presents, ProviderHolds, ServedEverywhere
from plans.desired import Subject, SubjectKind
from plans.microsoft import HostKind, host_kind
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout import surroundings
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, Tlsa, name, rrset


@dataclass(frozen=True, slots=True)
class Wish:
    """A mail host and its keys. TTLs in seconds.

    `current` is the record for the certificate that it presents, `upcoming` that for the one which will follow, `installed`
    whether every address presents that one already, and `word` on whose word, where that was not seen. `ttl` is that of its
    addresses. `signed`: the zone that holds the set serves signatures. `negative_ttl` is how long its denials are kept.
    """

    host: Name
    current: Tlsa
    upcoming: Tlsa | None
    ttl: int
    signed: bool
    negative_ttl: int
    propagation: int
    installed: bool = False
    word: str = ""

    @property
    def subject(self) -> Subject:
        """What the rollout is about."""
        return Subject(self.host, SubjectKind.MAIL_HOST)

    @property
    def key(self) -> Key:
        """Where the TLSA set stands (RFC 7672 §2.2)."""
        return key(self.host)


def key(host: Name) -> Key:
    """Give the key of a mail host's TLSA set (RFC 6698 §3)."""
    return Key(name(f"_25._tcp.{host}"), "TLSA")


def keys(host: Name, zone: Name) -> frozenset[Key]:
    """Give the keys that must be read before a TLSA set is proposed."""
    return surroundings.keys(key(host).owner, zone) | {key(host)}


def propose(wish: Wish, snapshot: Snapshot) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose the steps for a mail host, or say why there are none. Neither: its TLSA set is right. `snapshot` holds `keys`."""
    refusals = tuple(_refusals(wish, snapshot))
    if refusals:
        return None, refusals
    live = snapshot.sets[wish.key]
    steps = tuple(_steps(wish, live if isinstance(live, RRset) else None, snapshot))
    rename = f"Name it under `certificate:` and drop `next:` at {wish.subject}; the next plan removes the old record."
    if steps:
        return Rollout(wish.subject, steps, (f"Then: {rename}",) if wish.upcoming else ()), ()
    if wish.upcoming:
        what = f"Every address presents the certificate that is under `next:`{wish.word and f', {wish.word}'}."
        return None, (Finding(Severity.NOTICE, "next-installed", wish.subject, what, rename),)
    return None, ()


def _refusals(wish: Wish, snapshot: Snapshot) -> Iterator[Finding]:
    subject, zone = wish.subject, snapshot.zone
    if host_kind(wish.host) is not HostKind.FOREIGN:
        what = "Microsoft publishes the TLSA of its own hosts."
        yield Finding.block(subject, "tlsa-microsoft", what, f"Take {subject} out of mail_hosts:.")
    elif obstacle := surroundings.obstacle(subject, wish.key, snapshot):
        yield obstacle
    elif not wish.signed:
        what = (
            f"The zone {zone.name} is not signed: a TLSA set in it would be worth nothing, and harm once it is (RFC 7672 §2.2)."
        )
        yield Finding.block(
            subject, "tlsa-zone-unsigned", what, "Have the zone signed first: `dnssec: manage` at a domain in it."
        )
    elif wish.current == wish.upcoming:
        what = "The certificates under `certificate:` and `next:` have the same key."
        yield Finding.block(subject, "next-is-current", what, "Drop `next:`, or name the certificate that is to come.")


def _steps(wish: Wish, live: RRset | None, snapshot: Snapshot) -> Iterator[Step]:
    """Give the steps from the live set to the wanted one.

    Records of other forms go before the certificate changes: a sender that prefers them would find none for the next key
    (RFC 7671 §8, §9).
    """
    held = frozenset(one for one in live.values if isinstance(one, Tlsa)) if live else frozenset()
    wanted = frozenset((wish.current, wish.upcoming) if wish.upcoming else (wish.current,))
    ttl = live.ttl if live else wish.ttl
    before, after = live, rrset(wish.key.owner, "TLSA", ttl, held | wanted)
    if live is None:
        yield _write(Risk.FIRST_TLSA, None, after, snapshot, (Presents(wish.host, (wish.current,)),))
    elif held != held | wanted:
        yield _write(Risk.EXTEND_TLSA, before, after, snapshot, (Presents(wish.host, tuple(sorted(held | wanted))),))
    if wish.upcoming and wish.installed:
        return
    if held - wanted:
        before, after = after, rrset(wish.key.owner, "TLSA", ttl, wanted)
        stays = HeldFor(Presents(wish.host, tuple(sorted(wanted))), ttl)
        yield _write(Risk.REMOVE_TLSA, before, after, snapshot, (stays,))
    if wish.upcoming:
        yield _new_certificate(wish, after, snapshot, old_ttl=max(ttl, wish.negative_ttl))


def _write(risk: Risk, before: RRset | None, after: RRset, snapshot: Snapshot, requires: tuple[Condition, ...]) -> Step:
    done_when = (ProviderHolds(snapshot.zone, after.key, after), ServedEverywhere(snapshot.zone.name, after.key, after))
    return Step(risk, Change(before, after), snapshot.zone, requires, done_when)


def _new_certificate(wish: Wish, published: RRset, snapshot: Snapshot, old_ttl: int) -> Step:
    """Make the step in which a person installs the next certificate: not before every cache has the record for it."""
    upcoming = wish.upcoming or wish.current
    wait = HeldFor(ServedEverywhere(snapshot.zone.name, wish.key, published), 2 * old_ttl + wish.propagation)
    what = f"Now install the next certificate at every address of {wish.subject}; its key is the one of this record:"
    copy = (f"{wish.key.owner} IN TLSA {upcoming}",)
    return Step(Risk.MANUAL, Manual(what, copy), None, (wait,), (Presents(wish.host, (upcoming,)),))
