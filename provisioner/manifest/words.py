"""Single words of a manifest that have a form of their own: domain names, globs, MX hosts, tenant ids, endpoints, the state."""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_never
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from plans.desired import Cloud
from plans.microsoft import HostKind, host_kind, serves
from plans.values import Name, name
from providers.loopback import is_loopback_host
from provisioner import targets
from provisioner.manifest.mistakes import quoted
from provisioner.manifest.parts import EXAMPLE_EXCHANGE


class Malformed(ValueError):
    """A word does not have its form: what is wrong, and the mend."""

    def __init__(self, text: str, mend: str) -> None:
        super().__init__(text)
        self.text = text
        self.mend = mend


# The initial domains of each cloud (https://learn.microsoft.com/microsoft-365/admin/setup/domains-faq).
_INITIAL = (".onmicrosoft.com.", ".onmicrosoft.us.", ".partner.onmschina.cn.")
_HOST_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_GLOB_LABEL = re.compile(r"[a-z0-9*?\[\]!-]+\Z")
_PINNED = re.compile(r"(?:^|(?<=[\s:/@\"']))(?:[a-z0-9-]+\.)+mx\.microsoft(?![a-z0-9-])", re.IGNORECASE)
_SQLITE = "sqlite:///"
_POSTGRES = "postgresql+psycopg://"


def domain_name(text: str) -> Name:
    """Parse the name of a domain that takes mail (RFC 5321 §4.1.2), in U-labels or A-labels, with or without final dot.

    Raises:
        Malformed: it is something else, or a domain whose DNS is never ours.

    """
    _refuse_other_things(text)
    parsed = _name(text)
    parts = parsed.rstrip(".").split(".")
    for label in parts:
        if not _HOST_LABEL.match(label):
            raise Malformed(
                f"{quoted(label)} is no label of a mail domain",
                "Labels are letters, digits and inner hyphens (RFC 5321 §4.1.2).",
            )
    if len(parts) == 1:
        raise Malformed("this is a top-level domain", "Write the whole name, such as example.com.")
    if any(f".{parsed}".endswith(initial) for initial in _INITIAL):
        raise Malformed("this is Microsoft's own domain, whose DNS cannot be changed", "Remove it.")
    return parsed


def _refuse_other_things(text: str) -> None:
    if "://" in text:
        raise Malformed(f"this is a URL{_meant(_host(text))}", "Write the domain's name alone.")
    if "@" in text:
        raise Malformed(f"this is an email address{_meant(text.rpartition('@')[2])}", "Write the domain's name alone.")
    if any(character.isspace() for character in text):
        raise Malformed(f"a domain's name has no blanks{_meant(''.join(text.split()))}", "Write the domain's name alone.")
    if _is_address(text):
        raise Malformed("this is an IP address", "Write the domain's name.")
    if ":" in text or "/" in text:
        raise Malformed(f"a domain's name has no port and no path{_meant(re.split('[:/]', text)[0])}", "Write the name alone.")
    if "*" in text:
        raise Malformed(
            "wildcard names cannot be managed", "List the domains, or let the tenant's `domains:` choose them by globs."
        )


def pinned_exchange(text: str) -> Name:
    """Parse the MX host that Microsoft assigned to a domain, as its cmdlet printed it (DnssecMxValue), or its legacy one.

    A final dot may follow.

    Raises:
        Malformed: it is no mail host of Microsoft's.

    """
    mend = f"Write the DnssecMxValue as the cmdlet printed it, for example `exchange: {EXAMPLE_EXCHANGE}`."
    host = _host_name(text)
    if host is None:
        inner = _PINNED.search(text)
        meant = f", did you mean {quoted(inner[0])}?" if inner else ""
        raise Malformed(f"{quoted(text)} is no host name{meant}", mend)
    match host_kind(host):
        case HostKind.MX_MICROSOFT | HostKind.LEGACY if not any(serves(host, cloud) for cloud in Cloud):
            raise Malformed(f"{host.rstrip('.')} itself is no host", mend)
        case HostKind.MX_MICROSOFT | HostKind.LEGACY:
            return host
        case HostKind.VERIFICATION:
            raise Malformed("this name proves a domain to Microsoft and takes no mail", mend)
        case HostKind.FOREIGN:
            raise Malformed("this host is not Microsoft's", mend)
        case other:
            assert_never(other)


def own_host(text: str) -> Name:
    """Parse the name of a mail host that is not Microsoft's: a gateway, or any other MX host of ours.

    Raises:
        Malformed: it is something else.

    """
    mend = "Write the whole name of a mail host of your own, such as mx1.example.com."
    if text.strip() == ".":
        raise Malformed("this is a null MX, which says that the domain takes no mail (RFC 7505)", mend)
    host = mail_host(text)
    if host.count(".") == 1:
        raise Malformed("this is a top-level domain", mend)
    if host_kind(host) is not HostKind.FOREIGN:
        raise Malformed("this host is Microsoft's", mend)
    return host


def mail_host(text: str) -> Name:
    """Parse the name of any mail host (RFC 5321 §2.3.5).

    Raises:
        Malformed: it is something else.

    """
    host = _host_name(text)
    if host is None:
        raise Malformed(f"{quoted(text)} is no host name", "Write the name of a mail host, such as mx1.example.com.")
    return host


def glob(text: str) -> str:
    """Give a glob of domain names as `fnmatch.fnmatchcase` takes it: lower case, A-labels, no final dot.

    Raises:
        Malformed: no name of a domain could match.

    """
    parts = text.lower().removesuffix(".").split(".")
    ascii_parts = [part if part.isascii() else _name(part).rstrip(".") for part in parts]
    if not all(_GLOB_LABEL.match(part) for part in ascii_parts):
        raise Malformed(f"{quoted(text)} is no glob of domain names", "Write for example `*.example.com`.")
    return ".".join(ascii_parts)


def tenant_id(text: str) -> str:
    """Check the id of a tenant: its GUID, or one of its domain names (Microsoft's own are the usual ones).

    Raises:
        Malformed: it is neither.

    """
    mend = "Write the tenant's GUID, or a domain name of it such as contoso.onmicrosoft.com."
    try:
        UUID(text)
    except ValueError:
        try:
            parts = _name(text).rstrip(".").split(".")
        except Malformed:
            parts = []
        if len(parts) < 2 or not all(_HOST_LABEL.match(part) for part in parts):  # noqa: PLR2004 - a name below a top-level domain
            raise Malformed(f"{quoted(text)} is neither a GUID nor a domain name", mend) from None
        return text
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise Malformed("this GUID is not written as 8-4-4-4-12 digits", mend)
    return text


def endpoint(text: str) -> str:
    """Check the root of an API: https, or http to loopback; without path, query and account. A final slash is dropped.

    Raises:
        Malformed: it is something else; the text never repeats it, for it may hold a password.

    """
    mend = "Write for example `endpoint: https://graph.microsoft.com`."
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port  # reading the port checks it
    except ValueError:
        host, url = None, urlsplit("")
    if not host or url.scheme not in {"https", "http"} or any(not c.isprintable() or c.isspace() for c in text):
        raise Malformed("this is no https URL", mend)
    if url.username is not None or url.query or url.fragment:
        raise Malformed("an endpoint has no account, query or fragment", mend)
    if url.path not in {"", "/"}:
        raise Malformed(
            "the endpoint is the root, without path and API version", f"Write `endpoint: {url.scheme}://{url.netloc}`."
        )
    if url.scheme == "http" and not is_loopback_host(host):
        raise Malformed("plain http is taken for loopback only", f"Write `endpoint: https://{url.netloc}`.")
    return f"{url.scheme}://{url.netloc}"


def moment(text: str) -> datetime:
    """Read a moment with its zone, or a date as the moment in UTC at which it begins.

    Raises:
        Malformed: it is neither.

    """
    try:
        said = datetime.fromisoformat(text)
        read = said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        read = None
    if read is None or len(text) < len("2026-12-24"):
        raise Malformed(f"{quoted(text)} is no date and time", "Write for example 2026-12-24T18:00Z.")
    return read


def time_of_day(text: str) -> timedelta:
    """Read a time of day as the time since midnight; 24:00 is the end of the day.

    Raises:
        Malformed: there is none such.

    """
    read = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", text)
    if read is None:
        raise Malformed(f"{quoted(text)} is no time of day", "Beside `days` write for example 18:00, or 24:00 for its end.")
    return timedelta(hours=int(read[1]), minutes=int(read[2])) if read[1] else timedelta(days=1)


def state_url(text: str, folder: Path) -> str:
    """Resolve the URL of the state: an SQLite file, a relative path against `folder`, or a PostgreSQL database.

    Raises:
        Malformed: it is neither, or holds a password; the text never repeats it.

    """
    if text.startswith(_POSTGRES):
        return _postgres_url(text)
    mend = f"Write for example `state: {_SQLITE}.provisioner/state.db`."
    path = text.removeprefix(_SQLITE)
    if path == text:
        raise Malformed(
            f"this is neither an SQLite file ({_SQLITE}PATH) nor a PostgreSQL database ({_POSTGRES}USER@HOST/DATABASE)", mend
        )
    absolute = os.path.abspath(folder / path)  # noqa: PTH100 - `..` is taken out, links stay
    if not path or path == ":memory:" or path.startswith("file:") or "?" in absolute or path.endswith("/"):
        raise Malformed("this URL names no file", mend)
    return f"{_SQLITE}{absolute}"


def _postgres_url(text: str) -> str:
    """Check the URL of a PostgreSQL database; what it leaves out, libpq takes from the environment and its files."""
    mend = f"Write for example `state: {_POSTGRES}provisioner@db.example.com/provisioner`."
    try:
        url = urlsplit(text)
        password, _ = url.password, url.port  # reading the port checks it
    except ValueError:
        raise Malformed("this is no URL of a PostgreSQL database", mend) from None
    if url.fragment or any(not c.isprintable() or c.isspace() for c in text):
        raise Malformed("this is no URL of a PostgreSQL database", mend)
    if password is not None or any("password" in key.lower() for key, _ in parse_qsl(url.query, keep_blank_values=True)):
        raise Malformed(
            "a secret is a reference, and this URL holds a password",
            "Take it out, and give the password by PGPASSWORD, ~/.pgpass or PGSERVICEFILE.",
        )
    return text


def _name(text: str) -> Name:
    if "\\" in text:
        raise Malformed("this is no domain name: it has an escape", "Write a name such as example.com.")
    try:
        return name(text)
    except ValueError as error:
        why = str(error).removeprefix(f"{text!r} is no domain name: ").rstrip(".")
        raise Malformed(f"this is no domain name: {why}", "Write a name such as example.com.") from error


def _host_name(text: str) -> Name | None:
    try:
        parsed = _name(text)
    except Malformed:
        return None
    return parsed if not _is_address(text) and all(map(_HOST_LABEL.match, parsed.rstrip(".").split("."))) else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _meant(guess: str) -> str:
    """Give `, did you mean x?` if that would be taken."""
    try:
        return f", did you mean {quoted(domain_name(guess).rstrip('.'))}?"
    except Malformed:
        return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def dns_server(text: str) -> targets.Target:
    """Give the address and the port of a DNS server."""
    try:
        return targets.address(text, 53)
    except ValueError as error:
        raise Malformed("is neither ADDRESS nor ADDRESS:PORT", "Write the server's IP address.") from error
