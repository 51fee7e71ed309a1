"""Makes the values of a manifest from its entries: every label that is referred to, every word that has a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from plans.problem import Problem
from providers.contract import Adapter, Options
from provisioner.manifest import words
from provisioner.manifest.assemble import Assembled
from provisioner.manifest.check import check, check_type
from provisioner.manifest.credentials import method, secret
from provisioner.manifest.domains import Domains
from provisioner.manifest.layers import Layer, check_dane
from provisioner.manifest.mistakes import KeyPath, Mistakes
from provisioner.manifest.model import (
    AUTO,
    MANUAL,
    AzurePipelines,
    Certificate,
    ClientSecret,
    Credential,
    LiveTenant,
    Location,
    ManagedIdentity,
    Manifest,
    Partner,
    Policy,
    ProviderConfig,
    Resolver,
    SavedTenant,
    Settings,
    Tenant,
    Webhook,
    WorkloadIdentity,
)
from provisioner.manifest.nodes import Node
from provisioner.manifest.parts import (
    CREDENTIALS,
    DEFAULT_STATE,
    LiveTenantPart,
    Part,
    PartnerPart,
    PolicyPart,
    ResolverPart,
    SavedTenantPart,
    SettingsPart,
    WebhookPart,
)
from provisioner.manifest.policy import policy
from provisioner.manifest.reading import Reading

T = TypeVar("T")
P = TypeVar("P", bound=Part)


class Adapters(Protocol):
    """Where the types of providers are known; `providers.registry` is the usual one."""

    def available(self) -> tuple[str, ...]:
        """Give the types that can be loaded."""
        ...

    def load(self, type: str, /) -> Adapter:  # noqa: A002 - as the registry names it
        """Give the adapter of a type. Raises `Problem`."""
        ...


def resolve(file: Path, parts: Assembled, adapters: Adapters, mistakes: Mistakes) -> Manifest:
    """Resolve an assembled manifest; what has a mistake, which is then noted, is left out."""
    return _Resolver(file, parts, adapters, mistakes).manifest()


class _Resolver:
    """A table of each section; an entry that has mistakes is None there, so that it is still known by its label."""

    def __init__(self, file: Path, parts: Assembled, adapters: Adapters, mistakes: Mistakes) -> None:
        self._file = file
        self._parts = parts
        self._adapters = adapters
        self._mistakes = mistakes
        self._reading = Reading(mistakes, parts.misnamed)
        self._tenant_ids: dict[str, Location] = {}
        self._tenant_defaults: dict[str, Layer] = {}
        self._credentials = self._table("credentials", self._credential)
        self._providers = self._table("providers", self._provider)
        self._defaults = self._own_defaults()
        self._tenants = self._table("tenants", self._tenant)
        self._partners = self._table("partners", self._partner)

    def manifest(self) -> Manifest:
        state = self._top_word(partial(words.state_url, folder=self._file.parent), "state", default=DEFAULT_STATE)
        endpoint = self._top_word(words.endpoint, "graph", "endpoint")
        named = Domains(
            self._parts.sections, self._reading, self._tenants, self._providers, self._tenant_defaults, self._defaults
        )
        return Manifest(
            self._file,
            state or "",
            _whole(self._tenants),
            _whole(self._providers),
            tuple(named.domains()),
            self._defaults.settings if self._defaults else Settings(),
            {label: layer.settings for label, layer in self._tenant_defaults.items()},
            endpoint,
            _whole(self._credentials),
            self._resolver(),
            tuple(named.mail_hosts()),
            self._policy(),
            _whole(self._partners),
            self._webhook(),
        )

    def _table(self, section: str, make: Callable[[str, Node, KeyPath], T]) -> dict[str, T]:
        first: dict[str, Location] = {}
        made: dict[str, T] = {}
        for label, node in self._parts.sections[section]:
            path = (section, label)
            if label in first:
                self._reading.twice(node.where, path, first[label])
                continue
            first[label] = node.where
            if not label.isprintable() or label != label.strip() or not label:
                self._mistakes.add(node.where, path, "a label is printable text without blanks around it", "Change the label.")
            made[label] = make(label, node, path)
        return made

    def _credential(self, label: str, node: Node, path: KeyPath) -> Credential | None:
        typed = check_type(node, path, CREDENTIALS, "credential", self._mistakes)
        if typed is None:
            return None
        part = check(node, path, CREDENTIALS[typed], self._mistakes)
        return Credential(label, method(part, node), node.where) if part else None

    def _provider(self, label: str, node: Node, path: KeyPath) -> ProviderConfig | None:
        typed = check_type(node, path, self._adapters.available(), "provider", self._mistakes)
        if typed is None:
            return None
        try:
            adapter = self._adapters.load(typed)
        except Problem as problem:
            self._mistakes.add(node.where, path, f"{problem.headline}: {problem.detail}", problem.mend)
            return None
        options = check(node, path, adapter.options, self._mistakes)
        if options is None:
            return None
        self._login(options, node, path)
        if label == AUTO or (label == MANUAL and typed != MANUAL):
            meant = "the provider that a zone is found at" if label == AUTO else "a provider of that type"
            self._mistakes.add(node.where, path, f"this label stands for {meant}", "Choose another one.")
        return ProviderConfig(label, adapter, options, node.where)

    def _login(self, options: Options, node: Node, path: KeyPath) -> None:
        """Check the credential that a provider's options name, and that it is said for which tenant where that must be said."""
        label = getattr(options, "credential", None)
        if not isinstance(label, str):
            return
        credential = self._reading.refer(self._credentials, "credentials", label, node.child("credential"), *path, "credential")
        if credential and isinstance(credential.method, _OF_ONE_TENANT) and not getattr(options, "tenant", None):
            mend = "Add the tenant in which the account is: `tenant: …`."
            self._mistakes.add(node.where, (*path, "tenant"), "is missing, and that credential does not say it", mend)

    def _tenant(self, label: str, node: Node, path: KeyPath) -> Tenant | None:
        entries = node.value if isinstance(node.value, dict) else {}
        saved = entries.get("export")
        if saved and (rival := next((key for key in ("id", "credential") if key in entries), None)):
            mend = "Keep `export` for a saved answer, or `id` and `credential` for a live tenant."
            self._mistakes.add(saved.where, (*path, "export"), f"stands beside `{rival}`", mend)
            return None
        if isinstance(node.value, dict) and not entries.keys() & {"id", "credential", "export"}:
            text = "is neither a live tenant nor a saved answer"
            self._mistakes.add(node.where, path, text, "Add `id` and `credential`, or `export`.")
            return None
        model: type[LiveTenantPart | SavedTenantPart] = SavedTenantPart if saved else LiveTenantPart
        part = check(node, path, model, self._mistakes)
        if part is None:
            return None
        said = self._settings(part.defaults, entries.get("defaults", node), (*path, "defaults"))
        self._tenant_defaults[label] = said
        if part.domains:
            layers = (said, self._defaults) if self._defaults else (said,)
            check_dane(layers, self._mistakes, whole=self._defaults is not None)
        globs = self._globs(part, entries.get("domains"), path)
        if isinstance(part, SavedTenantPart):
            return SavedTenant(label, node.where.file.parent / part.export, part.cloud, node.where, globs)
        credential = self._reading.refer(
            self._credentials, "credentials", part.credential, entries["credential"], *path, "credential"
        )
        tenant_id = self._reading.word(words.tenant_id, part.id, entries["id"], *path, "id")
        if tenant_id is None or credential is None:
            return None
        first = self._tenant_ids.setdefault(tenant_id.lower().rstrip("."), entries["id"].where)
        if first != entries["id"].where:
            text = f"this tenant has another label already, at {first}"
            self._mistakes.add(entries["id"].where, (*path, "id"), text, "Keep one of the two.")
        return LiveTenant(label, tenant_id, credential, part.cloud, node.where, globs)

    def _partner(self, label: str, node: Node, path: KeyPath) -> Partner | None:
        part = check(node, path, PartnerPart, self._mistakes)
        if part is None:
            return None
        defaults = self._settings(part.defaults, node.child("defaults"), (*path, "defaults"))
        written = node.child("credential")
        credential = self._reading.refer(self._credentials, "credentials", part.credential, written, *path, "credential")
        tenant_id = self._reading.word(words.tenant_id, part.tenant, node.child("tenant"), *path, "tenant")
        if credential and isinstance(credential.method, ManagedIdentity):
            text = "a managed identity has tokens of its own tenant only, and none of a customer's"
            self._mistakes.add(written.where, (*path, "credential"), text, "Name a credential of another type.")
        if label in self._tenants:
            self._mistakes.add(node.where, path, "this label stands for a tenant already", "Choose another one.")
        if tenant_id is None or credential is None:
            return None
        return Partner(LiveTenant(label, tenant_id, credential, part.cloud, node.where), part.discover, defaults.settings)

    def _globs(self, part: LiveTenantPart | SavedTenantPart, node: Node | None, path: KeyPath) -> tuple[str, ...] | None:
        if node is None or part.domains is None:
            return None
        if part.domains == "all":
            return ("*",)
        items = node.value if isinstance(node.value, list) else []
        globs = [
            self._reading.word(words.glob, glob, item, *path, "domains", position)
            for position, (glob, item) in enumerate(zip(part.domains, items, strict=True))
        ]
        return tuple(glob for glob in globs if glob is not None)

    def _section(self, key: str, model: type[P]) -> tuple[Node, P | None]:
        """Give one of the manifest's own sections; None: there is none, or none that can be read."""
        keys = self._parts.keys
        node = keys.child(key)
        # its mistakes are told with the manifest's other keys
        return node, None if node is keys else check(node, (key,), model, Mistakes())

    def _resolver(self) -> Resolver | None:
        """Give how public DNS is asked; None: as nobody said otherwise."""
        node, part = self._section("resolver", ResolverPart)
        if part is None:
            return None
        listed = node.child("forward")
        items = listed.value if isinstance(listed.value, list) else []
        found = [
            self._reading.word(words.dns_server, str(item.value), item, "resolver", "forward", n)
            for n, item in enumerate(items)
        ]
        if found and part.hints:
            mend = "Keep `forward` to ask through recursive servers, or `hints` to begin at the root."
            self._mistakes.add(node.child("hints").where, ("resolver", "hints"), "stands beside `forward`", mend)
        beside = node.where.file.parent
        hints = beside / part.hints if part.hints else None
        anchor = beside / part.trust_anchor if part.trust_anchor else None
        return Resolver(tuple(server for server in found if server), hints, part.port, anchor)

    def _webhook(self) -> Webhook | None:
        """Give whom `reconcile` tells; None: nobody."""
        node, part = self._section("webhook", WebhookPart)
        if part is None:
            return None
        template = node.where.file.parent / part.template if part.template else None
        return Webhook(secret(part.url, node, "url"), template)

    def _policy(self) -> Policy:
        """Give what every rollout keeps to."""
        node, part = self._section("policy", PolicyPart)
        return policy(part, node, ("policy",), self._mistakes) if part else Policy()

    def _own_defaults(self) -> Layer | None:
        """Give the manifest's own defaults; None: they cannot be known, which is told already."""
        (node, part), path = self._section("defaults", SettingsPart), ("defaults",)
        if node is self._parts.keys:
            return None if self._parts.misnamed else Layer(Settings(), node, path)
        return self._settings(part, node, path) if part else None

    def _settings(self, part: SettingsPart | None, node: Node, path: KeyPath) -> Layer:
        """Give what defaults say, if there are any."""
        if part is None:
            return Layer(Settings(), node, path)
        if part.provider and part.provider != AUTO:
            self._reading.refer(self._providers, "providers", part.provider, node.child("provider"), *path, "provider")
        said = Layer.of(part, node, path)
        check_dane((said,), self._mistakes, whole=False)
        return said

    def _top_word(self, form: Callable[[str], str], *path: str, default: str | None = None) -> str | None:
        """Give what a key of the manifest itself stands for; of another type than text it is told already."""
        node = self._parts.keys
        for key in path:
            if key not in (node.value if isinstance(node.value, dict) else {}):
                return None if default is None else self._reading.word(form, default, node, *path)
            node = node.child(key)
        return self._reading.word(form, node.value, node, *path) if isinstance(node.value, str) and node.value else None


_OF_ONE_TENANT = (ClientSecret, Certificate, WorkloadIdentity, AzurePipelines)
"""The methods that log in to a tenant that must be named."""


def _whole(table: Mapping[str, T | None]) -> dict[str, T]:
    return {label: value for label, value in table.items() if value is not None}
