"""The state as the rest of the program sees it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from plans.desired import Subject
from plans.position import Event, EventKind
from plans.values import Name, is_canonical
from provisioner.state import journal, migrations, sqlite, tables
from provisioner.state.journal import Broken, Columns
from provisioner.state.problems import RolloutOpen, StateConflict, StateDamaged


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout that was begun: the plan's line of its subject, when it was opened, when and how it was closed (UTC)."""

    id: str
    subject: Subject
    plan_id: str
    line: bytes
    opened: datetime
    closed: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command; journal entries name it."""

    id: int
    state: State

    def finish(self, exit_code: int) -> None:
        """Record how the run ended. Raises `StateUnavailable`."""
        self.state.finish_run(self, exit_code)


class State:
    """The runs, rollouts and journal of one manifest. Threads and processes may share a state.

    Every method is one transaction, and what it wrote is on the disk before it returns. All of them raise `StateUnavailable`.
    """

    def __init__(self, path: Path, engine: Engine, now: Callable[[], datetime]) -> None:
        self._path = path
        self._engine = engine
        self._writer = sqlite.writer(engine)
        self._now = now

    @classmethod
    def open(cls, url: str, now: Callable[[], datetime]) -> Self:
        """Open a state for reading and writing; make it where there is none, and bring an older one to this version's tables.

        `url` is SQLAlchemy's (`sqlite:///PATH`); `now` gives the time with its zone.
        """
        path = sqlite.path_of(url)
        sqlite.create(path)
        state = cls(path, sqlite.engine(path, writes=True), now)
        with state._closed_unless_usable():
            sqlite.use_write_ahead_log(state._engine)
            if state._outdated():
                migrations.upgrade(state._writer, str(path))
        return state

    @classmethod
    def peek(cls, url: str, now: Callable[[], datetime]) -> Self | None:
        """Open a state for reading alone; None where there is none yet. An older one is brought to this version's tables."""
        path = sqlite.path_of(url)
        if not sqlite.exists(path):
            return None
        state = cls(path, sqlite.engine(path, writes=False), now)
        with state._closed_unless_usable():
            with state._read() as connection:
                begun = migrations.schema(connection, str(path)) > 0
            outdated = begun and state._outdated()
        if outdated:
            cls.open(url, now).close()
        if begun:
            return state
        state.close()
        return None

    def close(self) -> None:
        """Let go of the database. The state cannot be used any more."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def begin_run(self, command: str, version: str) -> Run:
        """Record that a command of a version of this program begins, and who runs it where."""
        row = {"started": self._time(), "command": command, "who": _who(), "version": version}
        with self._write() as connection:
            number = connection.execute(insert(tables.run).values(row).returning(tables.run.c.id)).scalar_one()
        return Run(number, self)

    def finish_run(self, run: Run, exit_code: int) -> None:
        """Record how a run ended."""
        with self._write() as connection:
            connection.execute(
                update(tables.run).where(tables.run.c.id == run.id).values(finished=self._time(), exit_code=exit_code)
            )

    def start(self, subject: Subject, plan_id: str, line: bytes) -> StoredRollout:
        """Open the rollout of a plan's line (UTF-8), or give the one that this plan has opened, even if it is closed by now.

        Raises:
            RolloutOpen: another plan's rollout of that subject is open.
            StateDamaged: this plan's rollout is there with another line.

        """
        identity = {"subject": _subject_to_text(subject), "plan_id": plan_id, "line": line.decode()}
        row = {"id": journal.rollout_id(identity), **identity, "opened": self._time(), "closed": None, "outcome": None}
        with self._write() as connection:
            try:
                with connection.begin_nested():
                    connection.execute(insert(tables.rollout).values(row))
            except IntegrityError:
                same = (tables.rollout.c.id == row["id"]) | _of_plan(subject, plan_id)
                present = _rollouts(connection, same) or _rollouts(connection, _still_open(subject))
            else:
                present = [row]
        found = self._stored(subject, present[0])
        if found.plan_id != plan_id:
            raise RolloutOpen(
                f"{subject} has an open rollout of another plan",
                f"{subject}: a rollout of plan {found.plan_id} is open since {present[0]['opened']}",
                "Apply that plan again until it is finished, then this one.",
                found.plan_id,
            )
        if found.line != line:
            raise self._damaged(f"plan {plan_id} says something else of {subject} than the rollout that was opened from it")
        return found

    def find(self, subject: Subject, plan_id: str) -> StoredRollout | None:
        """Give the rollout that a plan has opened for a subject, open or closed. Raises `StateDamaged`."""
        return self._one(subject, _of_plan(subject, plan_id))

    def open_rollout(self, subject: Subject) -> StoredRollout | None:
        """Give the one rollout that is open for a subject. Raises `StateDamaged`."""
        return self._one(subject, _still_open(subject))

    def events(self, rollout_id: str) -> tuple[Event, ...]:
        """Give what the journal says of a rollout, oldest first.

        Raises:
            StateDamaged: the chain is broken.
            ValueError: there is no such rollout.

        """
        with self._read() as connection:
            rollout = _known(connection, rollout_id)
            entries = _entries(connection, rollout_id)
        for broken in journal.breaks(rollout, entries):
            raise self._damaged(f"rollout {broken.rollout}, entry {broken.n}: {broken.what}")
        try:
            return tuple(journal.event(entry) for entry in entries)
        except (ValueError, TypeError, AttributeError) as error:
            raise self._damaged(f"rollout {rollout_id} has an entry that is none: {error}") from error

    def record(self, run: Run, rollout_id: str, kind: EventKind, step: int, body: Mapping[str, str | int | None]) -> Event:
        """Append an entry to a rollout's journal. Whoever records at the same time waits: a chain never forks.

        Raises:
            StateConflict: a write is to begin, but the rollout was closed.
            StateDamaged: the newest entry was edited.
            ValueError: there is no such rollout.

        """
        with self._write() as connection:
            rollout = _known(connection, rollout_id)
            if kind is EventKind.BEGUN and rollout["closed"] is not None:
                raise StateConflict(
                    f"nothing more is done for {_subject_name(rollout['subject'])}",
                    f"rollout {rollout_id} was closed at {rollout['closed']} by another run: {rollout['outcome']}",
                    "Make a new plan: `provisioner plan`.",
                )
            newest = _newest(connection, rollout_id)
            if newest and journal.entry_hash(newest) != newest["hash"]:
                raise self._damaged(f"rollout {rollout_id}, entry {newest['n']}: its columns do not give its hash")
            entry = {
                "rollout": rollout_id,
                "n": newest["n"] + 1 if newest else 1,
                "at": self._time(),
                "run": run.id,
                "kind": kind.value,
                "step": step,
                "body": journal.canonical_json(body),
                "prev": newest["hash"] if newest else journal.anchor(rollout),
            }
            connection.execute(insert(tables.journal).values(entry | {"hash": journal.entry_hash(entry)}))
        return journal.event(entry)

    def close_rollout(self, rollout_id: str, outcome: str) -> None:
        """Record that a rollout is over, and how it came out. To say the same again changes nothing.

        Raises:
            StateConflict: it was closed with another outcome.
            ValueError: there is no such rollout.

        """
        with self._write() as connection:
            rollout = _known(connection, rollout_id)
            if rollout["closed"] is None:
                mine = tables.rollout.c.id == rollout_id
                connection.execute(update(tables.rollout).where(mine).values(closed=self._time(), outcome=outcome))
            elif rollout["outcome"] != outcome:
                raise StateConflict(
                    f"the rollout of {_subject_name(rollout['subject'])} was closed by another run",
                    f"rollout {rollout_id} was closed at {rollout['closed']} as {rollout['outcome']}, not as {outcome}",
                    "Make a new plan: `provisioner plan`.",
                )

    def pin(self, run: Run, domain: Name, exchange: Name) -> None:
        """Keep the mail host that Microsoft assigned to a domain; one that was kept before is forgotten."""
        row = {"domain": domain, "exchange": exchange, "at": self._time(), "run": run.id}
        with self._write() as connection:
            connection.execute(delete(tables.pin).where(tables.pin.c.domain == domain))
            connection.execute(insert(tables.pin).values(row))

    def unpin(self, domain: Name) -> bool:
        """Forget a domain's pinned host, and say whether there was one."""
        with self._write() as connection:
            return connection.execute(delete(tables.pin).where(tables.pin.c.domain == domain)).rowcount > 0

    def pins(self) -> Mapping[Name, Name]:
        """Give the pinned host of each domain that has one. Raises `StateDamaged`."""
        with self._read() as connection:
            rows = connection.execute(select(tables.pin.c.domain, tables.pin.c.exchange).order_by(tables.pin.c.domain)).all()
        for row in rows:
            if not (is_canonical(row.domain) and is_canonical(row.exchange)):
                raise self._damaged(f"the pin of {row.domain!r} holds what is no domain name")
        return {Name(row.domain): Name(row.exchange) for row in rows}

    def forget(self, subject: Subject) -> StoredRollout | None:
        """Close a subject's open rollout, whatever it still has to do, and give it; None: none was open."""
        opened = self.open_rollout(subject)
        if opened:
            self.close_rollout(opened.id, "forgotten")
        return opened

    def verify(self) -> tuple[Broken, ...]:
        """Check every chain, in the order of rollouts and entries; empty: all is as it was written."""
        found: list[Broken] = []
        with self._read() as connection:
            for row in connection.execute(select(tables.rollout).order_by(tables.rollout.c.id)).yield_per(100):
                found.extend(journal.breaks(row._asdict(), _entries(connection, row.id)))
            known = select(tables.rollout.c.id).where(tables.rollout.c.id == tables.journal.c.rollout)
            astray = select(tables.journal.c.rollout, func.min(tables.journal.c.n)).where(~known.exists())
            for rollout_id, n in connection.execute(astray.group_by(tables.journal.c.rollout)):
                found.append(Broken(rollout_id, n, "entries from this one on belong to no rollout"))
        return tuple(found)

    def _one(self, subject: Subject, which: ColumnElement[bool]) -> StoredRollout | None:
        with self._read() as connection:
            rows = _rollouts(connection, which)
        return self._stored(subject, rows[0]) if rows else None

    def _stored(self, subject: Subject, row: Columns) -> StoredRollout:
        if journal.rollout_id(row) != row["id"]:
            raise self._damaged(f"rollout {row['id']}: its subject, plan or line is not the one that its id was made from")
        try:
            return StoredRollout(
                row["id"],
                subject,
                row["plan_id"],
                row["line"].encode(),
                journal.time_from_text(row["opened"]),
                None if row["closed"] is None else journal.time_from_text(row["closed"]),
                row["outcome"],
            )
        except ValueError as error:
            raise self._damaged(f"rollout {row['id']}: {error}") from error

    def _damaged(self, what: str) -> StateDamaged:
        return StateDamaged(
            "the state holds something that provisioner did not write",
            f"{self._path}: {what}",
            "Put the last good copy of that file in its place, then type the same command again.",
        )

    def _outdated(self) -> bool:
        with self._read() as connection:
            return migrations.outdated(connection, str(self._path))

    def _time(self) -> str:
        return journal.time_to_text(self._now())

    @contextmanager
    def _closed_unless_usable(self) -> Iterator[None]:
        try:
            with self._told():
                yield
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise sqlite.explain(error, self._path) from error

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._told(), self._writer.begin() as connection:
            yield connection


def _of_plan(subject: Subject, plan_id: str) -> ColumnElement[bool]:
    return (tables.rollout.c.subject == _subject_to_text(subject)) & (tables.rollout.c.plan_id == plan_id)


def _still_open(subject: Subject) -> ColumnElement[bool]:
    return (tables.rollout.c.subject == _subject_to_text(subject)) & tables.rollout.c.closed.is_(None)


def _rollouts(connection: Connection, which: ColumnElement[bool]) -> list[Columns]:
    return [row._asdict() for row in connection.execute(select(tables.rollout).where(which))]


def _known(connection: Connection, rollout_id: str) -> Columns:
    """Give a rollout's row and, in a database that locks rows, keep it until the transaction ends."""
    query = select(tables.rollout).where(tables.rollout.c.id == rollout_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        msg = f"there is no rollout {rollout_id}"
        raise ValueError(msg)
    return row._asdict()


def _entries(connection: Connection, rollout_id: str) -> list[Columns]:
    query = select(tables.journal).where(tables.journal.c.rollout == rollout_id).order_by(tables.journal.c.n)
    return [row._asdict() for row in connection.execute(query)]


def _newest(connection: Connection, rollout_id: str) -> Columns | None:
    query = select(tables.journal).where(tables.journal.c.rollout == rollout_id).order_by(tables.journal.c.n.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return row._asdict() if row else None


def _subject_to_text(subject: Subject) -> str:
    return f"{subject.kind.value}:{subject.name}"


def _subject_name(text: str) -> str:
    return text.partition(":")[2].rstrip(".")


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # no entry in the password database, as in many containers
        user = "?"
    return f"{user}@{socket.gethostname()}"
