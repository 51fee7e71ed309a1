from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate import domains, mail_hosts, zones
from tests.simulate.dice import Dice, Drawn


@pytest.mark.parametrize("play", [domains.play, zones.play, mail_hosts.play], ids=["domain", "zone", "mail-host"])
@settings(max_examples=7 * settings().max_examples)
@given(data=st.data())
def test_no_mail_is_lost_and_every_rollout_comes_to_its_end(play: Callable[[Dice], list[str]], data: st.DataObject) -> None:
    assert play(Drawn(data)) == []


def test_many_are_played_from_seeds_by_a_command() -> None:
    command = [sys.executable, "-m", "tests.simulate", "--examples", "20", "--seed", "5", "--processes", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"{kind}: 20 plays from seed 5, 0 wrong so far" for kind in ("domain", "zone", "mail-host")
    ]
