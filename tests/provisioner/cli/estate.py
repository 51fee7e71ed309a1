"""A folder with domains that all need one MX set written, each in a zone of its own at one service."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from plans.values import Name, name
from providers.conformance import Record
from tests.provisioner.cli.conftest import QUICKSTART
from tests.provisioner.cli.services import Service


def names(count: int) -> tuple[Name, ...]:
    """Give names of domains, ascending."""
    return tuple(name(f"d{number}.example") for number in range(count))


def settle(folder: Path, service: Service, provider_type: str, domains: Collection[Name], more: str = "") -> None:
    """Write the manifest and what Microsoft asks for, and fill the zones with what is there before; `more` is added to it."""
    _describe(folder, f"{{type: {provider_type}, {service.options}}}", domains, more)
    service.bench.open({domain: before(domain) for domain in domains})


def settle_in_files(folder: Path, provider_type: str, domains: Collection[Name], more: str = "") -> None:
    """Do the same with zones in files, each of serial 1; `more` is added to the manifest."""
    _describe(folder, f"{{type: {provider_type}, directory: zones}}", domains, more)
    (folder / "zones").mkdir()
    for domain in domains:
        records = "".join(f"{one.owner} {one.ttl} IN {one.type} {one.value}\n" for one in before(domain))
        soa = f"{domain} 3600 IN SOA ns.{domain} host.{domain} 1 3600 600 86400 300\n{domain} 3600 IN NS ns.{domain}\n"
        zone_file(folder, domain).write_text(soa + records)


def zone_file(folder: Path, domain: Name) -> Path:
    """Give the file of a zone."""
    return folder / "zones" / f"{domain}zone"


def writes(folder: Path, domain: Name) -> int:
    """Tell how often a zone in a file was written: each write raises its serial by one."""
    return int(zone_file(folder, domain).read_text().split()[6]) - 1


def _describe(folder: Path, provider: str, domains: Collection[Name], more: str = "") -> None:
    saved = (QUICKSTART / "graph" / "contoso.json").read_text()
    answer = json.loads(saved)
    answer["domains"] = [_asked(saved, domain.removesuffix(".")) for domain in domains]
    (folder / "graph.json").write_text(json.dumps(answer))
    listed = "".join(f"  {domain.removesuffix('.')}: {{tenant: contoso, strategy: direct}}\n" for domain in domains)
    (folder / "provisioner.yaml").write_text(
        "version: 1\n"
        "tenants: {contoso: {export: graph.json}}\n"
        f"providers: {{dns: {provider}}}\n"
        "defaults: {provider: dns, staged: true}\n"
        "credentials: {arm: {type: token, token: {env: AZURE_TOKEN_OF_A_TEST}}}\n"
        f"domains:\n{listed}{more}"
    )


def wanted(domain: Name) -> str:
    """Give the exchange that Microsoft asks for."""
    return f"{domain.removesuffix('.').replace('.', '-')}.o-v1.mx.microsoft."


def held(service: Service, domain: Name) -> set[str]:
    """Give what a zone holds now, as records in one line each."""
    return {f"{one.owner} {one.ttl} {one.type} {one.value}" for one in service.bench.records(domain)}


def texts_of(folder: Path) -> Iterable[bytes]:
    """Give what every file of a folder holds, but for the files that have a secret because a person put it there."""
    return (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".key")


def before(domain: Name) -> list[Record]:
    """Give what a zone holds at first."""
    host = f"{domain.removesuffix('.').replace('.', '-')}.mail.protection.outlook.com."
    return [Record.of(domain, "MX", 3600, f"0 {host}"), Record.of(f"www.{domain}", "A", 300, "192.0.2.20")]


def _asked(saved: str, domain: str) -> object:
    answer = saved.replace("contoso.example", domain).replace("contoso-example", domain.replace(".", "-"))
    return json.loads(answer)["domains"][0]
