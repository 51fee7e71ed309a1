"""Amazon Route 53 (https://docs.aws.amazon.com/Route53/latest/APIReference/).

The SDK is imported when the first call is made. Credentials are found as every AWS tool finds them; `role_arn` is then
assumed. Only public hosted zones are seen. Permissions in route53: ListHostedZonesByName, GetHostedZone,
ListResourceRecordSets; to write, ChangeResourceRecordSets; to sign, GetDNSSEC, CreateKeySigningKey, ActivateKeySigningKey,
DeactivateKeySigningKey, DeleteKeySigningKey, EnableHostedZoneDNSSEC, DisableHostedZoneDNSSEC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import MANAGED_TYPES, Key, Name, RRset, ZoneRef
from providers.aws.errors import Denied
from providers.contract import CONTRACT_VERSION, Access, Adapter, Capabilities, Context, Outcome, Signer
from providers.route53.client import Client, Patience
from providers.route53.options import Route53Options
from providers.route53.records import Records
from providers.route53.signing import ZoneSigner
from providers.route53.write import Writer, require_room
from providers.route53.zones import Zones
from providers.zonedata import highest_by_type, require_writable


class Route53:
    """The public hosted zones that one identity may use. Several threads may use it at once."""

    def __init__(self, label: str, options: Route53Options, context: Context, patience: Patience | None = None) -> None:
        client = Client(label, options, context, patience or Patience())
        self._zones = Zones(client)
        self._records = Records(client, self._zones)
        self._writer = Writer(client, self._records)
        self._signer = ZoneSigner(client, self._zones, options.kms_keys)

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every public zone, by name; 100 a call. Raises `ProviderError`."""
        return self._zones.catalogue()

    def access(self, zone: ZoneRef) -> Access:
        """Say whether a zone can be read; whether it can be written cannot be asked. Raises `ProviderError`."""
        self._zones.require(zone)
        try:
            self._records.read(zone, [Key(zone.name, "SOA")])
        except Denied as error:
            return Access(readable=False, writable=None, detail=error.detail)
        return Access(
            readable=True,
            writable=None,
            detail="Route 53 tells only by a write whether route53:ChangeResourceRecordSets is allowed",
        )

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's zone, the longest match; one call for names that lie together, never more than listing all takes.

        Two zones of one name are found as one that `read` refuses. Raises `ProviderError`.
        """
        return self._zones.find(names)

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read keys of one zone: one call for 300 sets, in larger zones one for each part asked of. Raises `ProviderError`."""
        return self._records.read(zone, keys)

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set as it is. Raises `Unsupported`."""
        require_writable(zone, wanted)
        require_room(wanted, zone.name)
        return wanted

    def highest_ttls(self, zone: ZoneRef) -> Mapping[str, int] | None:
        """List the zone, 300 sets a call; None where an alias leads out of it. Raises `ProviderError`."""
        return highest_by_type(self._records.ttls(zone))

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make changes in one call for each 1,000 records, if their sets are as they were read. Raises `ProviderError`."""
        return self._writer.apply(base, changes)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Give the zone's delegation set. Raises `ProviderError`."""
        return self._zones.name_servers(zone)

    def signer(self) -> Signer:
        """Give what signs this account's zones."""
        return self._signer


def _open(label: str, options: Route53Options, context: Context) -> Route53:
    return Route53(label, options, context)


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=Route53Options,
    capabilities=Capabilities(
        guard="exact DELETE and CREATE in one batch",
        types=frozenset(MANAGED_TYPES),
        signs=True,
        keeps_servers=True,
        lists=True,
    ),
    open=_open,
)
