"""What an authoritative server's answer says: of a name on the way down the tree, and of a key in the server's own zone.

An answer without authority (AA) is never taken for one, and an alias is never followed: what lies behind it is another name's.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from plans.values import Irregular, Key, Live, Name, RRset, parse_value, rrset
from providers.contract import Served

MOST_SERVERS = 32
"""A delegation that names more servers has us ask for all of them, to no good end."""

_USABLE = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Delegated:
    """A zone as somebody above it names its servers.

    `glue` has the addresses that came with the names. `at_parent`: who was asked holds the zone itself, and answered from it.
    """

    zone: Name
    servers: frozenset[Name]
    glue: Mapping[Name, frozenset[str]] = field(default_factory=dict)
    at_parent: bool = False


class Lame(Exception):
    """The server does not answer for the zone; the text says so in words that follow its name."""


class Bogus(Lame):
    """Data that ought to be signed is not, or not validly; the text says what (RFC 4033 §5)."""


def step(answer: dns.message.Message, zone: Name, asked: Name) -> Delegated | None:
    """Read the answer for the NS of a name in a zone: how it is delegated; None: no zone begins there. Raises `Lame`."""
    owner, apex = dns.name.from_text(asked), dns.name.from_text(zone)
    if answer.rcode() not in _USABLE:
        raise Lame(dns.rcode.to_text(answer.rcode()))
    own = _records(answer.answer, owner, dns.rdatatype.NS)
    referral = [] if answer.answer or denied_by(answer) else _records(answer.authority, owner, dns.rdatatype.NS)
    if (own and _authoritative(answer)) or (referral and answer.rcode() == dns.rcode.NOERROR):
        return _delegated(answer, apex, asked, own or referral)
    if not _authoritative(answer):
        raise Lame("answers without authority")
    if answer.answer and not _is_renamed(answer, owner):
        raise Lame("answers something else")
    _require_denier(answer, apex)
    return None


def key(answer: dns.message.Message, zone: Name, asked: Key) -> Served:
    """Read the answer to a question for a key at a server of the key's zone. Raises `Lame`."""
    owner, apex = dns.name.from_text(asked.owner), dns.name.from_text(zone)
    if answer.rcode() not in _USABLE:
        raise Lame(dns.rcode.to_text(answer.rcode()))
    if cut := _cut(answer, apex, owner):
        delegation = _records(answer.authority, owner, dns.rdatatype.NS)
        if asked.type == "NS" and delegation:
            return Served(_live(asked, delegation), owner_exists=True)
        return _below(asked, cut, owner)
    if not _authoritative(answer):
        raise Lame("answers without authority")
    return _answered(answer, asked, owner) if answer.answer else _denied(answer, asked, owner, apex)


def addresses(answer: dns.message.Message, zone: Name | None, host: Name) -> frozenset[str] | None:
    """Read the addresses of a host from its zone's server or, where `zone` is None, from a recursive one; None: it is an alias.

    Raises `Lame`.
    """
    owner = dns.name.from_text(host)
    if answer.rcode() not in _USABLE:
        raise Lame(dns.rcode.to_text(answer.rcode()))
    if zone is not None and not _authoritative(answer):
        raise Lame("answers without authority")
    if _is_renamed(answer, owner):
        return None
    if zone is not None:
        _require_denier(answer, dns.name.from_text(zone))
    found = frozenset(_address(one) for one in answer.answer if one.name == owner and _is_address(one))
    if answer.answer and not found:
        raise Lame("answers something else")
    return found


def names(answer: dns.message.Message, owner: Name) -> frozenset[Name]:
    """Give the servers that the NS records in the answer section name for a zone."""
    found = _records(answer.answer, dns.name.from_text(owner), dns.rdatatype.NS)
    return frozenset(map(_target, found))


def denied_by(answer: dns.message.Message) -> dns.name.Name | None:
    """Give the zone whose SOA stands in the authority section of a negative answer (RFC 2308 §3)."""
    return next((one.name.canonicalize() for one in answer.authority if one.rdtype == dns.rdatatype.SOA), None)


def words(held: Live) -> str:
    """Say for a person what stands at a key."""
    if isinstance(held, RRset):
        return f"{', '.join(map(str, held.values))}, TTL {held.ttl}"
    return held.reason if held else "no such record"


def _delegated(answer: dns.message.Message, apex: dns.name.Name, asked: Name, records: list[dns.rrset.RRset]) -> Delegated:
    """Make a delegation; an address counts where the server that tells it is the one to ask for that name (RFC 2181 §5.4.1)."""
    servers = frozenset(map(_target, records))
    if len(servers) > MOST_SERVERS:
        raise Lame(f"names {len(servers)} servers for {asked}")
    glue: dict[Name, set[str]] = defaultdict(set)
    for one in answer.additional:
        if _is_address(one) and one.name.is_subdomain(apex) and _name(one.name) in servers:
            glue[_name(one.name)].add(_address(one))
    known = {host: frozenset(found) for host, found in glue.items()}
    return Delegated(asked, servers, known, at_parent=bool(answer.answer))


def _answered(answer: dns.message.Message, asked: Key, owner: dns.name.Name) -> Served:
    own = _records(answer.answer, owner, dns.rdatatype.from_text(asked.type))
    renamed = [one.name for one in answer.answer if one.rdtype == dns.rdatatype.DNAME and one.name != owner]
    if renamed:
        reason = f"hidden by the DNAME at {_name(renamed[0])}: the zone never answers with it"
        return Served(Irregular(asked, reason), owner_exists=False)
    if own:
        return Served(_live(asked, own), owner_exists=True)
    if _records(answer.answer, owner, dns.rdatatype.CNAME):
        return Served(Irregular(asked, "CNAME at the name"), owner_exists=True)
    raise Lame("answers something else")


def _denied(answer: dns.message.Message, asked: Key, owner: dns.name.Name, apex: dns.name.Name) -> Served:
    denier = denied_by(answer)
    if denier is None or denier == apex:
        return Served(None, owner_exists=answer.rcode() == dns.rcode.NOERROR)
    if owner.is_subdomain(denier) and denier.is_subdomain(apex):
        return _below(asked, denier, owner)
    raise Lame(f"answers from the zone {denier}")


def _cut(answer: dns.message.Message, apex: dns.name.Name, owner: dns.name.Name) -> dns.name.Name | None:
    """Give the zone cut below the zone that a referral names, at the owner or above it."""
    if answer.answer or answer.rcode() != dns.rcode.NOERROR or denied_by(answer):
        return None
    cuts = (one.name for one in answer.authority if one.rdtype == dns.rdatatype.NS)
    return next((cut for cut in cuts if cut != apex and cut.is_subdomain(apex) and owner.is_subdomain(cut)), None)


def _is_renamed(answer: dns.message.Message, owner: dns.name.Name) -> bool:
    """Whether a name is an alias by itself, or by a DNAME above it."""
    above = (one.name for one in answer.answer if one.rdtype == dns.rdatatype.DNAME)
    return bool(_records(answer.answer, owner, dns.rdatatype.CNAME)) or any(owner.is_subdomain(name) for name in above)


def _require_denier(answer: dns.message.Message, apex: dns.name.Name) -> None:
    """See that a negative answer comes from the asked zone. Raises `Lame`."""
    denier = denied_by(answer)
    if not answer.answer and denier not in {None, apex}:
        raise Lame(f"answers from the zone {denier}")


def _below(asked: Key, cut: dns.name.Name, owner: dns.name.Name) -> Served:
    reason = f"hidden by the zone cut at {_name(cut)}: the zone never answers with it"
    return Served(Irregular(asked, reason), owner_exists=cut == owner)


def _live(asked: Key, records: list[dns.rrset.RRset]) -> RRset | Irregular:
    ttls = {one.ttl for one in records}
    if len(ttls) > 1:
        return Irregular(asked, f"mixed TTLs: {', '.join(map(str, sorted(ttls)))}")
    try:
        values = [parse_value(asked.type, _canonical(one[0]).to_text()) for one in records]
        return rrset(asked.owner, asked.type, ttls.pop(), values)
    except ValueError as error:
        return Irregular(asked, f"not understood: {error}")


def _canonical(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    """Give a record's data with the names in it in lower case (RFC 4034 §6.2): two servers may hold them in another one."""
    octets = rdata.to_digestable()
    return dns.rdata.from_wire(rdata.rdclass, rdata.rdtype, octets, 0, len(octets))


def _records(section: Iterable[dns.rrset.RRset], owner: dns.name.Name, kind: dns.rdatatype.RdataType) -> list[dns.rrset.RRset]:
    return [one for one in section if one.name == owner and one.rdtype == kind and one.rdclass == dns.rdataclass.IN]


def _authoritative(answer: dns.message.Message) -> bool:
    return bool(answer.flags & dns.flags.AA)


def _is_address(one: dns.rrset.RRset) -> bool:
    return one.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA} and one.rdclass == dns.rdataclass.IN


def _address(one: dns.rrset.RRset) -> str:
    return str(ipaddress.ip_address(one[0].to_text()))


def _target(of: dns.rrset.RRset) -> Name:
    return _name(dns.name.from_text(of[0].to_text()))


def _name(of: dns.name.Name) -> Name:
    return Name(of.canonicalize().to_text())
