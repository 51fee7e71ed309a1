"""Makes domains and mail hosts from their entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from plans.microsoft import HostKind, host_kind
from plans.values import Mx, Name
from provisioner.manifest import words
from provisioner.manifest.assemble import Entries
from provisioner.manifest.check import check
from provisioner.manifest.layers import Layer, check_dane, merged, saying_dane
from provisioner.manifest.mistakes import KeyPath, enumerated
from provisioner.manifest.model import AUTO, Domain, Location, MailHost, ProviderConfig, Route, Takeover, Tenant
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import DomainPart, MailHostPart, Part
from provisioner.manifest.reading import Reading

P = TypeVar("P", bound=Part)


class Domains:
    """Reads both, by tables in which an entry that has mistakes is None.

    `tenant_defaults` has those of tenants that could be read; `defaults` None: those of the manifest could not be.
    """

    def __init__(
        self,
        sections: Mapping[str, Entries],
        reading: Reading,
        tenants: Mapping[str, Tenant | None],
        providers: Mapping[str, ProviderConfig | None],
        tenant_defaults: Mapping[str, Layer],
        defaults: Layer | None,
    ) -> None:
        self._sections = sections
        self._reading = reading
        self._mistakes = reading.mistakes
        self._tenants = tenants
        self._providers = providers
        self._tenant_defaults = tenant_defaults
        self._defaults = defaults

    def domains(self) -> Iterator[Domain]:
        """Give those that have no mistakes."""
        for name, part, node, path in self._named("domains", words.domain_name, DomainPart):
            if domain := self._domain(name, part, node, path):
                yield domain

    def mail_hosts(self) -> Iterator[MailHost]:
        """Give those that have no mistakes."""
        for name, part, node, path in self._named("mail_hosts", words.own_host, MailHostPart):
            provider, label = None, part.provider or AUTO
            if label != AUTO:
                provider = self._reading.refer(self._providers, "providers", label, node.child("provider"), *path, "provider")
            if name is not None and (provider or label == AUTO):
                folder = node.where.file.parent
                upcoming = folder / part.next.file if part.next else None
                yield MailHost(name, provider, folder / part.certificate.file, upcoming, node.where)

    def _named(
        self, section: str, form: Callable[[str], Name], model: type[P]
    ) -> Iterator[tuple[Name | None, P, Node, KeyPath]]:
        """Give each entry once by its name. None: that has a mistake, and what stands there is looked at all the same."""
        first: dict[Name, Location] = {}
        for text, node in self._sections[section]:
            path = (section, text)
            name = self._reading.word(form, text, node, *path)
            if name is not None and name in first:
                self._reading.twice(node.where, path, first[name])
                continue
            part = check(node, path, model, self._mistakes)
            if name is not None:
                first[name] = node.where
            if part is not None:
                yield name, part, node, path

    def _domain(self, name: Name | None, part: DomainPart, node: Node, path: KeyPath) -> Domain | None:
        tenant = self._reading.refer(self._tenants, "tenants", part.tenant, node.child("tenant"), *path, "tenant")
        layers = self._layers(part, node, path)
        settings = merged(layers)
        label = settings.provider or AUTO
        provider = self._providers.get(label)
        if part.provider and label != AUTO:  # one that is inherited and unknown is told where it stands
            self._reading.refer(self._providers, "providers", label, node.child("provider"), *path, "provider")
        exchange = self._exchange(part, node, path, saying_dane(layers))
        mx, takeover, parent = self._mx(part, node, path), self._takeover(part, node, path), self._parent(part, node, path)
        if name is None or tenant is None or (provider is None and label != AUTO):
            return None
        return replace(
            Domain.of(name, tenant, provider, settings, node.where),
            exchange=exchange,
            route=part.route,
            mx=mx,
            takeover=takeover,
            parent=parent,
            signed_since=part.signed_since,
            delegated_since=part.delegated_since,
        )

    def _layers(self, part: DomainPart, node: Node, path: KeyPath) -> tuple[Layer, ...]:
        """Give the layers of a domain's settings, its own first, up to the first one that is not known."""
        layers = [Layer.of(part, node, path)]
        for above in (self._tenant_defaults.get(part.tenant), self._defaults):
            if above is None:
                check_dane(layers, self._mistakes, whole=False)
                return tuple(layers)
            layers.append(above)
        check_dane(layers, self._mistakes, whole=True)
        return tuple(layers)

    def _exchange(self, part: DomainPart, node: Node, path: KeyPath, dane: Layer | None) -> Name | None:
        if part.exchange is None:
            return None
        written = node.child("exchange")
        exchange = self._reading.word(words.pinned_exchange, part.exchange, written, *path, "exchange")
        if exchange and dane and host_kind(exchange) is HostKind.LEGACY:
            text = f"this legacy name of Exchange Online has no DANE, and `dane: true` stands at {dane.where('dane')}"
            mend = "Write `dane: false` for the way back, or remove the name."
            self._mistakes.add(written.where, (*path, "exchange"), text, mend)
        return exchange

    def _mx(self, part: DomainPart, node: Node, path: KeyPath) -> tuple[Mx, ...]:
        listed, below = node.child("mx"), (*path, "mx")
        if part.route is Route.GATEWAY and not part.mx:
            whither = " in YAML" if node.where.file.suffix.lower() == ".csv" else ""
            mend = f"Write for example `mx: [{{preference: 10, exchange: mx1.example.com}}]`{whither}."
            self._mistakes.add(listed.where, below, "`route: gateway` needs the gateway's hosts here", mend)
        elif part.route is not Route.GATEWAY and part.mx is not None:
            self._mistakes.add(listed.where, below, "stands without `route: gateway`", "Add that, or remove `mx`.")
        items = listed.value if part.mx is not None and isinstance(listed.value, list) else []
        first: dict[Name, Location] = {}
        made = []
        for position, (one, item) in enumerate(zip(part.mx or (), items, strict=True)):
            written, at = item.child("exchange"), (*below, position, "exchange")
            host = self._reading.word(words.own_host, one.exchange, written, *at)
            if host in first:
                self._reading.twice(written.where, at, first[host])
            elif host is not None:
                first[host] = written.where
                made.append(Mx(one.preference, host))
        return tuple(sorted(made))

    def _takeover(self, part: DomainPart, node: Node, path: KeyPath) -> Takeover | None:
        if part.takeover is None:
            return None
        written = node.child("takeover").child("from")
        host = self._reading.word(words.mail_host, part.takeover.from_, written, *path, "takeover", "from")
        return Takeover(host, part.takeover.until) if host else None

    def _parent(self, part: DomainPart, node: Node, path: KeyPath) -> ProviderConfig | None:
        if part.parent is None:
            return None
        written = node.child("parent")
        parent = self._reading.refer(self._providers, "providers", part.parent, written, *path, "parent")
        if parent and not _holds_ds(parent):
            able = [label for label, one in self._providers.items() if one and _holds_ds(one)]
            mend = (
                f"Name one that does: {enumerated(able)}."
                if able
                else "Remove it; a person then takes the DS to the registrar."
            )
            self._mistakes.add(written.where, (*path, "parent"), "this provider holds no DS sets", mend)
        return parent


def _holds_ds(provider: ProviderConfig) -> bool:
    return "DS" in provider.adapter.capabilities.types
