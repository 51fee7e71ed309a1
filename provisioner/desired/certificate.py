"""The TLSA record of a mail host of ours, made from its certificate or its public key in a PEM file (RFC 7468)."""

from __future__ import annotations

import base64
import binascii
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from plans.dane import public_key_of, tlsa_of
from plans.mta_sts import covers
from plans.problem import Problem
from plans.values import Name, Tlsa
from provisioner.desired.foreign_text import plain, scrub

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

LARGEST = 1024 * 1024
"""Octets; a larger file is no certificate."""
LEAST_RSA_BITS = 2048
"""NIST SP 800-131A rev. 2, §3."""
CURVES = frozenset({"secp256r1", "secp384r1"})

_CERTIFICATE, _PUBLIC_KEY = "CERTIFICATE", "PUBLIC KEY"
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?-----BEGIN ([\x20-\x7e]+)-----\s*\Z")

_WHICH = "Put into {path} the certificate that {host} presents, or will present next, as PEM."
_CONVERT = "openssl x509 -in CERTIFICATE -out {path}  (with -inform DER where CERTIFICATE is binary)"
_ALONE = "openssl x509 -in {path} -out CERTIFICATE  (takes the certificate alone; name that file)"
_ORDER = "Put into {path} the host's own certificate first, then its issuer, then the issuer's, or the first alone."
_ONE = "Leave in {path} either one public key, or a certificate with its issuers."
_KEY = "openssl ecparam -name prime256v1 -genkey -noout -out KEY  (or RSA of 2048 bits or more), and a certificate for it"


@dataclass(frozen=True, slots=True)
class MailCertificate:
    """What a mail host is to present: the record 3 1 1 of its public key, and the certificate's DNS names and end (UTC).

    `names` is empty and `not_after` None where the file holds a public key alone.
    """

    tlsa: Tlsa
    names: tuple[str, ...] = ()
    not_after: datetime | None = None


def read_certificate(path: Path, host: Name, now: datetime) -> MailCertificate:
    """Read the certificate of a mail host, which its issuers may follow, or its public key.

    Raises:
        Problem: the file cannot be read; it holds a private key, or what does not belong together; the certificate has ended or
            does not name the host; its key is weak, or neither RSA nor ECDSA with P-256 (which senders know: RFC 8446 §9.1) or
            P-384.

    """
    file = _File(path, host)
    blocks = list(file.blocks())
    if not blocks:
        raise file.problem(1, "there is neither a certificate nor a public key in PEM", _CONVERT)
    first = blocks[0]
    strange = next((block for block in blocks[1:] if _PUBLIC_KEY in {block.label, first.label}), None)
    if strange:
        raise file.problem(strange.line, "what begins here does not belong to what stands before it", _ONE)
    return _of_public_key(file, first) if first.label == _PUBLIC_KEY else _of_chain(file, blocks, now)


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give a certificate's DNS names in lower case (RFC 5280 §4.2.1.6), made fit for a message.

    Raises:
        ValueError: the extensions are malformed; `DuplicateExtension` and `UnsupportedGeneralNameType` of `x509` too.

    """
    from cryptography import x509  # noqa: PLC0415 - heavy, and needed only here

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(plain(one.lower()) for one in names.get_values_for_type(x509.DNSName))


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of PEM: its label, the line at which it begins, and the DER in it."""

    label: str
    line: int
    der: bytes


@dataclass(frozen=True, slots=True)
class _File:
    """The file that is named for a host."""

    path: Path
    host: Name

    def problem(self, line: int | None, what: str, mend: str) -> Problem:
        host = self.host.rstrip(".")
        where = f"{self.path}:{line}" if line else f"{self.path}"
        return Problem(f"No TLSA record can be made for {host}", f"{where}: {what}.", mend.format(path=self.path, host=host))

    def blocks(self) -> Iterator[_Block]:
        """Give the blocks of the file; text between them is passed over. At a private key nothing is read any more."""
        try:
            status = self.path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise self.problem(None, "this is no regular file", _WHICH)
            if status.st_size > LARGEST:
                raise self.problem(None, "this is larger than 1 MiB, which no certificate is", _WHICH)
            with self.path.open("rb") as opened:
                yield from self._blocks(opened)
        except OSError as error:
            raise self.problem(None, f"the file cannot be read: {error.strerror}", _WHICH) from None

    def _blocks(self, opened: BinaryIO) -> Iterator[_Block]:
        lines = enumerate(opened, start=1)
        for number, line in lines:
            begin = _BEGIN.match(line)
            if begin is None:
                continue
            label = begin[1].decode("ascii")
            if "PRIVATE KEY" in label:
                raise self.problem(number, "here begins a private key, which has no place in it and was not read", _ALONE)
            if label not in {_CERTIFICATE, _PUBLIC_KEY}:
                raise self.problem(number, f"here begins neither a certificate nor a public key but {scrub(label)}", _WHICH)
            yield _Block(label, number, self._body(label, number, lines))

    def _body(self, label: str, begin: int, lines: Iterator[tuple[int, bytes]]) -> bytes:
        body = bytearray()
        for _, line in lines:
            if line.strip() == f"-----END {label}-----".encode("ascii"):
                try:
                    return base64.b64decode(bytes(body), validate=True)
                except binascii.Error:
                    raise self.problem(begin, "what begins here is damaged: it is no base64", _WHICH) from None
            body += line.strip()
        raise self.problem(begin, "what begins here has no end", _WHICH)


def _of_public_key(file: _File, block: _Block) -> MailCertificate:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy, and needed only here
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - the same

    try:
        key = load_der_public_key(block.der)
    except UnsupportedAlgorithm:
        raise _unknown_kind(file, block) from None
    except ValueError:
        raise file.problem(block.line, "what begins here is damaged: it is no public key", _WHICH) from None
    _check_key(file, block, key)
    return MailCertificate(tlsa_of(block.der))


def _of_chain(file: _File, blocks: Sequence[_Block], now: datetime) -> MailCertificate:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy, and needed only here

    chain = [_certificate(file, block) for block in blocks]
    own, first = chain[0], blocks[0]
    try:
        _check_key(file, first, own.public_key())
    except (UnsupportedAlgorithm, ValueError):
        raise _unknown_kind(file, first) from None
    names = _names(file, first, own)
    not_after = own.not_valid_after_utc
    if not any(covers(one.removesuffix("."), file.host) for one in names):
        named = plain(", ".join(names)) or "no DNS name at all"
        raise file.problem(first.line, f"the certificate is for {named}, not for {file.host.rstrip('.')}", _WHICH)
    if not_after <= now:
        end, today = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z" for moment in (not_after, now))
        raise file.problem(first.line, f"the certificate for {plain(', '.join(names))} ended {end}; it is {today} now", _WHICH)
    for (one, _), (issuer, block) in pairwise(zip(chain, blocks, strict=True)):
        _check_issuer(file, one, issuer, block)
    return MailCertificate(tlsa_of(public_key_of(first.der)), names, not_after)


def _certificate(file: _File, block: _Block) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 - heavy, and needed only here

    try:
        return x509.load_der_x509_certificate(block.der)
    except (ValueError, x509.InvalidVersion):
        raise file.problem(block.line, "what begins here is damaged: it is no certificate", _WHICH) from None


def _names(file: _File, block: _Block, certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415 - heavy, and needed only here

    try:
        return dns_names(certificate)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise file.problem(block.line, "the extensions of the certificate are malformed", _WHICH) from None


def _check_key(file: _File, block: _Block, key: PublicKeyTypes) -> None:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa  # noqa: PLC0415 - heavy, and needed only here

    match key:
        case rsa.RSAPublicKey() if key.key_size >= LEAST_RSA_BITS:
            return
        case rsa.RSAPublicKey():
            raise file.problem(block.line, f"the key is weak: RSA with {key.key_size} bits", _KEY)
        case dsa.DSAPublicKey():
            raise file.problem(block.line, "the key is weak: DSA", _KEY)
        case ec.EllipticCurvePublicKey() if key.curve.name in CURVES:
            return
        case _:
            raise _unknown_kind(file, block)


def _unknown_kind(file: _File, block: _Block) -> Problem:
    what = "the key is neither RSA nor ECDSA with P-256 or P-384: not every sender can check it, and mail would be held back"
    return file.problem(block.line, what, _KEY)


def _check_issuer(file: _File, certificate: x509.Certificate, issuer: x509.Certificate, block: _Block) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - heavy, needed only here

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        what = "the certificate that begins here did not issue the one before it"
        raise file.problem(block.line, what, _ORDER) from None
