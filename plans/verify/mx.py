"""Whether the MX that is served is the one that is wanted, or one on the way to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from plans.facts import HostFacts, NoAnswer
from plans.microsoft import HostKind, host_kind
from plans.plan import Change, Rollout
from plans.rollout.domain import EQUAL_PREFERENCES
from plans.values import Key, Live, Mx, Name, RRset, Value
from plans.verify.check import Check, Standing

NAME = "MX"

_Held = tuple[Value, ...] | str | None
"""What servers serve, the TTL aside: values, in words why they are none, or that there is no set."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An open rollout: `plan` is the id of the plan that it is of, `states` the MX values that it leads through."""

    plan: str
    states: frozenset[tuple[Value, ...] | None] = frozenset()

    @classmethod
    def of(cls, plan: str, rollout: Rollout, domain: Name) -> UnderWay:
        """Make it of a rollout's steps that change the MX set of a domain."""
        changes = (step.action for step in rollout.steps if isinstance(step.action, Change))
        sets = [held for change in changes if change.key == Key(domain, NAME) for held in (change.before, change.after)]
        return cls(plan, frozenset(held.values if held else None for held in sets))

    def __str__(self) -> str:
        return f"the rollout of plan {self.plan[:12]}"


def mail_hosts(answers: Mapping[str, Live | NoAnswer]) -> tuple[Name, ...]:
    """Give the hosts that any answer names, ascending."""
    sets = [held.values for held in answers.values() if isinstance(held, RRset)]
    return tuple(sorted({one.exchange for values in sets for one in values if isinstance(one, Mx) and not one.is_null}))


def mx_check(
    domain: Name,
    wanted: RRset | None,
    under_way: UnderWay | None,
    answers: Mapping[str, Live | NoAnswer],
    hosts: Mapping[Name, HostFacts | NoAnswer],
) -> Check:
    """Compare what each of `answers` serves with what is wanted; None: nothing is, as another check tells."""
    silent = [f"{at}: {held.why}" for at, held in sorted(answers.items()) if isinstance(held, NoAnswer)]
    served: dict[_Held, list[str]] = defaultdict(list)
    for at, held in sorted(answers.items()):
        if not isinstance(held, NoAnswer):
            served[_held(held)].append(at)
    if not served:
        return _check(Standing.UNDETERMINED, "\n".join(["nobody said what it is", *silent]))
    told = _told(served)
    if under_way and served.keys() <= under_way.states and (wanted is None or served.keys() != {wanted.values}):
        return _check(Standing.NOTICE, f"{told}, half-way through {under_way}", "Apply that plan again until it is done.")
    if len(served) > 1:
        mend = "Wait until every server has the same zone; if they stay apart, mend the transfer between them."
        return _check(Standing.FAULT, f"the servers differ: {told}", mend)
    (one,) = served
    wrong = _wrong(domain, wanted, one) or next(_without_address(one, hosts), None)
    if wrong and wrong.standing is Standing.FAULT:
        return wrong
    if silent:
        return _check(Standing.UNDETERMINED, "\n".join([f"{told}; not every server answers", *silent]))
    return wrong or _check(Standing.GOOD, _right(told, wanted, one))


def _check(standing: Standing, what: str, mend: str = "") -> Check:
    return Check(NAME, standing, what, mend)


def _held(held: Live) -> _Held:
    match held:
        case None:
            return None
        case RRset(values=values):
            return values
        case irregular:
            return irregular.reason


def _words(held: _Held) -> str:
    match held:
        case None:
            return "no MX"
        case str():
            return f"an MX set that is {held}"
        case values:
            return ", ".join(map(str, values))


def _told(served: Mapping[_Held, Collection[str]]) -> str:
    if len(served) == 1:
        return _words(next(iter(served)))
    return "; ".join(f"{', '.join(at)} serves {_words(held)}" for held, at in served.items())


def _wrong(domain: Name, wanted: RRset | None, held: _Held) -> Check | None:
    """Say what is wrong with what is served; None: nothing, or nobody said what it should be."""
    if isinstance(held, str):
        return _check(Standing.FAULT, _words(held), "Put a plain MX set there at the DNS provider.")
    if held and any(isinstance(one, Mx) and one.is_null for one in held):
        what = "a null MX: the domain takes no mail (RFC 7505)"
        return _check(Standing.FAULT, what, "Remove it at the DNS provider, if the domain is to take mail.")
    return _other(domain, wanted.values, held) if wanted else None


def _other(domain: Name, wanted: tuple[Value, ...], held: tuple[Value, ...] | None) -> Check | None:
    told, plan = _words(held), f"See what would be changed:  provisioner plan --domain {domain.rstrip('.')}"
    if held is None or _hosts(held) != _hosts(wanted):
        return _check(Standing.FAULT, f"{told}; wanted is {_words(wanted)}", plan)
    if not _same_order(held, wanted):
        what = f"{told}: the hosts are right, and the preferences wanted are those of {_words(wanted)}"
        return _check(Standing.NOTICE, what, plan)
    return None


def _hosts(held: tuple[Value, ...]) -> frozenset[Name]:
    return frozenset(one.exchange for one in held if isinstance(one, Mx))


def _same_order(held: tuple[Value, ...], wanted: tuple[Value, ...]) -> bool:
    match held, wanted:
        case (Mx(preference=served),), (Mx(preference=asked),):
            return served == asked or {served, asked} <= EQUAL_PREFERENCES
        case _:
            return held == wanted


def _without_address(held: _Held, hosts: Mapping[Name, HostFacts | NoAnswer]) -> Iterator[Check]:
    """Find hosts to which nobody can deliver, then those of which that cannot be told."""
    named = sorted(_hosts(held)) if isinstance(held, tuple) else []
    for host in named:
        found = hosts.get(host)
        if isinstance(found, HostFacts) and found.addresses is not None and not found.addresses:
            mend = "Give it an address, or have the MX name another host."
            yield _check(Standing.FAULT, f"{_words(held)}; {host} has no address", mend)
    for host in named:
        found = hosts.get(host)
        if isinstance(found, NoAnswer):
            yield _check(Standing.UNDETERMINED, f"{_words(held)}; whether {host} has an address is not known: {found.why}")


def _right(told: str, wanted: RRset | None, held: _Held) -> str:
    if wanted is None:
        return f"{told}; there is nothing to compare it with"
    legacy = isinstance(held, tuple) and any(host_kind(host) is HostKind.LEGACY for host in _hosts(held))
    return f"{told}, a legacy host, which is still asked for" if legacy else told
