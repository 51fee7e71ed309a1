"""What the command line shows of a run that is stopped or killed, with the state at a PostgreSQL server that may stop."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.lab.postgres_server import PostgresServer
from tests.provisioner.cli import scripted
from tests.provisioner.cli.conftest import (  # noqa: F401 - what those tests start from
    Provisioner,
    Start,
    end,
    provisioner,
    quickstart,
    start,
    unlock,
)
from tests.provisioner.cli.estate import names, settle_in_files, writes
from tests.provisioner.cli.faulty import await_write, let_go
from tests.provisioner.cli.test_at_once import *  # noqa: F403 - its tests run here too
from tests.provisioner.cli.test_interrupted import *  # noqa: F403 - the same
from tests.provisioner.cli.test_killed import *  # noqa: F403 - the same

(DOMAIN,) = names(1)
APPLY = ("apply", "plan.jsonl", "--auto-approve")
numbers = count()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The name of an empty database."""
    name = f"cli_{next(numbers)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield name
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def state_line(postgres: PostgresServer, database: str) -> str:
    return f"state: {postgres.url(database)}\n"


@pytest.fixture
def lose_state(postgres: PostgresServer, database: str) -> Callable[[], None]:
    return lambda: postgres.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database)


@pytest.fixture
def server(postgres_programs: Path) -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    made = PostgresServer(postgres_programs)
    made.start()
    yield made
    made.stop()
    made.remove()


def begun(told: str) -> int:
    return len(re.findall(r"step \d +begun", told))


@pytest.mark.parametrize(
    ("fault", "written", "code"), [("hold-before-read 1", 0, Exit.ERROR), ("hold-before 2", 2, Exit.PARTIAL)]
)
def test_a_server_that_stops_in_mid_run_stops_the_run_with_every_write_in_the_journal(
    provisioner: Provisioner,  # noqa: F811 - pytest hands them over by name
    start: Start,  # noqa: F811 - the same
    server: PostgresServer,
    tmp_path: Path,
    fault: str,
    written: int,
    code: Exit,
) -> None:
    settle_in_files(tmp_path, "faulty", [DOMAIN], f"state: {server.url('postgres')}\n")
    scripted.save(tmp_path / "plan.jsonl", [DOMAIN])
    process = start(*APPLY, fault=fault)
    await_write()
    server.stop()
    let_go()
    ran = end(process)
    assert (ran.code, writes(tmp_path, DOMAIN)) == (code, written), ran
    for told in (ran.out, ran.err):
        assert "there is no connection to the server" in told
        assert "See that the server runs" in told
    nothing = provisioner(*APPLY)
    assert (nothing.code, writes(tmp_path, DOMAIN)) == (Exit.ERROR, written)

    server.start()
    assert begun(provisioner("history").out) == written
    assert unlock(provisioner) == 1
    assert provisioner(*APPLY).code == Exit.DONE
    assert writes(tmp_path, DOMAIN) == scripted.STEPS
    assert provisioner("history", "--verify").code == Exit.DONE


def test_doctor_says_which_server_holds_the_state(
    provisioner: Provisioner,  # noqa: F811 - the same
    quickstart: Path,  # noqa: F811 - the same
    state_line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "a-secret-of-the-server")
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text() + state_line)
    url = state_line.split()[1]

    def checked() -> tuple[str, str]:
        ran = provisioner("doctor", "--json", "--dns-target", "127.0.0.1:1")
        assert "a-secret-of-the-server" not in ran.out + ran.err
        return next((one["standing"], one["found"]) for one in json.loads(ran.out)["checks"] if one["check"] == "state")

    assert checked() == ("ok", f"{url} can be reached and holds no state yet; the first `apply` makes it")
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    standing, found = checked()
    assert (standing, found.startswith(f"{url} can be reached; its schema is ")) == ("ok", True)
    manifest.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", manifest.read_text()))
    standing, found = checked()
    assert (standing, "there is no connection to the server" in found) == ("fault", True)
