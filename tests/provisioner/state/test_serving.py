from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from plans.values import Name, ZoneRef, name
from provisioner.state import State, StateDamaged

ZONE = ZoneRef("aws", "route53", "", "Z1", name("contoso.com"))
SERVERS = frozenset({name("ns-1.awsdns-01.com"), name("ns-2.awsdns-02.net")})
OTHERS = frozenset({name("ns-3.awsdns-03.org")})


def test_servers_are_kept_until_others_are_whatever_the_provider_is_called(state: State) -> None:
    assert state.servers([ZONE]) == {}
    state.keep_servers({ZONE: SERVERS})
    renamed = replace(ZONE, provider="amazon")
    assert state.servers([renamed]) == {renamed: SERVERS}
    state.keep_servers({renamed: OTHERS})
    assert state.servers([ZONE]) == {ZONE: OTHERS}
    assert state.servers([]) == {}
    state.keep_servers({})
    assert state.verify() == ()


@pytest.mark.parametrize(
    "other",
    [replace(ZONE, id="Z2"), replace(ZONE, account="2"), replace(ZONE, type="azure"), replace(ZONE, name=name("fabrikam.com"))],
)
def test_nothing_is_known_of_a_zone_that_is_not_the_same(state: State, other: ZoneRef) -> None:
    state.keep_servers({ZONE: SERVERS})
    assert state.servers([other]) == {}


def test_of_very_many_zones_each_is_found(state: State) -> None:
    zones = {replace(ZONE, id=f"Z{number}", name=Name(f"d{number}.example.")): SERVERS for number in range(10, 1211)}
    state.keep_servers(zones)
    assert state.servers([*zones, ZONE]) == zones


def test_servers_that_somebody_edited_are_damage(state: State, raw: Connection) -> None:
    state.keep_servers({ZONE: SERVERS})
    raw.exec_driver_sql("UPDATE serving SET servers = 'ns1.example.  not.canonical'")
    with pytest.raises(StateDamaged, match=r"contoso\.com"):
        state.servers([ZONE])
