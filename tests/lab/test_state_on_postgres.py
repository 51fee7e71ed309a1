"""The state's own tests, at a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from sqlalchemy import Connection, create_engine

from provisioner.state import State
from tests.lab.postgres_server import PostgresServer
from tests.provisioner.state.conftest import clock, run, state, url  # noqa: F401 - what those tests start from
from tests.provisioner.state.test_approvals import *  # noqa: F403 - its tests run here too
from tests.provisioner.state.test_concurrency import *  # noqa: F403 - the same
from tests.provisioner.state.test_confirmations import *  # noqa: F403 - the same
from tests.provisioner.state.test_heartbeat import *  # noqa: F403 - the same
from tests.provisioner.state.test_history import *  # noqa: F403 - the same
from tests.provisioner.state.test_journal import *  # noqa: F403 - the same
from tests.provisioner.state.test_leases import *  # noqa: F403 - the same
from tests.provisioner.state.test_pins import *  # noqa: F403 - the same
from tests.provisioner.state.test_rollouts import *  # noqa: F403 - the same
from tests.provisioner.state.test_serving import *  # noqa: F403 - the same
from tests.provisioner.state.test_writes import *  # noqa: F403 - the same

numbers = count()


@pytest.fixture
def new_url(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """Make a new database each time, and drop them all at the end."""
    made: list[str] = []

    def make() -> str:
        made.append(f"state_{next(numbers)}")
        postgres.execute(f"CREATE DATABASE {made[-1]} TEMPLATE template0")
        return postgres.url(made[-1])

    yield make
    for name in made:
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def raw(url: str, state: State) -> Iterator[Connection]:  # noqa: F811 - pytest hands them over by name
    """Reach past the state into its database, with no regard for its foreign keys."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        yield connection
    engine.dispose()
