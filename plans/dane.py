"""DANE for SMTP (RFC 6698, 7671, 7672): whether TLSA records match what a host presents, and what senders make of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from plans.facts import Secured, Security, Session
from plans.values import Irregular, Tlsa

_DANE_TA, _DANE_EE = 2, 3
_CERTIFICATE, _PUBLIC_KEY = 0, 1
_FULL, _SHA256, _SHA512 = 0, 1, 2
_VERSION_TAG = 0xA0
_SEQUENCE_TAG = 0x30
_HEAD = 2
"""Octets: a tag, and a length or the length's size."""
_LONG_FORM = 0x80


class Dane(StrEnum):
    """What a sender that does DANE makes of a host (RFC 7672 §2.2)."""

    VERIFIED = "verified"
    """A record matches the certificate that is presented."""
    FAILED = "failed"
    """Mail is held back: no record matches, there is no STARTTLS, or DNSSEC is bogus."""
    ENCRYPTED = "encrypted"
    """There are secure records, but none that SMTP can use: TLS is a must, whoever presents the certificate."""
    NOT_DANE = "not DANE"
    """There are no secure records; the host is used as if there were no DANE."""
    UNDETERMINED = "undetermined"
    """It could not be told: no certificate or no DNSSEC answer was seen, or all hangs on records of usage 2."""


WORST_FIRST = (Dane.FAILED, Dane.UNDETERMINED, Dane.NOT_DANE, Dane.ENCRYPTED, Dane.VERIFIED)
"""Of several addresses or hosts, the first of these that is among them counts for all."""


def verdict(tlsa: Secured, sessions: Mapping[str, Session]) -> Dane:
    """Judge a host by its TLSA set and the sessions at its addresses: the worst of the addresses counts."""
    found = {verdict_at(tlsa, session) for session in sessions.values()} or {verdict_at(tlsa, None)}
    return next(one for one in WORST_FIRST if one in found)


def verdict_at(tlsa: Secured, session: Session | None) -> Dane:
    """Judge one address of a host; None: it was not tried."""
    records = _records(tlsa)
    if isinstance(records, Dane):
        return records
    if session is None or not session.accepts or (session.starttls and not session.chain):
        return Dane.UNDETERMINED
    if not session.starttls:
        return Dane.FAILED
    return of_chain(records, session.chain)


def of_chain(records: Iterable[Tlsa], chain: Sequence[bytes]) -> Dane:
    """Judge the certificates in DER that a host presents, its own first, by the records of a secure set."""
    usable = [record for record in records if is_usable(record)]
    if not usable:
        return Dane.ENCRYPTED
    if any(matches(record, chain) for record in _strongest(usable)):
        return Dane.VERIFIED
    return Dane.UNDETERMINED if any(record.usage == _DANE_TA for record in usable) else Dane.FAILED


def _records(tlsa: Secured) -> list[Tlsa] | Dane:
    """Give the records of a secure set, or what the lack of one means (RFC 7672 §2.1.1, §2.2.1)."""
    if tlsa.security is Security.BOGUS:
        return Dane.FAILED
    if tlsa.security is Security.INDETERMINATE or isinstance(tlsa.held, Irregular):
        return Dane.UNDETERMINED
    if tlsa.security is Security.INSECURE or tlsa.held is None:
        return Dane.NOT_DANE
    return [value for value in tlsa.held.values if isinstance(value, Tlsa)]


def is_usable(record: Tlsa) -> bool:
    """Whether a sender can use a record: DANE-TA or DANE-EE, with parameters that are defined (RFC 7672 §3.1)."""
    return (
        record.usage in {_DANE_TA, _DANE_EE}
        and record.selector in {_CERTIFICATE, _PUBLIC_KEY}
        and record.matching_type in {_FULL, _SHA256, _SHA512}
    )


def _strongest(records: Sequence[Tlsa]) -> Iterator[Tlsa]:
    """Give the records that count: SHA-256 does not beside SHA-512 of the same usage and selector (RFC 7671 §9)."""
    stronger = {(record.usage, record.selector) for record in records if record.matching_type == _SHA512}
    for record in records:
        if record.matching_type != _SHA256 or (record.usage, record.selector) not in stronger:
            yield record


def matches(record: Tlsa, chain: Sequence[bytes]) -> bool:
    """Whether a DANE-EE record matches the first of the certificates in DER, the host's own (RFC 6698 §2.1, 7672 §3.1.1).

    Names and dates do not count there. False for every other usage: 0 and 1 mean nothing to SMTP (RFC 7672 §3.1.3), and 2
    asks for checks of names, dates and signatures (§3.1.2) that are not made here.
    """
    if record.usage != _DANE_EE or not is_usable(record) or not chain:
        return False
    try:
        content = chain[0] if record.selector == _CERTIFICATE else public_key_of(chain[0])
    except ValueError:
        return False
    return record.association == _associations(content)[record.matching_type]


def tlsa_of(public_key: bytes) -> Tlsa:
    """Make the record 3 1 1 for a SubjectPublicKeyInfo in DER (RFC 7672 §3.1.1)."""
    return _of_digest(_associations(public_key)[_SHA256])


def names_key(records: Iterable[Tlsa], digest: str) -> bool:
    """Whether a record 3 1 1 for the key with this SHA-256 (hexadecimal) is among those that count (RFC 7671 §9)."""
    return _of_digest(digest) in _strongest([record for record in records if is_usable(record)])


def _of_digest(digest: str) -> Tlsa:
    return Tlsa(_DANE_EE, _PUBLIC_KEY, _SHA256, digest)


def _associations(content: bytes) -> tuple[str, str, str]:
    return content.hex(), hashlib.sha256(content).hexdigest(), hashlib.sha512(content).hexdigest()


def public_key_of(certificate: bytes) -> bytes:
    """Give the SubjectPublicKeyInfo of a certificate in DER, as it stands there (RFC 5280 §4.1), whatever its algorithm.

    Raises:
        ValueError: it is no certificate.

    """
    (to_be_signed, *_) = _elements(_content(certificate))
    fields = _elements(_content(to_be_signed))
    if fields and fields[0][0] == _VERSION_TAG:
        fields = fields[1:]
    # serial number, signature algorithm, issuer, validity, subject, public key
    _, _, _, _, _, public_key, *_ = fields
    _content(public_key)
    return public_key


def _content(element: bytes) -> bytes:
    """Give what a DER sequence holds. Raises `ValueError`."""
    start, end = _bounds(element, 0)
    if element[0] != _SEQUENCE_TAG or end != len(element):
        raise ValueError("there is no sequence where a certificate has one")
    return element[start:end]


def _elements(content: bytes) -> list[bytes]:
    found, position = [], 0
    while position < len(content):
        _, end = _bounds(content, position)
        found.append(content[position:end])
        position = end
    return found


def _bounds(octets: bytes, position: int) -> tuple[int, int]:
    """Give where the content of an element begins and ends (X.690 §8.1.3); its tag has one octet.

    Raises:
        ValueError: the octets end before that is told; they may end before the element does.

    """
    start = position + _HEAD
    try:
        length = octets[position + 1]
        if length >= _LONG_FORM:
            size = length - _LONG_FORM
            length = int.from_bytes(octets[start : start + size], "big")
            start += size
    except IndexError:
        raise ValueError("the DER ends too early") from None
    return start, start + length
