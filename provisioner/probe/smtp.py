"""A mail server, asked up to the TLS handshake: whether it takes mail, and which certificate it presents. No mail is begun."""

from __future__ import annotations

import re
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import cast

from plans.facts import Session
from plans.values import Name
from provisioner.desired.certificate import dns_names
from provisioner.desired.foreign_text import scrub
from provisioner.probe.wire import TooMuch, Wire, connect, told
from provisioner.targets import Target

PORT = 25
PATIENCE = 30.0
"""Seconds for a whole session; servers may let clients wait before they greet."""

_AT_ONCE = 16
_LONGEST_LINE = 4096
"""Octets; every client takes 512 (RFC 5321 §4.5.3.1.5), and more does no harm."""
_MOST = 65536
_LEAVE = 2.0
"""Seconds that are waited for the answer to QUIT."""
_READY, _DONE = 220, 250
_REPLY = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\Z", re.DOTALL)


class _NoSmtp(Exception):
    """The server does not talk as RFC 5321 says; the text tells what it does."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply (RFC 5321 §4.2), its lines without code and line ends."""

    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return scrub(f"{self.code} {self.lines[0]}")


def session(at: Target, host: Name, patience: float = PATIENCE) -> Session:
    """Greet a mail server at an address of `host`, let TLS come about where it is offered, and take leave (RFC 5321, 3207).

    All of it takes `patience` seconds at most. The certificate is not verified: DANE and people judge it. Nothing is raised.
    Where nobody could tell whether mail is taken (no way to the address, or silence), `accepts` is None; a refused connection
    and a server that wants no mail or talks no SMTP do not accept.
    """
    try:
        wire = connect(at, patience, _MOST)
    except ConnectionRefusedError as error:
        return Session(accepts=False, starttls=False, why=told(error), refused=True)
    except OSError as error:
        return Session(accepts=None, starttls=False, why=told(error))
    with closing(wire):
        dialogue = _Dialogue(wire)
        try:
            extensions = dialogue.open()
        except TimeoutError:
            return Session(accepts=None, starttls=False, why=f"it does not greet within {patience:g} s")
        except (OSError, _NoSmtp) as error:
            return Session(accepts=False, starttls=False, why=told(error))
        if "STARTTLS" in extensions:
            return _with_tls(dialogue, host)
        dialogue.leave()
        return Session(accepts=True, starttls=False, why="it offers no STARTTLS")


def _with_tls(dialogue: _Dialogue, host: Name) -> Session:
    try:
        certificate = dialogue.start_tls(host)
    except (OSError, ValueError, _NoSmtp) as error:
        return Session(accepts=True, starttls=True, why=f"TLS does not come about: {told(error)}")
    dialogue.leave()
    names, not_after, fault = _described(certificate)
    return Session(accepts=True, starttls=True, chain=(certificate,), names=names, not_after=not_after, why=fault)


class _Dialogue:
    """SMTP on a wire, from the client's side. What fails raises `OSError` or `_NoSmtp`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._came = bytearray()

    def open(self) -> frozenset[str]:
        """Wait for the greeting, say EHLO, and give the keywords of the extensions in upper case."""
        greeting = self._reply()
        if greeting.code != _READY:
            self.leave()
            raise _NoSmtp(f"it greets with {greeting}")
        here = self._wire.here.partition("%")[0]
        hello = self._ask(f"EHLO [{'IPv6:' if ':' in here else ''}{here}]")
        if hello.code != _DONE:
            self.leave()
            raise _NoSmtp(f"it answers EHLO with {hello}")
        return frozenset(line.partition(" ")[0].upper() for line in hello.lines[1:])

    def start_tls(self, host: Name) -> bytes:
        """Say STARTTLS, shake hands, and give the server's certificate as DER. Raises `ValueError` too, where `host` is no SNI.

        Octets that came behind the answer were not protected, and could be taken for protected ones later: they end it.
        """
        answer = self._ask("STARTTLS")
        if answer.code != _READY:
            self.leave()
            raise _NoSmtp(f"it answers STARTTLS with {answer}")
        if self._came:
            raise _NoSmtp("it goes on talking in clear text behind its answer to STARTTLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        certificate = self._wire.start_tls(context, host.rstrip(".")).getpeercert(binary_form=True)
        return cast("bytes", certificate)  # without one there is no handshake: ciphers for that are not offered

    def leave(self) -> None:
        """Say QUIT, and wait a little for the answer, whatever it is."""
        self._wire.hasten(_LEAVE)
        with suppress(OSError, _NoSmtp):
            self._ask("QUIT")

    def _ask(self, command: str) -> _Reply:
        self._wire.send(f"{command}\r\n".encode("ascii"))
        return self._reply()

    def _reply(self) -> _Reply:
        lines: list[str] = []
        codes: set[bytes] = set()
        while True:
            found = _REPLY.match(self._line())
            if found is None:
                raise _NoSmtp("it says something that is no reply of SMTP")
            code, hyphen, text = found.groups()
            codes.add(code)
            lines.append((text or b"").decode("ascii", "replace"))
            if len(codes) > 1:
                raise _NoSmtp("the lines of its reply have different codes")
            if hyphen != b"-":
                return _Reply(int(code), tuple(lines))

    def _line(self) -> bytes:
        while (end := self._came.find(b"\n")) < 0:
            if len(self._came) > _LONGEST_LINE:
                raise TooMuch(f"its line is longer than {_LONGEST_LINE} octets")
            octets = self._wire.read(_LONGEST_LINE)
            if not octets:
                raise _NoSmtp("it closes the connection")
            self._came += octets
        line = bytes(self._came[:end])
        del self._came[: end + 1]
        return line.removesuffix(b"\r")


def _described(certificate: bytes) -> tuple[tuple[str, ...], datetime | None, str]:
    """Give the DNS names and the end of a certificate in DER, or what is wrong with it."""
    from cryptography import x509  # noqa: PLC0415 - heavy, and needed only here

    try:
        parsed = x509.load_der_x509_certificate(certificate)
        return dns_names(parsed), parsed.not_valid_after_utc, ""
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        return (), None, f"its certificate is malformed: {told(error)}"


class SmtpProbe:
    """The sessions of a run: one for each host and address, however many ask for it, and several at once. Safe in threads."""

    def __init__(self, *, port: int = PORT, patience: float = PATIENCE) -> None:
        self._port = port
        self._patience = patience
        self._had: dict[tuple[Name, str], Session] = {}
        self._busy: defaultdict[tuple[Name, str], threading.Lock] = defaultdict(threading.Lock)

    def sessions(self, host: Name, addresses: Iterable[str]) -> Mapping[str, Session]:
        """Give the session at each address of a host; nothing is raised."""
        wanted = sorted(set(addresses))
        with ThreadPoolExecutor(_AT_ONCE) as workers:
            return dict(zip(wanted, workers.map(partial(self._once, host), wanted), strict=True))

    def _once(self, host: Name, address: str) -> Session:
        with self._busy[host, address]:
            if (host, address) not in self._had:
                self._had[host, address] = session(Target(address, self._port), host, self._patience)
            return self._had[host, address]
