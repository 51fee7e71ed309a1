"""Which zones a Cloudflare account holds, remembered for as long as the provider is open."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from plans.values import Name, ZoneRef, ancestors, name
from providers.cloudflare.api import Api
from providers.cloudflare.options import TYPE
from providers.cloudflare.records import bare
from providers.cloudflare.rows import ZoneRow
from providers.contract import Rejected, ZoneNotFound

_ID = re.compile(r"[0-9a-f]{32}\Z")
_ZONE = re.compile(r"(?:[a-z0-9][a-z0-9-]*\.){2,}\Z")
"""Names that a zone may have there: no top-level domain, no wildcard, no underscore."""
_FLOOR, _ENTERPRISE_FLOOR = 60, 30


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of a zone; `floor` is the lowest TTL that it takes, in seconds, `servers` all that answer for it."""

    ref: ZoneRef
    floor: int
    kind: str
    status: str
    servers: frozenset[Name]


class Directory:
    """One account's zones. Several threads may use it at once; what one of them asks the others do not ask again."""

    def __init__(self, label: str, account: str | None, api: Api) -> None:
        self._label = label
        self._account = account
        self._api = api
        self._lock = threading.Lock()
        self._by_id: dict[str, Facts] = {}
        self._by_name: dict[Name, set[str]] = {}
        self._asked: set[Name] = set()
        self._complete = False

    def all(self) -> list[Facts]:
        """Give every zone, by name."""
        with self._lock:
            self._list_all()
            return sorted(self._by_id.values(), key=lambda facts: facts.ref)

    def find(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match."""
        with self._lock:
            candidates = {asked: _candidates(asked) for asked in names}
            self._learn(candidates.values())
            found = {asked: next(filter(self._is_zone, several), None) for asked, several in candidates.items()}
            return {asked: self._only(zone) for asked, zone in found.items() if zone}

    def facts(self, zone: ZoneRef) -> Facts:
        """Give what is true of a zone. Raises `ZoneNotFound` where the reference is not, to the letter, one of ours."""
        ours = zone.provider == self._label and zone.type == TYPE and _ID.match(zone.id)
        with self._lock:
            if ours and zone.id not in self._by_id:
                self._remember([self._api.zone(zone.id)])
            known = self._by_id.get(zone.id)
        if not ours or known is None or known.ref != zone or self._account not in {None, zone.account}:
            raise ZoneNotFound(
                f"zone {zone.name} is not the one that provider {self._label} holds",
                f"{zone.type} zone {zone.id} of account {zone.account} was asked for",
                "make a new plan with this manifest",
            )
        return known

    def _learn(self, candidates: Collection[Sequence[Name]]) -> None:
        """Ask for names one by one or for the whole list, whichever is less: the list's first page says how long it is."""
        if len(self._open(candidates)) > 1:
            seen = 0
            for rows, total in self._api.zone_pages():
                self._remember(rows)
                first, seen = seen == 0, seen + len(rows)
                self._complete = seen == total
                if first and len(self._open(candidates)) * len(rows) <= total - seen:
                    break
        for several in candidates:
            while questions := self._open([several]):
                self._remember(self._api.zones_named(bare(questions[0])))
                self._asked.add(questions[0])

    def _open(self, candidates: Iterable[Sequence[Name]]) -> list[Name]:
        """Give the names of which it must be known whether they are zones, and is not; what lies above a zone need not be."""
        questions: dict[Name, None] = {}
        for several in candidates:
            for zone in several:
                known = self._is_zone(zone)
                if known:
                    break
                if known is None:
                    questions[zone] = None
        return list(questions)

    def _is_zone(self, zone: Name) -> bool | None:
        """Whether a name is a zone's; None: not known. One that is not active is not all: another account may hold one too."""
        held = [self._by_id[zone_id] for zone_id in self._by_name.get(zone, ())]
        whole = self._complete or zone in self._asked
        if any(facts.status == "active" for facts in held):
            return True
        return bool(held) if whole else None

    def _list_all(self) -> None:
        if not self._complete:
            for rows, _ in self._api.zone_pages():
                self._remember(rows)
            self._complete = True

    def _remember(self, rows: Iterable[ZoneRow]) -> None:
        for row in rows:
            try:
                ref = ZoneRef(self._label, TYPE, row.account.id, row.id, name(row.name))
                servers = frozenset(map(name, [*(row.name_servers or ()), *(row.vanity_name_servers or ())]))
            except ValueError as error:
                raise Rejected(
                    f"provider {self._label} holds a zone whose name, or whose server's, is none",
                    f"zone {row.id}: {error}",
                    "name another account of the provider, or report it",
                ) from error
            floor = _ENTERPRISE_FLOOR if row.plan.legacy_id == "enterprise" else _FLOOR
            self._by_name.setdefault(ref.name, set()).add(row.id)
            self._by_id[row.id] = Facts(ref, floor, row.type or "full", row.status or "active", servers)

    def _only(self, zone: Name) -> ZoneRef:
        """Choose among zones of one name: two accounts may hold it, and at most one of the zones is delegated to."""
        held = [self._by_id[zone_id] for zone_id in self._by_name[zone]]
        chosen = held if len(held) == 1 else [facts for facts in held if facts.status == "active"]
        if len(chosen) != 1:
            told = ", ".join(sorted(f"{facts.ref.account} ({facts.status})" for facts in held))
            raise Rejected(
                f"provider {self._label} holds zone {zone} more than once",
                f"in the accounts {told}",
                "set `account` of the provider to the one that is meant",
            )
        return chosen[0].ref


def _candidates(asked: Name) -> list[Name]:
    """Give the zones that a name may lie in, longest first."""
    return [one for one in (asked, *ancestors(asked)) if _ZONE.match(one)]
