"""One update message (RFC 2136) for all changes of a call, and what is required of the zone for it to be done."""

from __future__ import annotations

from collections.abc import Sequence

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.update

from plans.plan import Change
from plans.values import Name, RRset, ancestors
from providers.zonedata import holds

GUARD_FAILED = frozenset({dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN, dns.rcode.NXRRSET, dns.rcode.YXRRSET})
"""The answers to a prerequisite that does not hold (RFC 2136 §3.2)."""

REFUSED = (
    "the server refuses it (REFUSED): the key may not write this type or name (BIND: update-policy, allow-update), or the "
    "server takes no such name or value (BIND: check-names refuses an MX at a name that begins with an underscore)"
)


def update_message(zone: Name, changes: Sequence[Change]) -> dns.update.UpdateMessage:
    """Make the message that does all changes at once, or none where a key, or what could hide it, is not as it was.

    Values are required, TTLs cannot be (RFC 2136 §2.4.2). A CNAME beside a set, or a zone cut or DNAME above it, would let the
    server ignore or hide what is written (RFC 2136 §3.4.2.2), so these are required to be absent; at a DS, the NS present.
    """
    message = dns.update.UpdateMessage(dns.name.from_text(zone))
    cuts: set[Name] = set()
    renamed: set[Name] = set()
    for change in changes:
        owner, kind = dns.name.from_text(change.key.owner), change.key.type
        if change.before is None:
            message.absent(owner, kind)
        else:
            message.present(owner, *_rdata(change.before))
        if change.after is not None:
            message.absent(owner, "CNAME")
            if kind == "DS":
                message.present(owner, "NS")
            above = [upper for upper in ancestors(change.key.owner) if holds(zone, upper)]
            renamed.update(above)
            cuts.update(above if kind == "DS" else (change.key.owner, *above))
        message.delete(owner, kind)
        if change.after is not None:
            message.add(owner, change.after.ttl, *_rdata(change.after))
    for upper in sorted(cuts - {zone}):
        message.absent(dns.name.from_text(upper), "NS")
    for upper in sorted(renamed):
        message.absent(dns.name.from_text(upper), "DNAME")
    return message


def _rdata(held: RRset) -> list[dns.rdata.Rdata]:
    kind = dns.rdatatype.from_text(held.key.type)
    return [dns.rdata.from_text(dns.rdataclass.IN, kind, str(value)) for value in held.values]
