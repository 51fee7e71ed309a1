"""What of the network a run needs, tried out: answers on port 53, a greeting on port 25, and what time others say it is."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import dns.exception
import dns.message
import dns.query

from plans.values import Name
from providers.loopback import is_loopback
from provisioner.desired.extra import graph_extra
from provisioner.desired.foreign_text import scrub
from provisioner.dns.roots import ROOT_SERVERS
from provisioner.targets import Target

SECONDS = 3.0
"""For one DNS answer; ten times as long for an HTTP answer or an SMTP greeting."""

_SLOW = 10 * SECONDS


class NoAnswer(Exception):
    """Nothing usable came back; the text says why, and holds no secret."""


A_ROOT = tuple(Target(address, 53) for address in sorted(ROOT_SERVERS[Name("a.root-servers.net.")]))
"""The first of the root's servers, by each of its addresses."""


def ask_dns(at: Target, *, tcp: bool) -> None:
    """Ask a server for the root's NS; whatever it answers shows that answers come back. Raises `NoAnswer`."""
    query = dns.message.make_query(".", "NS")
    try:
        if tcp:
            dns.query.tcp(query, at.host, timeout=SECONDS, port=at.port)
        else:
            dns.query.udp(query, at.host, timeout=SECONDS, port=at.port)
    except dns.exception.Timeout:
        raise NoAnswer(f"no answer in {SECONDS:g} s") from None
    except OSError as error:
        raise NoAnswer(error.strerror or str(error)) from None
    except (dns.exception.DNSException, EOFError) as error:
        raise NoAnswer(f"an answer that is no DNS: {scrub(str(error)) or type(error).__name__}") from None


def greet_smtp(at: Target) -> str:
    """Wait for a mail server's greeting (RFC 5321 §4.2), take leave, and give its first line. Raises `NoAnswer`."""
    session = smtplib.SMTP(local_hostname="localhost", timeout=_SLOW)
    try:
        code, greeting = session.connect(at.host, at.port)
        with suppress(smtplib.SMTPServerDisconnected):
            session.quit()
    except (OSError, smtplib.SMTPException) as error:
        raise NoAnswer(scrub(getattr(error, "strerror", None) or str(error)) or type(error).__name__) from None
    finally:
        session.close()
    words = scrub(greeting.decode("ascii", "replace"))
    if code != 220:  # noqa: PLR2004 - service ready
        raise NoAnswer(f"the server greets with {code} {words}")
    return words


def time_at(url: str) -> datetime:
    """Give the time in UTC that a web server says it is (RFC 9110 §6.6.1), whatever else it answers.

    Raises:
        NoAnswer: none came, or without a date.
        Problem: the HTTP client is not installed.

    """
    with graph_extra():
        import httpx  # noqa: PLC0415 - heavy, and needed only here
    try:
        with httpx.Client(timeout=_SLOW, trust_env=not is_loopback(url)) as client:
            told = client.head(url).headers.get("date", "")
    except httpx.HTTPError as error:
        raise NoAnswer(scrub(str(error)) or type(error).__name__) from None
    try:
        return parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise NoAnswer("the answer has no date") from None
