"""Zones at Azure DNS, through Azure Resource Manager, in one subscription or one resource group of it.

Every write of a set carries the set's ETag. Sets are written one by one: Azure has no batch, and no transaction over several.
Two resource groups can hold zones of one name, of which at most one is delegated to: such a name, and all names below it, has
no zone here until `resource_group` says which is meant; `access` tells of it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from urllib.parse import quote

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Name, RRset, ZoneRef, ancestors, labels, name
from providers.azure.arm import Account, Arm, Patience, senseless
from providers.azure.options import AzureOptions
from providers.azure.read import Held, ZoneReader, pages_of
from providers.azure.records import StoredSet, stored_in, texts, token_of
from providers.azure.signing import AzureSigner, is_signed
from providers.azure.write import SetWriter
from providers.contract import (
    CONTRACT_VERSION,
    Access,
    Adapter,
    Capabilities,
    Conflict,
    Context,
    Outcome,
    ProviderError,
    Rejected,
    Signer,
    Status,
    Throttled,
    TokenSource,
    Unsupported,
    ZoneNotFound,
)
from providers.zonedata import ZoneData, guard, highest_by_type, require_writable

TYPE = "azure"
_RECORDS_IN_A_SET = 20  # https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
_CHARACTERS_IN_TEXTS = 4096  # https://learn.microsoft.com/azure/dns/dns-zones-records
_LABEL = re.compile(r"[a-z0-9_-]+\Z")
_ZONE_ID = re.compile(
    r"/subscriptions/([^/]+)/resourcegroups/([^/]+)/providers/microsoft\.network/dnszones/([^/]+)\Z", re.IGNORECASE
)


_Index = Mapping[Name, Mapping[ZoneRef, frozenset[Name]]]
"""By name the zones of that name, each with its name servers."""


class AzureDns:
    """The zones of one subscription. Several threads may use it at once."""

    def __init__(self, label: str, options: AzureOptions, context: Context, patience: Patience | None = None) -> None:
        self._label = label
        self._options = options
        self._context = context
        self._subscription = options.subscription.lower()
        self._lock = threading.Lock()
        self._login = threading.Lock()
        self._source: TokenSource | None = None
        self._index: _Index | None = None
        self._signed: set[str] = set()
        self._pages: dict[str, int] = {}
        reads, writes = options.rates()
        account = Account(
            root=options.root(),
            token=self._token,
            reads=context.limiters.of(TYPE, f"{self._subscription} reads", reads),
            writes=context.limiters.of(TYPE, f"{self._subscription} writes", writes),
            meter=context.meter,
            now=context.now,
        )
        self._arm = Arm(account, patience or Patience())

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every public zone, by name; both where two resource groups hold one of that name. Raises `ProviderError`."""
        index = self._zones()
        return (zone for apex in sorted(index) for zone in sorted(index[apex]))

    def access(self, zone: ZoneRef) -> Access:
        """Say whether a zone is there and is the only one of its name. Raises `ProviderError`."""
        self._arm.get(self._path(zone), "read zones")
        rivals = self._zones().get(zone.name, {})
        if len(rivals) > 1:
            groups = " and ".join(sorted(_group(rival) for rival in rivals))
            detail = f"the resource groups {groups} hold a zone {zone.name} each: name one as resource_group of the provider"
            return Access(readable=True, writable=False, detail=detail)
        return Access(
            readable=True, writable=None, detail="whether this account may write is told by Azure only when it writes"
        )

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match, unless there are two of that name. Raises `ProviderError`."""
        index = self._zones() if names else {}
        found = {}
        for asked in names:
            matches = next((index[upper] for upper in (asked, *ancestors(asked)) if upper in index), {})
            if len(matches) == 1:
                (found[asked],) = matches
        return found

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys by a listing of the zone, a call for each hundred sets, or name by name. Raises `ProviderError`."""
        held = self._reader(zone).names(keys)
        return ZoneData(zone.name, held.types, held.live).snapshot(zone, keys, token_of(held.stored))

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is: Azure holds what is written. Raises `Unsupported`, and `ProviderError` of DS and TLSA."""
        path = self._path(zone)
        _require_possible(zone, wanted)
        if wanted.key.type in {"DS", "TLSA"} and zone.id not in self._signed:
            if not is_signed(self._arm, path):
                raise Unsupported(
                    f"zone {zone.name} cannot hold {wanted.key}",
                    f"provider {zone.provider}: Azure takes {wanted.key.type} in signed zones only, and this one is not signed",
                    "sign the zone first, and make a new plan once that is done",
                )
            self._signed.add(zone.id)
        return wanted

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """List the zone, a call for each hundred sets; None where a set is an alias. Raises `ProviderError`."""
        return highest_by_type(self._reader(zone).ttls())

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the names of the servers that Azure assigned to a zone. Raises `ProviderError`."""
        self._path(zone)
        servers = self._zones().get(zone.name, {}).get(zone)
        if servers is None:
            raise self._not_here(zone)
        return servers

    def signer(self) -> Signer:
        """Give what signs the zones."""
        return AzureSigner(self._arm, self._path, self._signed.discard)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make the changes one by one, in their order, up to the first that is not written.

        One alone is written under the ETag that the base has. Several are looked at first: Azure has no transaction, and where
        one of them has changed, none is written.
        """
        reader = self._reader(base.zone)
        for change in changes:
            if change.after is not None:
                _require_possible(base.zone, change.after)
        if not changes:
            return {}
        held = (_as_read(base, changes[0]) if len(changes) == 1 else None) or reader.sets([change.key for change in changes])
        if (refused := guard(base, held.live, changes)) is not None:
            return refused
        # What else a name holds is looked up in the base: Azure itself refuses a set beside a CNAME that came since.
        data = ZoneData(base.zone.name, base.nodes, held.live)
        for change in changes:
            if change.after is not None and (obstacle := data.obstacle(change.key)):
                raise Unsupported(f"zone {base.zone.name} cannot hold {change.key}", obstacle, "mend the zone first")
        outcomes: dict[Key, Outcome] = {}
        for change in changes:
            if any(outcome.status is not Status.WRITTEN for outcome in outcomes.values()):
                outcomes[change.key] = Outcome(Status.NOT_TRIED, "another change of the same call was not written")
            else:
                outcomes[change.key] = _outcome(SetWriter(reader), change, held.stored.get(change.key), first=not outcomes)
        return outcomes

    def _reader(self, zone: ZoneRef) -> ZoneReader:
        path, pages = self._path(zone), self._pages.get(zone.id, 1)
        return ZoneReader(self._arm, path, zone.name, pages, lambda learned: self._pages.update({zone.id: learned}))

    def _zones(self) -> _Index:
        with self._lock:
            if self._index is None:
                self._index = self._listed()
            return self._index

    def _listed(self) -> _Index:
        group = self._options.resource_group
        scope = f"/subscriptions/{self._subscription}"
        path = f"{scope}/resourceGroups/{quote(group)}/providers/Microsoft.Network/dnsZones" if group else ""
        doing = "list zones"
        index: dict[Name, dict[ZoneRef, frozenset[Name]]] = {}
        for item in self._arm.pages(path or f"{scope}/providers/Microsoft.Network/dnszones", doing):
            try:
                properties = item["properties"]
                zone = ZoneRef(self._label, TYPE, self._subscription, item["id"].lower(), name(item["name"]))
                servers = frozenset(map(name, properties.get("nameServers") or ()))
                pages = pages_of(properties.get("numberOfRecordSets") or 0)
                private = str(properties.get("zoneType") or "").lower() == "private"
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise senseless(doing, f"subscription {self._subscription}: {error!r}") from error
            if not private:
                self._path(zone)
                index.setdefault(zone.name, {})[zone] = servers
                self._pages[zone.id] = pages
        return index

    def _path(self, zone: ZoneRef) -> str:
        """Give a zone's path. Raises `ZoneNotFound` where it is none of this provider's."""
        parts = _ZONE_ID.match(zone.id)
        group = self._options.resource_group
        ours = (self._label, TYPE, self._subscription) == (zone.provider, zone.type, zone.account)
        if (
            not (ours and parts and zone.id == zone.id.lower())
            or (parts[1], f"{parts[3]}.") != (self._subscription, zone.name)
            or (group and parts[2] != group.lower())
        ):
            raise self._not_here(zone)
        group, apex = quote(parts[2]), quote(parts[3])
        return f"/subscriptions/{self._subscription}/resourceGroups/{group}/providers/Microsoft.Network/dnsZones/{apex}"

    def _not_here(self, zone: ZoneRef) -> ZoneNotFound:
        return ZoneNotFound(
            f"zone {zone.name} is not at provider {self._label}",
            f"{zone.type} zone {zone.id} was asked for; {self._label} is {TYPE} subscription {self._subscription}",
            "make a new plan with this manifest",
        )

    def _token(self) -> str:
        options = self._options
        with self._login:  # one thread logs in, the others find the token that it got
            if self._source is None:
                self._source = self._context.credential(options.credential, options.tenant, options.cloud.value)
            return self._source.get_token(options.scope()).token


def _as_read(base: Snapshot, change: Change) -> Held | None:
    """Give the set that a change replaces as the base has it; None: the base does not have it so."""
    if change.key not in base.sets or base.sets[change.key] != change.before:
        return None
    if change.before is None:
        return Held({}, {})
    stored = stored_in(base.token, change.before)
    return Held({}, {change.key: stored}) if stored else None


def _group(zone: ZoneRef) -> str:
    return zone.id.split("/")[4]


def _require_possible(zone: ZoneRef, wanted: RRset) -> None:
    """Refuse a set that Azure could never hold in a zone. Raises `Unsupported`."""
    require_writable(zone, wanted)
    strings = texts(wanted)
    own = labels(wanted.key.owner)[: len(labels(wanted.key.owner)) - len(labels(zone.name))]
    plain = own[1:] if own[:1] == ("*",) else own
    if not all(_LABEL.match(label) for label in plain):
        reason = "names are made of letters, digits, hyphens and underscores, with `*` as the first label at most"
    elif len(wanted.values) > _RECORDS_IN_A_SET:
        reason = f"a set holds at most {_RECORDS_IN_A_SET} records, not {len(wanted.values)}"
    elif wanted.ttl < 1:
        reason = "a TTL is at least 1 second"
    elif not all(string.isascii() and string.decode("ascii").isprintable() for string in strings):
        reason = "which octets Azure serves for text beyond printable ASCII is not documented"
    elif sum(map(len, strings)) > _CHARACTERS_IN_TEXTS:
        reason = f"the texts of a set have at most {_CHARACTERS_IN_TEXTS} characters together"
    else:
        return
    raise Unsupported(
        f"zone {zone.name} cannot hold {wanted.key}", f"provider {zone.provider}: {reason}", "change what is wanted there"
    )


def _outcome(writer: SetWriter, change: Change, stored: StoredSet | None, *, first: bool) -> Outcome:
    """Write one set. Raises `ProviderError` where nothing of the call was written and the others would fare no better."""
    try:
        return writer.write(change, stored)
    except Rejected as error:
        return Outcome(Status.REJECTED, error.detail)
    except Conflict as error:
        return Outcome(Status.CONFLICT, error.detail)
    except ProviderError as error:
        if first:
            raise
        return Outcome(Status.NOT_TRIED if isinstance(error, Throttled) else Status.REJECTED, error.detail)


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=AzureOptions,
    capabilities=Capabilities(guard="ETag of each set", types=frozenset(MANAGED_TYPES), signs=True, lists=True),
    open=AzureDns,
)
