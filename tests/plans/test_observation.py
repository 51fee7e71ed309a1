from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.desired import Desired
from plans.facts import NoAnswer
from plans.observation import Observation, in_sync
from plans.rollout.domain import Strategy, propose
from plans.rollout.phased import Terms
from plans.values import Irregular, Key, Live, Mx, RRset, rrset
from tests.plans.rollout.test_domain import DOMAIN, LEGACY, NEW, mx, snapshot, wish
from tests.strategies import mx_values, ttls

MX = Key(DOMAIN, "MX")
RIGHT = mx(Mx(0, NEW))


def told(*sets: Live | NoAnswer, key: Key = MX) -> Observation:
    return Observation(key, sets)


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (told(RIGHT), True),
        (told(RIGHT, RIGHT), True),
        (told(mx(Mx(10, NEW))), True),
        (told(mx(Mx(0, NEW), ttl=30)), True),
        (told(mx(Mx(5, NEW))), False),
        (told(mx(Mx(0, LEGACY))), False),
        (told(mx(Mx(0, NEW), Mx(10, LEGACY))), False),
        (told(RIGHT, mx(Mx(0, NEW), ttl=30)), False),
        (told(RIGHT, mx(Mx(10, NEW))), False),
        (told(RIGHT, None), False),
        (told(RIGHT, NoAnswer("silent")), False),
        (told(Irregular(MX, "CNAME at the name")), False),
        (told(None), False),
        (told(NoAnswer("silent")), False),
        (told(), False),
        (told(RIGHT, key=Key(DOMAIN, "TXT")), False),
    ],
)
def test_what_servers_tell_is_in_sync_where_all_of_them_tell_the_right_set(observation: Observation, expected: bool) -> None:
    assert in_sync(wish(), observation) is expected


@st.composite
def seen(draw: st.DrawFn) -> tuple[Desired, Observation]:
    """Draw what is wanted and what is observed, which is often the same but for what may not matter."""
    wanted = draw(st.lists(mx_values, min_size=1, max_size=3))
    desired = replace(wish(), rrsets=(rrset(DOMAIN, "MX", draw(ttls), wanted),))
    near = [replace(one, preference=draw(st.sampled_from([one.preference, 0, 10, 20]))) for one in wanted]
    held = draw(st.sampled_from([wanted, near, [*near, draw(mx_values)], draw(st.lists(mx_values, min_size=1, max_size=3))]))
    live: Live = draw(st.sampled_from([rrset(DOMAIN, "MX", draw(ttls), held), None, Irregular(MX, "mixed TTLs: 1, 2")]))
    return desired, told(*[live] * draw(st.integers(1, 3)))


@given(
    seen=seen(),
    strategy=st.sampled_from(Strategy),
    terms=st.none() | st.builds(Terms, st.integers(30, 300), st.integers(0, 9000), st.booleans(), st.booleans()),
)
def test_where_the_zone_holds_what_is_in_sync_nothing_is_proposed(
    seen: tuple[Desired, Observation], strategy: Strategy, terms: Terms | None
) -> None:
    desired, observation = seen
    live = observation.told[0]
    assert not isinstance(live, NoAnswer)
    proposed = propose(desired, snapshot(DOMAIN, live), strategy, terms)
    if in_sync(desired, observation):
        assert proposed == (None, ())
        assert isinstance(live, RRset)
    else:
        assert proposed != (None, ())
