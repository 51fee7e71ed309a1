"""What a mail host presents, as YAML that is pasted into a manifest once a person has compared it with the host's own files."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from plans.microsoft import HostKind, host_kind
from plans.rollout.mail_host import key
from provisioner.presented import Presentation, Presented
from provisioner.report.domain_yaml import word
from provisioner.report.lines import printable


def presented_document(found: Presented) -> Iterator[str]:
    """Give, line by line, comments on what was seen, and the host's entry where it is one that can be ours."""
    host = found.host.rstrip(".")
    yield f"# What {host} presents at this moment. Somebody in between could as well: compare with the host's own files.\n"
    for one in found.keys:
        yield from _key(found, one)
    yield from (f"# {address} presents no certificate: {printable(why)}\n" for address, why in found.silent.items())
    if len(found.keys) > 1:
        yield "# The addresses present different keys; one host is to have one key at all of them.\n"
    if host_kind(found.host) is not HostKind.FOREIGN:
        yield "# Microsoft publishes the TLSA of this host; nothing is to be written for it.\n"
    elif found.keys:
        yield from _entry(host, found.keys[0].addresses[0])


def session_command(host: str, address: str) -> str:
    """Give the command that prints, among other things, the certificate which a host (without final dot) presents there."""
    at = f"[{address}]:25" if ":" in address else f"{address}:25"
    return f"openssl s_client -starttls smtp -connect {quote(at)} -servername {quote(host)} </dev/null"


def _entry(host: str, address: str) -> Iterator[str]:
    file = f"{host}.pem"
    yield "# Copy the certificate from the host, or save the one that it presents:\n"
    yield f"#   {session_command(host, address)} | openssl x509 -out {quote(file)}\n"
    yield f"mail_hosts:\n  {word(host)}: {{certificate: {{file: {word(file)}}}}}\n"


def _key(found: Presented, one: Presentation) -> Iterator[str]:
    yield f"# At {', '.join(one.addresses)} a key of which the record would be\n"
    yield f"#   {key(found.host).owner} IN TLSA {one.record}\n"
    names = ", ".join(map(printable, one.names)) or "no DNS name"
    until = f", valid until {one.not_after:%Y-%m-%d %H:%M:%SZ}" if one.not_after else ""
    yield f"# in a certificate for {names}{until}.\n"
