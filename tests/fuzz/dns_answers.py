"""What answers of a lying server say and are worth: none is read as more than the zone's keys vouch for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
from hypothesis import strategies as st

from plans.values import Key, Name, RRset, ancestors
from provisioner.dns import answers, octets, validation
from provisioner.dns.answers import Lame
from tests.emulators.dns_signed import NOW
from tests.fuzz.dns_samples import APEX, DS, STANDING, wires
from tests.fuzz.harness import Read, Reader, samples

_DEFAULT = Key(APEX, "MX")


@contextmanager
def _opened() -> Iterator[Read]:
    yield _read


def _read(wire: bytes) -> bool:
    try:
        message = dns.message.from_wire(wire, one_rr_per_rrset=True, raise_on_truncation=True)
    except (dns.exception.DNSException, ValueError):  # as the client does
        octets.mx_set(wire, _DEFAULT)
        octets.referral(wire, Name("example."), APEX)
        return False
    asked = _asked(message)
    above = ancestors(APEX)[0]
    taken = [_taken(reader) for reader in _readers(message, asked, above)]
    plain = octets.mx_set(wire, Key(asked.owner, "MX"))
    if plain is not None and not octets.referral(wire, APEX, asked.owner):
        with suppress(Lame):  # an answer that is more than a plain one may be worth less
            held = answers.key(message, APEX, Key(asked.owner, "MX")).held
            assert not isinstance(held, RRset) or held == plain
    return any(taken)


def _readers(message: dns.message.Message, asked: Key, above: Name) -> Iterator[Callable[[], object]]:
    yield lambda: answers.step(message, APEX, asked.owner)
    yield lambda: answers.step(message, above, APEX)
    yield lambda: answers.key(message, APEX, asked)
    yield lambda: answers.addresses(message, APEX, asked.owner)
    yield lambda: answers.addresses(message, None, asked.owner)
    yield lambda: answers.names(message, asked.owner)
    yield lambda: validation.zone_keys(message, APEX, DS, NOW)
    yield lambda: validation.signers(message, Name(f"sub.{APEX}"), STANDING, NOW)
    yield lambda: validation.verdict(message, asked, STANDING, NOW)


def _taken(reader: Callable[[], object]) -> bool:
    try:
        reader()
    except Lame:
        return False
    return True


def _asked(message: dns.message.Message) -> Key:
    """Give the question that the answer says it is about; the client lets no other pass."""
    question = next(iter(message.question), None)
    if question is None or not question.name.is_subdomain(dns.name.from_text(APEX)):
        return _DEFAULT
    return Key(Name(question.name.canonicalize().to_text()), dns.rdatatype.to_text(question.rdtype))


def _inputs() -> st.SearchStrategy[bytes]:
    return wires(samples(READER.name))


READER = Reader("dns-answers", _opened, _inputs, (), 100)
