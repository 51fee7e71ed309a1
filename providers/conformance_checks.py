"""What the conformance suite checks: one function for each kind of case, and one for each case of its own kind.

A check raises `AssertionError` with what it found and what the contract asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, ZoneRef, name, parse_value, rrset
from providers.conformance_bench import Bench, Facts, Scene, scene_of
from providers.conformance_cases import (
    SAMPLES,
    Held,
    Node,
    Race,
    Read,
    Refusal,
    Write,
    races,
    records_of,
    set_of,
    surroundings,
)
from providers.contract import Outcome, ProviderError, Status, Unsupported, ZoneNotFound


def expect(what: str, found: object, wanted: object) -> None:
    """Raise `AssertionError` where something else was found."""
    __tracebackhide__ = True
    if found == wanted:
        return
    told = f"found:  {found}\n  wanted: {wanted}"
    if isinstance(found, frozenset) and isinstance(wanted, frozenset):
        told = f"only found:  {sorted(found - wanted)}\n  only wanted: {sorted(wanted - found)}"
    raise AssertionError(f"{what}\n  {told}")


def expect_refusal(error: type[Exception], what: str, call: Callable[[], object]) -> None:
    """Raise `AssertionError` where a call gives an answer."""
    __tracebackhide__ = True
    try:
        answer = call()
    except error:
        return
    raise AssertionError(f"{what} raises {error.__name__}\n  found:  {answer}")


def _statuses(outcomes: Mapping[Key, Outcome]) -> dict[Key, Status]:
    return {key: outcome.status for key, outcome in outcomes.items()}


def _node_types(snapshot: Snapshot, owner: Name, facts: Facts) -> frozenset[str] | None:
    found = snapshot.nodes.get(owner)
    return found - {"SOA", "NS"} if found is not None and owner == facts.apex else found


def read(case: Read, facts: Facts, bench: Bench) -> None:
    """Show what is read of a key."""
    scene = scene_of(facts, bench, Write(case.name, case.owner, case.type, case.held, None))
    key = scene.key(case.owner, case.type)
    snapshot = scene.read(key)
    held = case.held and set_of(facts.apex, case.owner, case.type, case.held)
    expect("the snapshot names the zone that was asked", snapshot.zone, scene.zone)
    expect("a snapshot has every key that was asked, and no other", dict(snapshot.sets), {key: held})


def node(case: Node, facts: Facts, bench: Bench) -> None:
    """Show what is read of a name."""
    scene = scene_of(facts, bench)
    key = scene.key(case.owner, facts.usual_type)
    snapshot = scene.read(key)
    expect("no other name is told of", set(snapshot.nodes) - {key.owner}, set())
    expect("a name is there with all its types, or is not", _node_types(snapshot, key.owner, facts), case.types)


def write(case: Write, facts: Facts, bench: Bench) -> None:
    """Make a change, and show that it is there, that nothing else moved, and that nothing is left to do."""
    if case.name in facts.cannot_hold:
        scene = scene_of(facts, bench)
        held = case.after or case.before
        expect_refusal(Unsupported, "what can never be held", lambda: scene.wanted(case.owner, case.type, held))
        return
    scene = scene_of(facts, bench, case)
    key = scene.key(case.owner, case.type)
    change = scene.change(case)
    before, wanted = change.before, change.after
    others = scene.others(key)
    base = scene.read(key)
    expect("what stands there is read", base.sets, {key: before})
    if wanted is not None:
        expect("a canonical set is its own canonical form", scene.provider.canonical(scene.zone, wanted), wanted)
    outcomes = scene.provider.apply(base, [change])
    expect("the change is made", _statuses(outcomes), {key: Status.WRITTEN})
    again = scene.read(key)
    expect("what was written is read, and nothing is left to do", again.sets, {key: wanted})
    expect("the provider holds it", scene.records() - others, records_of(wanted))
    expect("every other record is as it was", scene.others(key), others)
    expect("the name is there with all its types, or is not", _node_types(again, key.owner, facts), scene.types_of(key.owner))


def race(case: Race, facts: Facts, bench: Bench) -> None:
    """Let somebody else be faster, and show that nothing is written."""
    write = case.write
    scene = scene_of(facts, bench, write)
    change = scene.change(write)
    base = scene.read(change.key)
    bench.put(facts.apex, change.key, records_of(scene.wanted(write.owner, write.type, case.meanwhile)))
    theirs = scene.records()
    outcomes = scene.provider.apply(base, [change])
    expect("it is a conflict", _statuses(outcomes), {change.key: Status.CONFLICT})
    expect("the conflict says why", bool(outcomes[change.key].detail), wanted=True)
    expect("what the other one wrote stands", scene.records(), theirs)


def refusal(case: Refusal, facts: Facts, bench: Bench) -> None:
    """Show that planning refuses a set."""
    scene = scene_of(facts, bench)
    value = parse_value(case.type, case.value)
    refused = rrset(case.owner.format(zone=facts.apex.removesuffix(".")), case.type, 3600, [value])
    expect_refusal(Unsupported, "a set that does not belong there", lambda: scene.provider.canonical(scene.zone, refused))


def irregular(kind: str, facts: Facts, bench: Bench) -> None:
    """Show that a set that cannot be owned is told of, and never changed."""
    scene = scene_of(facts, bench)
    key = scene.key("box", facts.usual_type)
    bench.make_irregular(facts.apex, key, kind)
    before = scene.records()
    base = scene.read(key)
    found = base.sets[key]
    expect("the set is irregular and says why", isinstance(found, Irregular) and bool(found.reason), wanted=True)
    sample = SAMPLES[key.type]
    theirs, ours = (set_of(facts.apex, "box", key.type, Held(300, (value,))) for value in (sample.one, sample.three))
    others = [] if key.type == "TXT" else [Change(theirs, ours), Change(theirs, None)]
    for change in (Change(None, ours), *others):
        expect("it is never changed", _statuses(scene.provider.apply(base, [change])), {key: Status.CONFLICT})
    expect("it stands as it was", scene.records(), before)


def _longest_match(facts: Facts, bench: Bench) -> None:
    apex, child, other = _three_zones(facts)
    provider = bench.open({apex: surroundings(apex), child: [], other: []})
    held = {
        apex: apex,
        name(f"a.b.{apex}"): apex,
        child: child,
        name(f"x.{child}"): child,
        name(f"x{child}"): apex,
        name(f"*.{apex}"): apex,
        other: other,
    }
    found = provider.zones([*held, name("elsewhere.invalid"), name(f"x{apex}"), name(f"x\\.{apex}")])
    expect("each name has its zone", {asked: zone.name for asked, zone in found.items()}, held)
    expect("names of one zone have one reference", found[name(f"a.b.{apex}")], found[apex])
    expect("nothing asked, nothing found", dict(provider.zones([])), {})


def _catalogue(facts: Facts, bench: Bench) -> None:
    zones = _three_zones(facts)
    provider = bench.open({zone: [] for zone in reversed(zones)})
    found = list(provider.catalogue())
    expect("every zone is given once, by name", [zone.name for zone in found], sorted(zones))
    expect("with the reference by which it is found", {zone.name: zone for zone in found}, provider.zones(zones))


def _empty_catalogue(facts: Facts, bench: Bench) -> None:
    provider = bench.open({})
    expect("an account without zones has none", (list(provider.catalogue()), dict(provider.zones([facts.apex]))), ([], {}))


def _access(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    before = scene.records()
    access = scene.provider.access(scene.zone)
    told = [access.readable, access.writable]
    expect("a zone that is read and written is not said to be closed", False in told, wanted=False)
    expect("what cannot be told has a reason", bool(access.detail) or None not in told, wanted=True)
    expect("nothing is written", scene.records(), before)


def other_references(zone: ZoneRef) -> Iterator[ZoneRef]:
    """Give references that are like that of a zone, and lead nowhere."""
    yield replace(zone, provider="another-label")
    yield replace(zone, type="another-type")
    yield replace(zone, account="another-account")
    yield replace(zone, id="another-id")
    yield replace(zone, name=name("elsewhere.invalid"))


def _other_references(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    before = scene.records()
    write = _create(facts, 0)
    token = scene.read(scene.key(write.owner, write.type)).token
    for other in other_references(scene.zone):
        create = Change(None, set_of(other.name, write.owner, write.type, Held(3600, (SAMPLES[write.type].one,))))
        for call in (
            partial(scene.provider.read, other, [create.key]),
            partial(scene.provider.access, other),
            partial(scene.provider.apply, Snapshot(other, {create.key: None}, {}, token), [create]),
        ):
            expect_refusal(ZoneNotFound, f"the reference {other}", call)
    expect("nothing is written", scene.records(), before)


def _several(facts: Facts, bench: Bench) -> None:
    created = [_create(facts, 0, rdata_type) for rdata_type in sorted(facts.types)]
    more: list[Write] = []
    for rdata_type in sorted(facts.types - {"TXT"}):
        sample = SAMPLES[rdata_type]
        before = Held(3600, (sample.one, sample.two))
        more.append(Write("replace", sample.owners[1], rdata_type, before, Held(300, (sample.three,))))
        more.append(Write("delete", sample.owners[2], rdata_type, before, None))
    scene = scene_of(facts, bench, *more)
    changes = [scene.change(write) for write in [*created, *more]]
    keys = [change.key for change in changes]
    others = scene.others(*keys)
    outcomes = scene.provider.apply(scene.read(*keys), changes)
    expect("all are made", _statuses(outcomes), dict.fromkeys(keys, Status.WRITTEN))
    expect("all are read", scene.read(*keys).sets, {change.key: change.after for change in changes})
    expect("every other record is as it was", scene.others(*keys), others)


def _conflict_among_several(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    lost, other = (scene.change(_create(facts, at)) for at in (0, 1))
    base = scene.read(lost.key, other.key)
    rdata_type = lost.key.type
    owner = SAMPLES[rdata_type].owners[0]
    bench.put(facts.apex, lost.key, records_of(scene.wanted(owner, rdata_type, Held(300, (SAMPLES[rdata_type].two,)))))
    before = scene.records()
    outcomes = scene.provider.apply(base, [other, lost])
    expect("every change has an outcome", set(outcomes), {lost.key, other.key})
    expect("the lost race is a conflict", outcomes[lost.key].status, Status.CONFLICT)
    made = outcomes[other.key].status is Status.WRITTEN
    unmade = outcomes[other.key].status in {Status.NOT_TRIED, Status.CONFLICT}
    expect("the other change is made or it is not", made or unmade, wanted=True)
    expect("all are made or none", facts.atomic and made, wanted=False)
    expect("the provider holds what it says", scene.records(), before | (records_of(other.after) if made else frozenset()))


def _made_up(facts: Facts, bench: Bench) -> None:
    update = next(race.write for race in races(facts.types) if race.write.name == "update")
    sample = SAMPLES[update.type]
    scene = scene_of(facts, bench, update)
    before = scene.records()
    change = scene.change(update)
    imagined = scene.change(replace(update, before=Held(3600, (sample.two,)), after=Held(3600, (sample.two, sample.three))))
    base = scene.read(change.key)
    elsewhere = scene.change(_create(facts, 1, update.type))
    for what, made_up, tried in (
        ("a base that was never read", replace(base, sets={change.key: imagined.before}), imagined),
        ("a change of something else than the base holds", base, imagined),
        ("a key that the base does not have", base, elsewhere),
    ):
        outcomes = scene.provider.apply(made_up, [tried])
        expect(f"{what} is a conflict", _statuses(outcomes), {tried.key: Status.CONFLICT})
        expect("nothing is written", scene.records(), before)


def _no_change(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    before = scene.records()
    expect("no change has no outcome", dict(scene.provider.apply(scene.read(scene.key("mail", facts.usual_type)), [])), {})
    expect("nothing is written", scene.records(), before)


def _one_key_twice(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    create = scene.change(_create(facts, 0))
    twin = scene.change(replace(_create(facts, 0), after=Held(300, (SAMPLES[create.key.type].two,))))
    before = scene.records()
    base = scene.read(create.key)
    expect_refusal(ValueError, "a call with two changes of one key", lambda: scene.provider.apply(base, [create, twin]))
    expect("nothing is written", scene.records(), before)


def _beside_a_cname(facts: Facts, bench: Bench) -> None:
    for rdata_type in sorted(facts.types):
        scene = scene_of(facts, bench)
        create = scene.change(Write("", "www", rdata_type, None, Held(3600, (SAMPLES[rdata_type].one,))))
        _not_written(scene, [create])


def _outside(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    create = scene.change(_create(facts, 0))
    value = parse_value(create.key.type, SAMPLES[create.key.type].one)
    outside = Change(None, rrset("elsewhere.invalid", create.key.type, 3600, [value]))
    snapshot = scene.read(outside.key)
    expect("a name outside the zone is not there", (dict(snapshot.sets), dict(snapshot.nodes)), ({outside.key: None}, {}))
    _not_written(scene, [create, outside] if facts.atomic else [outside])


def _not_written(scene: Scene, changes: Sequence[Change]) -> None:
    """Show that the adapter or the provider refuses the last of the changes, and that nothing is written."""
    before = scene.records()
    base = scene.read(*(change.key for change in changes))
    try:
        status: object = scene.provider.apply(base, changes)[changes[-1].key].status
    except ProviderError:
        status = Status.REJECTED
    expect("it is refused", status, Status.REJECTED)
    expect("nothing is written", scene.records(), before)


def _three_zones(facts: Facts) -> tuple[Name, Name, Name]:
    return facts.apex, name(f"child.{facts.apex}"), name(f"beside-{facts.apex}")


def _create(facts: Facts, at: int, rdata_type: str = "") -> Write:
    kind = rdata_type or facts.usual_type
    return Write("create", SAMPLES[kind].owners[at], kind, None, Held(3600, (SAMPLES[kind].one,)))


CHECKS: dict[str, Callable[[Facts, Bench], None]] = {
    "zones, longest match": _longest_match,
    "catalogue by name": _catalogue,
    "catalogue of an empty account": _empty_catalogue,
    "access": _access,
    "reference to another zone": _other_references,
    "several changes in one call": _several,
    "several changes, one lost the race": _conflict_among_several,
    "base or change that is made up": _made_up,
    "no change": _no_change,
    "one key twice": _one_key_twice,
    "set beside a CNAME": _beside_a_cname,
    "set outside the zone": _outside,
}
"""The cases that are no rows of a table, by their names."""
