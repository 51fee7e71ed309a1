"""What a zone holds at some names, told by its primary server: by questions for those names, or by a transfer of the zone.

Both end in the same `ZoneData`: every asked name with all types that it holds, whether it exists, and what hides it. Records
of DNSSEC's machinery (RRSIG, NSEC, NSEC3) are the server's business and do not count.

By questions, each name is one question for all types (ANY), which the server must answer in full: it is looked whether the
apex's answer has SOA and NS. What an answer leaves open is asked further: a name that may have been made by a wildcard
(RFC 4592) is told from one that exists by a name below it that nobody has, or, where a wildcard is near, by an update that
changes nothing and requires the name to be in use (RFC 2136 §2.4.4); a name below a zone cut is not looked at, and only DS is
asked at the cut. The zone's serial must be the same before and after.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.update

from plans.values import Irregular, Key, Name, RRset, labels, name, parse_value, rrset
from providers.contract import AuthFailed, Unavailable, Unsupported
from providers.rfc2136.wire import READ_BY_TRANSFER, Lost, Session, zone_not_found
from providers.zonedata import ZoneData, holds

ATTEMPTS = 5
"""How often a zone is read anew that changes while it is read."""

_MACHINERY = frozenset({dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3})


class Records:
    """The records that were met, by owner and type."""

    def __init__(self, zone: Name) -> None:
        self.zone = zone
        self.types: dict[Name, set[str]] = {}
        self._records: dict[Key, list[tuple[int, dns.rdata.Rdata]]] = defaultdict(list)

    def data(self) -> ZoneData:
        """Give the view of the zone that adapters share."""
        return ZoneData(self.zone, self.types, self._stored)

    def exists(self, owner: Name, *types: str) -> None:
        """Note that a name exists, and of some types that it holds them."""
        self.types.setdefault(owner, set()).update(types)

    def add(self, owner: Name, records: Iterable[dns.rrset.RRset]) -> None:
        """Note records of one owner, one in each RRset."""
        for record in records:
            if record.rdtype not in _MACHINERY:
                key = Key(owner, dns.rdatatype.to_text(record.rdtype))
                self.exists(owner, key.type)
                self._records[key].append((record.ttl, record[0]))

    def _stored(self, key: Key) -> RRset | Irregular | None:
        if key.type not in self.types.get(key.owner, ()):
            return None
        found = self._records.get(key)
        if not found:
            return Irregular(key, "the server answers from the zone below the cut")
        ttls = {ttl for ttl, _ in found}
        if len(ttls) > 1:
            return Irregular(key, f"mixed TTLs: {', '.join(map(str, sorted(ttls)))}")
        try:
            return rrset(key.owner, key.type, ttls.pop(), [parse_value(key.type, rdata.to_text()) for _, rdata in found])
        except ValueError as error:
            return Irregular(key, f"a value is not understood: {error}")


def by_transfer(session: Session, zone: Name, owners: Collection[Name]) -> tuple[ZoneData, str]:
    """Read names, and those above them, from a transfer of the zone; give its serial as well. Raises `ProviderError`.

    Memory holds only what is asked, however large the zone is.
    """
    records, serial = Records(zone), ""
    apex = dns.name.from_text(zone)
    asked = {dns.name.from_text(owner): owner for owner in owners if holds(zone, owner)}
    for owner in list(asked):
        asked |= {above: name(above.to_text()) for above in _above(owner, apex)}
    ends = 0
    for record in session.transfer(zone):
        if record.rdtype == dns.rdatatype.SOA:
            ends, serial = ends + 1, _serial(record)
            if ends > 1:
                continue
        if found := asked.get(record.name):
            records.add(found, [record])
        if record.rdtype not in _MACHINERY:
            for above in _above(record.name, apex):
                if above in asked:
                    records.exists(asked[above])
    return records.data(), serial


def by_questions(session: Session, zone: Name, owners: Collection[Name]) -> tuple[ZoneData, str]:
    """Read names by asking for each; give the zone's serial as well. Raises `ProviderError`."""
    below = sorted((owner for owner in set(owners) if owner != zone and holds(zone, owner)), key=lambda one: len(labels(one)))
    for _ in range(ATTEMPTS):
        questions = _Questions(session, zone)
        serial = questions.apex()
        for owner in below:
            questions.ask(owner)
        if not below or questions.serial() == serial:
            return questions.records.data(), serial
    raise Unavailable(
        f"Zone {zone} changes faster than it can be read",
        f"{session.server}: its serial was another one after each of {ATTEMPTS} readings.",
        f"Run again when fewer updates come in. {READ_BY_TRANSFER}",
    )


def apex_of(session: Session, asked: Name) -> Name | None:
    """Give the zone in which the server itself answers for a name, None where it cannot be told from this name alone."""
    owner = dns.name.from_text(asked)
    answer = session.ask(owner, dns.rdatatype.SOA)
    if not answer.flags & dns.flags.AA:
        return None
    if any(record.rdtype == dns.rdatatype.SOA and record.name == owner for record in answer.answer):
        return asked
    # Behind an alias the authority section tells of the target's zone.
    return None if answer.answer else _denied_by(answer)


class _Questions:
    """One reading of a zone by questions."""

    def __init__(self, session: Session, zone: Name) -> None:
        self.records = Records(zone)
        self._session = session
        self._zone = zone
        self._apex = dns.name.from_text(zone)

    def apex(self) -> str:
        """Read the apex, and give the zone's serial."""
        answer = self._session.ask(self._apex, dns.rdatatype.ANY)
        own = [record for record in answer.answer if record.name == self._apex]
        types = {record.rdtype for record in own}
        if answer.rcode() != dns.rcode.NOERROR or not answer.flags & dns.flags.AA or not own:
            raise zone_not_found(self._session.server, self._zone, _told(answer))
        if not {dns.rdatatype.SOA, dns.rdatatype.NS} <= types:
            raise Unsupported(
                f"The name server of provider {self._session.server.label} does not tell all that a name holds",
                f"{self._session.server} answers a question for all types with a part of them (RFC 8482).",
                READ_BY_TRANSFER,
            )
        self.records.add(self._zone, own)
        return _serial(next(record for record in own if record.rdtype == dns.rdatatype.SOA))

    def serial(self) -> str:
        """Ask for the zone's serial again."""
        answer = self._session.ask(self._apex, dns.rdatatype.SOA)
        found = [_serial(record) for record in answer.answer if record.rdtype == dns.rdatatype.SOA]
        return found[0] if len(found) == 1 else ""

    def ask(self, asked: Name) -> None:
        """Read one name below the apex; those above it that are asked too have been read before."""
        owner = dns.name.from_text(asked)
        above = list(_above(owner, self._apex))
        if any("NS" in self.records.types.get(name(upper.to_text()), ()) for upper in above if upper != self._apex):
            return
        answer = self._session.ask(owner, dns.rdatatype.ANY)
        own = [record for record in answer.answer if record.name == owner]
        renamed = [record for record in answer.answer if record.rdtype == dns.rdatatype.DNAME and record.name in above]
        authoritative = bool(answer.flags & dns.flags.AA)
        if authoritative and renamed:
            self.records.add(name(renamed[0].name.to_text()), renamed)
        elif authoritative and answer.rcode() == dns.rcode.NXDOMAIN:
            self._denied(asked, answer)
        elif authoritative and answer.rcode() == dns.rcode.NOERROR:
            if any(record.rdtype == dns.rdatatype.SOA for record in own):
                self._cut(asked, asked, [])
            elif not own:
                if not self._denied(asked, answer):
                    self.records.exists(asked)
            elif self._is_real(asked, owner):
                self.records.add(asked, own)
        elif referral := [one for one in answer.authority if one.rdtype == dns.rdatatype.NS and one.name in (owner, *above)]:
            self._cut(name(referral[0].name.to_text()), asked, referral)
        else:
            self._refuse(f"the question {asked} ANY", answer)

    def _denied(self, asked: Name, answer: dns.message.Message) -> bool:
        """Look which zone it is that says no; give whether it is another one, below a cut of ours."""
        denied_by = _denied_by(answer)
        if denied_by is None or not holds(self._zone, denied_by):
            self._refuse(f"a question for {asked}", answer)
        elif denied_by != self._zone:
            self._cut(denied_by, asked, [])
            return True
        return False

    def _cut(self, at: Name, asked: Name, delegation: list[dns.rrset.RRset]) -> None:
        """Note a zone cut. Of what the zone itself holds there, only DS can be asked (RFC 4035 §3.1.4.1)."""
        self.records.exists(at, "NS")
        self.records.add(at, delegation)
        if at != asked:
            return
        owner = dns.name.from_text(at)
        answer = self._session.ask(owner, dns.rdatatype.DS)
        signers = [one for one in answer.answer if one.rdtype == dns.rdatatype.DS and one.name == owner]
        if not answer.flags & dns.flags.AA or not (signers or _denied_by(answer) == self._zone):
            self._refuse(f"the question {at} DS", answer)
        self.records.add(at, signers)

    def _is_real(self, asked: Name, owner: dns.name.Name) -> bool:
        """Whether a name for which there was an answer exists in this zone, and was not made by a wildcard."""
        try:
            nobody = dns.name.Name((secrets.token_hex(6).encode(), *owner.labels))
        except dns.name.NameTooLong:
            return self._is_in_use(owner)
        answer = self._session.ask(nobody, dns.rdatatype.SOA)
        if not answer.answer and self._denied(asked, answer):
            return False
        return answer.rcode() == dns.rcode.NXDOMAIN or self._is_in_use(owner)

    def _is_in_use(self, owner: dns.name.Name) -> bool:
        """Ask by an update that changes nothing, whatever comes of it."""
        test = dns.update.UpdateMessage(self._apex)
        test.present(owner)
        reason = f"{self._session.server}: only an update without changes tells whether {owner} exists or a wildcard answered"
        try:
            rcode = self._session.update(test)
        except Lost as lost:
            raise Unavailable(f"Zone {self._zone} cannot be read", f"{reason}; {lost}.", "Run again.") from None
        if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            mend = f"{READ_BY_TRANSFER} Or let it update the zone."
            told = dns.rcode.to_text(rcode)
            raise AuthFailed(f"Zone {self._zone} cannot be read in full", f"{reason}; it is answered {told}.", mend)
        return rcode == dns.rcode.NOERROR

    def _refuse(self, what: str, answer: dns.message.Message) -> None:
        raise self._session.server.rejected(what, _told(answer))


def _denied_by(answer: dns.message.Message) -> Name | None:
    """Give the zone whose SOA stands in the authority section of a negative answer (RFC 2308 §3)."""
    return next((name(record.name.to_text()) for record in answer.authority if record.rdtype == dns.rdatatype.SOA), None)


def _serial(record: dns.rrset.RRset) -> str:
    soa = record[0]
    return str(soa.serial) if isinstance(soa, dns.rdtypes.ANY.SOA.SOA) else ""


def _told(answer: dns.message.Message) -> str:
    rcode = dns.rcode.to_text(answer.rcode())
    return rcode if answer.flags & dns.flags.AA or answer.rcode() != dns.rcode.NOERROR else f"{rcode} without authority"


def _above(owner: dns.name.Name, apex: dns.name.Name) -> Iterable[dns.name.Name]:
    """Give the names above an owner, nearest first, the apex as the last."""
    while owner != apex and owner.is_subdomain(apex):
        owner = owner.parent()
        yield owner
