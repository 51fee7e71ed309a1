"""One question to every address of a zone's servers at the same time, and what is said of those that do not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from plans.values import Key, Name
from providers.contract import Unavailable
from provisioner.dns.answers import Bogus, Lame
from provisioner.dns.client import Reason, Unanswered
from provisioner.dns.roots import Servers

MOST_ADDRESSES = 64
"""A zone with more is taken for one that has us ask forever."""
AT_ONCE = 16
"""So many servers of one zone are asked at the same time."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an address gave no answer, or none that counts."""

    why: str
    no_route: bool = False
    bogus: bool = False


@dataclass(frozen=True, slots=True)
class Told(Generic[_T]):
    """What came: answers and faults by address; `lines` tells the faults server by server.

    A server without an address has its fault under its own name. `left_out` names addresses to which this machine has no route,
    of servers that have another one: they are missing here.
    """

    answers: Mapping[str, _T]
    faults: Mapping[str, Fault]
    lines: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def why(self) -> str:
        """Give the faults as one text."""
        return "\n".join(self.lines)


def ask_all(zone: Name, servers: Servers, ask: Callable[[str], _T]) -> Told[_T]:
    """Ask every address; `ask` raises `Unanswered` or `Lame` where nothing came. Raises `Unavailable`: too many."""
    addresses = sorted(frozenset[str]().union(*servers.values()))
    if len(addresses) > MOST_ADDRESSES:
        what = f"It is delegated to {len(addresses)} addresses; {MOST_ADDRESSES} are the most that are asked."
        raise Unavailable(f"Zone {zone} cannot be asked", what, f"See its delegation:  dig +trace {zone} NS")

    def one(address: str) -> _T | Fault:
        try:
            return ask(address)
        except Unanswered as why:
            return Fault(str(why), no_route=why.reason is Reason.NO_ROUTE)
        except Lame as why:
            return Fault(str(why), bogus=isinstance(why, Bogus))

    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(addresses)))) as pool:
        told = dict(zip(addresses, pool.map(one, addresses), strict=True))
    return _sorted(servers, told)


def not_delegated(zone: Name, why: str = "") -> Unavailable:
    """Make the error for a zone that has no servers."""
    what = why or "Its parent's servers name no servers for it."
    return Unavailable(f"Zone {zone} is not delegated", what, f"See its delegation:  dig +trace {zone} NS")


@contextmanager
def about(key: Key) -> Iterator[None]:
    """Say in a fault for which key it came."""
    try:
        yield
    except Unanswered as why:
        raise Unanswered(why.reason, f"{key}: {why}") from None
    except Lame as why:
        raise type(why)(f"{key}: {why}") from None


def _sorted(servers: Servers, told: Mapping[str, _T | Fault]) -> Told[_T]:
    answers = {address: said for address, said in told.items() if not isinstance(said, Fault)}
    faults: dict[str, Fault] = {}
    lines, left_out = [], []
    for server, addresses in servers.items():
        of_server = {address: said for address in sorted(addresses) if isinstance(said := told[address], Fault)}
        for address, fault in of_server.items():
            if fault.no_route and len(of_server) < len(addresses):
                left_out.append(f"{server} was not asked at {address}: no route to it from this machine")
            else:
                faults[address] = fault
                lines.append(f"{server} ({address}): {fault.why}")
        if not addresses:
            faults[server] = Fault("it has no address")
            lines.append(f"{server}: it has no address")
    return Told(answers, faults, tuple(lines), tuple(left_out))
