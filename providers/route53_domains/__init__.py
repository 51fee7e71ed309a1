"""Amazon Route 53 Domains (https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53_Domains.html).

A registrar: of each registered domain it holds the DS, in the parent's zone, and serves nothing itself. The SDK is imported
when the first call is made. Credentials are found as every AWS tool finds them; `role_arn` is then assumed. Permissions in
route53domains: ListDomains, GetDomainDetail; to write, AssociateDelegationSignerToDomain,
DisassociateDelegationSignerFromDomain, GetOperationDetail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, Name, RRset, ZoneRef
from providers.aws.client import Patience
from providers.aws.errors import Denied
from providers.contract import CONTRACT_VERSION, Access, Adapter, Capabilities, Context, Outcome
from providers.route53_domains import write
from providers.route53_domains.client import Client
from providers.route53_domains.domains import Domains
from providers.route53_domains.options import Route53DomainsOptions


class Route53Domains:
    """The domains that one identity may manage. Several threads may use it at once.

    A zone is a registered domain, and the one set that it takes is the domain's own DS.
    """

    def __init__(self, label: str, options: Route53DomainsOptions, context: Context, patience: Patience | None = None) -> None:
        client = Client(label, options, context, patience or Patience())
        self._domains = Domains(client)
        self._writer = write.Writer(client, self._domains, context.lookup)

    def catalogue(self) -> Iterator[ZoneRef]:
        """Give every registered domain, by name; 100 a call. Raises `ProviderError`."""
        return self._domains.catalogue()

    def access(self, zone: ZoneRef) -> Access:
        """Say whether a domain can be read; whether it can be written cannot be asked. Raises `ProviderError`."""
        try:
            self._domains.held(zone)
        except Denied as error:
            return Access(readable=False, writable=None, detail=error.detail)
        permission = "route53domains:AssociateDelegationSignerToDomain"
        return Access(readable=True, writable=None, detail=f"AWS tells only by a write whether {permission} is allowed")

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        """Give each name's registered domain, the longest match. Raises `ProviderError`."""
        return self._domains.find(names)

    def read(self, zone: ZoneRef, keys: Collection[Key]) -> Snapshot:
        """Read what the registrar holds of a domain: DS and NS of the domain itself; one call. Raises `ProviderError`."""
        return self._domains.held(zone).snapshot(keys)

    def canonical(self, zone: ZoneRef, wanted: RRset) -> RRset:
        """Give the set with the TTL by which it will be read. Raises `Unsupported`."""
        return write.canonical(zone, wanted)

    def apply(self, base: Snapshot, changes: Sequence[Change]) -> Mapping[Key, Outcome]:
        """Make a change of a domain's DS, and wait until the registrar shows it. Raises `ProviderError`."""
        return self._writer.apply(base, changes)

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        """Name no server: a registrar serves no zone. Raises `ZoneNotFound`."""
        self._domains.require(zone)
        return frozenset()

    def signer(self) -> None:
        """Sign nothing: whoever serves the zone does."""


def _open(label: str, options: Route53DomainsOptions, context: Context) -> Route53Domains:
    return Route53Domains(label, options, context)


ADAPTER = Adapter(
    contract=CONTRACT_VERSION,
    options=Route53DomainsOptions,
    capabilities=Capabilities(
        guard="read again just before, each DS added or removed by itself; a window of one round trip remains",
        types=frozenset({"DS"}),
    ),
    open=_open,
)
