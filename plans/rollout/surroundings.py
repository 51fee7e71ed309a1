"""What stands around a name in its zone, and keeps a record from being written there or seen."""

from __future__ import annotations

from plans.desired import Subject
from plans.policy import Finding
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, ancestors, is_at_or_below


def keys(owner: Name, zone: Name) -> frozenset[Key]:
    """Give the keys whose reading decides whether a record at a name would be seen: beside it, above it, and wildcards.

    A CNAME beside it hides it (RFC 1034 §3.6.2), a delegation above it as well (RFC 1034 §4.3.2); a record of its own shadows
    the wildcard that covers it (RFC 4592 §3.3.1).
    """
    above = _between(owner, zone)
    wildcards = [Name(f"*.{name}") for name in ancestors(owner) if is_at_or_below(name, zone)]
    return frozenset([Key(owner, "CNAME"), *(Key(name, "NS") for name in above), *(Key(name, "MX") for name in wildcards)])


def obstacle(subject: Subject, key: Key, snapshot: Snapshot) -> Finding | None:
    """Give what keeps a set from being written at a key, whatever its values.

    A delegation, a CNAME, an irregular set; and where there is none yet, a wildcard that answers in the name's stead.
    """
    live, at_provider = snapshot.sets[key], f"at the DNS provider ({snapshot.zone.provider}), then plan again"
    cut = _delegation(key.owner, snapshot)
    if cut:
        what = f"The zone {snapshot.zone.name} delegates {cut} away: a record for {key.owner} in it would be seen by nobody."
        mend = f"Name the provider that holds the zone {cut} as the domain's provider."
        return Finding.block(subject, "delegated-away", what, mend)
    if snapshot.sets[Key(key.owner, "CNAME")] is not None:
        what = f"{key.owner} is an alias (CNAME), beside which no {key.type} can stand (RFC 1034 §3.6.2)."
        return Finding.block(subject, "cname-at-name", what, f"Remove the CNAME {at_provider}.")
    if isinstance(live, Irregular):
        what = f"The {key.type} set cannot be owned: {live.reason}."
        return Finding.block(subject, "set-irregular", what, f"Make it a plain set {at_provider}.")
    wildcard = shadowed_wildcard(key.owner, snapshot)
    if wildcard and live is None:
        held = ", ".join(sorted(snapshot.nodes[wildcard]))
        answered = f"Names like {key.owner} are answered by the wildcard {wildcard} ({held})"
        what = f"{answered}, which a record of its own would shadow (RFC 4592)."
        mend = f"Give {key.owner} what it needs of the wildcard's records {at_provider}."
        return Finding.block(subject, "wildcard-shadowed", what, mend)
    return None


def shadowed_wildcard(owner: Name, snapshot: Snapshot) -> Name | None:
    """Give the wildcard that answers for a name: the one of its closest encloser, while the name itself is no node."""
    if owner in snapshot.nodes:
        return None
    for above in ancestors(owner):
        if not is_at_or_below(above, snapshot.zone.name):
            return None
        wildcard = Name(f"*.{above}")
        if snapshot.nodes.get(wildcard):
            return wildcard
        if above in snapshot.nodes:
            return None
    return None


def _delegation(owner: Name, snapshot: Snapshot) -> Name | None:
    """Give the zone cut between a name and its zone's apex, if there is one."""
    between = _between(owner, snapshot.zone.name)
    return next((above for above in between if "NS" in snapshot.nodes.get(above, ())), None)


def _between(owner: Name, zone: Name) -> list[Name]:
    """Give the name and those above it, down to but without the zone's apex."""
    return [above for above in (owner, *ancestors(owner)) if above != zone and is_at_or_below(above, zone)]
