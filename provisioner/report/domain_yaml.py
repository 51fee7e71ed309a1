"""Entries of a manifest's `domains:` as YAML that is pasted into a manifest, or included by one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path

from plans.desired import Cloud
from plans.values import Name
from provisioner.customers import CustomerTenant
from provisioner.discovery import Discovery, NewDomain
from provisioner.importing import ImportedDomain
from provisioner.manifest.mistakes import Mistakes
from provisioner.manifest.model import Settings
from provisioner.manifest.nodes import parse
from provisioner.report.lines import printable

_PLAIN = re.compile(r"\w[\w./@+-]*(?: [\w./@+-]+)*\Z")
_ESCAPED = {'"': '\\"', "\\": "\\\\"}


def imported_document(domains: Iterable[ImportedDomain]) -> Iterator[str]:
    """Give the domains of a table, line by line."""
    return _document([_entry(domain.name, domain.settings) for domain in domains])


def discovered_document(found: Discovery) -> Iterator[str]:
    """Give what was discovered, line by line: entries of what can be managed and of who holds it, comments on the rest."""
    entries = [_discovered(domain) for domain in found.domains if not domain.withheld]
    comments = [f"# {_discovered(domain)}" for domain in found.domains if domain.withheld]
    comments += [f"# {printable(remark.about)}: {printable(remark.text)}" for remark in found.remarks]
    if found.tenants:
        yield "tenants:\n"
        yield from (f"  {_customer(tenant)}\n" for tenant in found.tenants)
    yield from _document(entries, comments)


def _document(entries: Collection[str], comments: Iterable[str] = ()) -> Iterator[str]:
    yield "domains:\n" if entries else "domains: {}\n"
    yield from (f"  {line}\n" for line in entries)
    yield from (f"  {line}\n" for line in comments)


def _customer(customer: CustomerTenant) -> str:
    """Give the entry of a customer's tenant: its GUID holds it fast, whatever the customer calls itself."""
    tenant, defaults = customer.tenant, _settings(customer.partner.defaults)
    said = {"id": word(tenant.id), "credential": word(tenant.credential.label)}
    said |= {} if tenant.cloud is Cloud.GLOBAL else {"cloud": word(tenant.cloud)}
    said |= {"defaults": _mapping(defaults)} if defaults else {}
    title = f"  # {printable(customer.title)}" if customer.title else ""
    return f"{word(tenant.label)}: {_mapping(said)}{title}"


def _settings(settings: Settings) -> dict[str, str]:
    """Give what is set, key by key, as YAML."""
    said = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {
        key: str(value).lower() if isinstance(value, bool) else word(value) for key, value in said.items() if value is not None
    }


def _discovered(domain: NewDomain) -> str:
    settings = {"tenant": domain.tenant} | ({"provider": domain.provider} if domain.provider else {})
    told = "; ".join(text for text in (domain.withheld, domain.missing) if text)
    return _entry(domain.name, settings) + (f"  # {printable(told)}" if told else "")


def _entry(domain: Name, settings: Mapping[str, str]) -> str:
    """Give a domain's entry on one line."""
    return f"{word(domain.removesuffix('.'))}: {_mapping({key: word(value) for key, value in settings.items()})}"


def _mapping(said: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key, value in said.items())}}}"


@lru_cache(maxsize=4096)
def word(text: str) -> str:
    """Write a text so that the manifest's reader takes it for that text; in quotes only where it must be."""
    if _PLAIN.match(text):
        read = parse(f"- {text}\n", Path("word.yaml"), Mistakes())
        if read and isinstance(read.value, list) and read.value[0].value == text:
            return text
    return f'"{"".join(_ESCAPED.get(sign, sign) if sign.isprintable() else _code(ord(sign)) for sign in text)}"'


def _code(point: int) -> str:
    return f"\\U{point:08x}"
