from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plans.plan import Change
from plans.values import Irregular, Key, RRset, ZoneRef, name
from providers.contract import CONTRACT_VERSION, Context, Options, Status
from providers.memory import ADAPTER, Memory

MakeSet = Callable[..., RRset]
ZONE = name("example.com")
MX = Key(ZONE, "MX")


def test_every_call_that_writes_is_kept_once_and_no_other(mx: MakeSet) -> None:
    memory = Memory(zones={ZONE: []})
    zone = memory.zones([ZONE])[ZONE]
    base = memory.read(zone, [MX])
    create = Change(None, mx("example.com", "0 m."))
    memory.apply(base, [create])
    memory.apply(base, [create])
    memory.apply(base, [])
    assert [(write.zone, write.changes) for write in memory.writes] == [(zone, (create,))]


def test_others_can_put_and_remove_sets_and_no_write_is_kept(mx: MakeSet) -> None:
    memory = Memory(zones={ZONE: [mx("example.com", "0 m.")]})
    zone = memory.zones([ZONE])[ZONE]
    first = memory.read(zone, [MX])
    memory.put(ZONE, Irregular(MX, "weighted"))
    second = memory.read(zone, [MX])
    memory.remove(ZONE, MX, Key(ZONE, "TXT"))
    third = memory.read(zone, [MX])
    assert [snapshot.sets[MX] for snapshot in (first, second, third)] == [
        mx("example.com", "0 m."),
        Irregular(MX, "weighted"),
        None,
    ]
    assert len({snapshot.token for snapshot in (first, second, third)}) == 3
    assert memory.writes == ()


def test_the_token_changes_with_a_write_and_only_then(mx: MakeSet) -> None:
    memory = Memory("mem", {ZONE: [mx("example.com", "0 m.")]})
    zone = memory.zones([ZONE])[ZONE]
    assert zone == ZoneRef("mem", "memory", "", ZONE, ZONE)
    base = memory.read(zone, [MX])
    memory.apply(base, [])
    assert memory.read(zone, [MX]) == base
    memory.apply(base, [Change(mx("example.com", "0 m."), None)])
    assert memory.read(zone, [MX]).token != base.token
    assert memory.held(ZONE) == {}


def test_the_guard_looks_at_the_changed_keys_alone(mx: MakeSet, rrs: MakeSet) -> None:
    memory = Memory(zones={ZONE: []})
    zone = memory.zones([ZONE])[ZONE]
    base = memory.read(zone, [MX])
    memory.put(ZONE, rrs("example.com", "TXT", 60, '"x"'))
    assert memory.apply(base, [Change(None, mx("example.com", "0 m."))])[MX].status is Status.WRITTEN


def test_a_record_outside_its_zone_is_a_mistake(mx: MakeSet) -> None:
    with pytest.raises(ValueError, match="does not lie in zone"):
        Memory(zones={ZONE: [mx("example.net", "0 m.")]})


def test_of_many_threads_that_write_from_one_base_exactly_one_does(mx: MakeSet) -> None:
    memory = Memory(zones={ZONE: []})
    base = memory.read(memory.zones([ZONE])[ZONE], [MX])
    changes = [Change(None, mx("example.com", f"{number} m.")) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda change: memory.apply(base, [change])[MX].status, changes))
    assert outcomes.count(Status.WRITTEN) == len(memory.writes) == 1
    assert outcomes.count(Status.CONFLICT) == 39


def test_the_adapter_opens_an_empty_provider() -> None:
    opened = ADAPTER.open("mem", Options(type="memory"), Context(Path(), lambda: datetime.now(UTC)))
    assert ADAPTER.contract == CONTRACT_VERSION
    assert ADAPTER.capabilities.publishes == "none"
    assert opened.zones([ZONE]) == {}
