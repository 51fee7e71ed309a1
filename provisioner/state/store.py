"""The state as the rest of the program sees it."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, cast

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from plans.approval import Approval, Begun, Rejection, Vote
from plans.desired import Subject
from plans.facts import Confirmation
from plans.position import Event, EventKind
from plans.values import Name, ZoneRef, is_canonical
from provisioner.state import (
    approving,
    chain,
    confirming,
    history,
    journal,
    leasing,
    migrations,
    rollouts,
    serving,
    tables,
    writes,
)
from provisioner.state.backend import Backend, backend
from provisioner.state.journal import Body, Broken, Head, Mark
from provisioner.state.leasing import LEASE
from provisioner.state.problems import StateConflict
from provisioner.state.transaction import Transaction
from provisioner.state.values import HistoryEntry, Lease, RolloutStatus, StoredRollout, StoredRun, Written


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command; journal entries name it."""

    id: int
    state: State

    def finish(self, exit_code: int) -> None:
        """Record how the run ended. Raises `StateUnavailable`."""
        self.state.finish_run(self, exit_code)


class State:
    """The runs, rollouts, leases and journal of one manifest. Threads and processes share it, in PostgreSQL of many machines.

    Every method is one transaction, and what it wrote is on the disk before it returns; an iterator reads in portions, each a
    transaction. Times are by the clock of the database. All methods raise `StateUnavailable`.
    """

    def __init__(self, database: Backend) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, now: Callable[[], datetime]) -> Self:
        """Open a state for reading and writing; make it where there is none, and bring an older one to this version's tables.

        `url` is SQLAlchemy's (`sqlite:///PATH` or `postgresql+psycopg://USER@HOST/DATABASE`); `now` gives the time with its
        zone, and is this machine's clock for SQLite.
        """
        state = cls(backend(url, now, writes=True))
        with state._closed_unless_usable():
            state._database.create()
            if state._outdated():
                migrations.upgrade(state._database.writer, state.where)
        return state

    @classmethod
    def peek(cls, url: str, now: Callable[[], datetime]) -> Self | None:
        """Open a state for reading alone; None where there is none yet. An older one is brought to this version's tables."""
        state = cls(backend(url, now, writes=False))
        begun = outdated = False
        with state._closed_unless_usable():
            if state._database.exists():
                with state._read() as transaction:
                    begun = migrations.schema(transaction.connection, state.where) > 0
                outdated = begun and state._outdated()
        if outdated:
            cls.open(url, now).close()
        if begun:
            return state
        state.close()
        return None

    @property
    def where(self) -> str:
        """The database's name for messages, without a password."""
        return self._database.where

    def close(self) -> None:
        """Let go of the database. The state cannot be used any more."""
        self._database.reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def now(self) -> datetime:
        """Give the time in UTC by the clock of the database."""
        with self._read() as transaction:
            return transaction.now().astimezone(UTC)

    def begin_run(self, command: str, version: str) -> Run:
        """Record that a command of a version of this program begins, and who runs it where."""
        with self._write() as transaction:
            row = {"started": transaction.time(), "command": command, "who": who(), "version": version}
            number = transaction.connection.execute(insert(tables.run).values(row).returning(tables.run.c.id)).scalar_one()
        return Run(number, self)

    def finish_run(self, run: Run, exit_code: int) -> None:
        """Record how a run ended."""
        with self._write() as transaction:
            ended = update(tables.run).where(tables.run.c.id == run.id)
            transaction.connection.execute(ended.values(finished=transaction.time(), exit_code=exit_code))

    def runs(self) -> Iterator[StoredRun]:
        """Give all runs, oldest first. Raises `StateDamaged`."""
        return history.runs(self._read)

    def start(self, run: Run, subject: Subject, plan_id: str, line: bytes) -> StoredRollout:
        """Open the rollout of a plan's line (UTF-8), or give the one that this plan has opened, even if it is closed by now.

        Raises:
            RolloutOpen: another plan's rollout of that subject is open.
            StateDamaged: this plan's rollout is there with another line.

        """
        with self._write() as transaction:
            return rollouts.start(transaction, run.id, subject, plan_id, line)

    def take_over(self, run: Run, carried: rollouts.Carried) -> bool:
        """Take what another state knows of a rollout, and say whether any of it was new; its waits go on from the times then.

        Raises:
            RolloutOpen: another plan's rollout of that subject is open.
            StateConflict: both states went on with it.
            StateDamaged: the rollout is there with another line.

        """
        with self._write() as transaction:
            return rollouts.take_over(transaction, run.id, carried)

    def find(self, subject: Subject, plan_id: str) -> StoredRollout | None:
        """Give the rollout that a plan has opened for a subject, open or closed. Raises `StateDamaged`."""
        with self._read() as transaction:
            return rollouts.find(transaction, rollouts.of_plan(subject, plan_id))

    def begun(self, plan_id: str) -> Mapping[Subject, Begun]:
        """Give what is known of a plan's rollouts, by their subjects, without reading what they are. Raises `StateDamaged`."""
        with self._read() as transaction:
            return rollouts.begun(transaction, plan_id)

    def open_rollout(self, subject: Subject) -> StoredRollout | None:
        """Give the one rollout that is open for a subject. Raises `StateDamaged`."""
        with self._read() as transaction:
            return rollouts.find(transaction, rollouts.still_open(subject))

    def open_rollouts(self, glob: str | None = None) -> Iterator[StoredRollout]:
        """Give the open rollouts of all subjects, or of those whose name fits a glob. Raises `StateDamaged`."""
        return (status.rollout for status in self.rollouts(glob, only_open=True))

    def rollouts(self, glob: str | None = None, *, only_open: bool = False) -> Iterator[RolloutStatus]:
        """Give rollouts with the newest entry of each: a subject's one after the other, as they were opened.

        `glob` is as `fnmatch.fnmatchcase` takes it for a name in lower case, without final dot. Raises `StateDamaged`.
        """
        return history.statuses(self._read, glob, only_open=only_open)

    def events(self, rollout_id: str) -> tuple[Event, ...]:
        """Give what the journal says of a rollout's steps, oldest first.

        Raises:
            StateDamaged: one of its entries was edited, or its row is not the one that was opened.
            ValueError: there is no such rollout.

        """
        with self._read() as transaction:
            return rollouts.events(transaction, rollout_id)

    def record(
        self, run: Run, rollout_id: str, kind: EventKind, step: int, body: Body, leases: Collection[Lease] = ()
    ) -> Event:
        """Append an entry about a rollout's step to the journal. Whoever records at the same time waits: the chain never forks.

        Raises:
            LeaseLost: a write is to begin, and one of the leases is no longer the run's, or has expired.
            StateConflict: a write is to begin, but the rollout was closed.
            StateDamaged: the newest entry was edited.
            ValueError: there is no such rollout.

        """
        with self._write() as transaction:
            row = rollouts.known(transaction, rollout_id)
            if kind is EventKind.BEGUN:
                leasing.check(transaction, leases)
                if row["closed"] is not None:
                    raise StateConflict(
                        f"nothing more is done for {rollouts.subject_name(row)}",
                        f"rollout {rollout_id} was closed at {row['closed']} by another run: {row['outcome']}",
                        "Make a new plan: `provisioner plan`.",
                    )
            at = transaction.time()
            entry = chain.append(transaction, run.id, kind, body, at=at, rollout=rollout_id, step=step)
        return cast("Event", journal.event(entry))

    def close_rollout(self, run: Run, rollout_id: str, outcome: str) -> None:
        """Record that a rollout is over, and how it came out. To say the same again changes nothing.

        Raises:
            StateConflict: it was closed with another outcome.
            ValueError: there is no such rollout.

        """
        with self._write() as transaction:
            rollouts.close(transaction, run.id, rollout_id, outcome)

    def forget(self, run: Run, subject: Subject) -> StoredRollout | None:
        """Close a subject's open rollout, whatever it still has to do, and give it; None: none was open."""
        with self._write() as transaction:
            opened = rollouts.find(transaction, rollouts.still_open(subject))
            if opened:
                rollouts.close(transaction, run.id, opened.id, "forgotten")
        return opened

    def revert(
        self, run: Run, opened: StoredRollout | None, subject: Subject, plan_id: str, line: bytes, reason: str
    ) -> StoredRollout:
        """Close the rollout that is open for a subject as reverted, open that of an emergency in its place, and keep why.

        Raises:
            RolloutOpen: another one than `opened` is open by now.
            StateConflict: `opened` was closed by another run.

        """
        with self._write() as transaction:
            if opened:
                rollouts.close(transaction, run.id, opened.id, "reverted")
            body = {"domain": subject.name, "plan": plan_id, "reason": reason}
            chain.append(transaction, run.id, Mark.EMERGENCY, body, at=transaction.time())
            return rollouts.start(transaction, run.id, subject, plan_id, line)

    def pin(self, run: Run, domain: Name, exchange: Name) -> None:
        """Keep the mail host that Microsoft assigned to a domain; one that was kept before is forgotten."""
        with self._write() as transaction:
            now, body = transaction.time(), {"domain": domain, "exchange": exchange}
            transaction.connection.execute(delete(tables.pin).where(tables.pin.c.domain == domain))
            transaction.connection.execute(insert(tables.pin).values(**body, at=now, run=run.id))
            chain.append(transaction, run.id, Mark.PIN, body, at=now)

    def unpin(self, run: Run, domain: Name) -> bool:
        """Forget a domain's pinned host, and say whether there was one."""
        with self._write() as transaction:
            dropped = delete(tables.pin).where(tables.pin.c.domain == domain).returning(tables.pin.c.exchange)
            exchange: str | None = transaction.connection.execute(dropped).scalar_one_or_none()
            if exchange is not None:
                body = {"domain": domain, "exchange": exchange}
                chain.append(transaction, run.id, Mark.UNPIN, body, at=transaction.time())
        return exchange is not None

    def approve(self, run: Run, approval: Approval) -> bool:
        """Keep somebody's signature over a plan, and say whether it was new. It is verified where it is to count."""
        with self._write() as transaction:
            return approving.keep(transaction, run.id, approval)

    def reject(self, run: Run, rejection: Rejection) -> bool:
        """Keep somebody's no to a plan, and say whether it was new."""
        with self._write() as transaction:
            return approving.keep(transaction, run.id, rejection)

    def approvals(self, plan_id: str) -> tuple[Vote, ...]:
        """Give what was said to a plan, oldest first: approvals and rejections. Raises `StateDamaged`."""
        with self._read() as transaction:
            return approving.votes(transaction, plan_id)

    def auto_approve(self, run: Run, plan_id: str) -> None:
        """Record that a run took a plan for approved because it was told to."""
        with self._write() as transaction:
            chain.append(transaction, run.id, Mark.AUTO_APPROVED, {"plan": plan_id}, at=transaction.time())

    def confirm(self, run: Run, host: Name, key: str, addresses: Collection[str], reason: str = "") -> Confirmation:
        """Keep the word of whoever runs this that a mail host presents a key (`Confirmation.key`) at these addresses.

        It stands in the place of an earlier one about that host. Raises `StateDamaged`.
        """
        with self._write() as transaction:
            return confirming.keep(transaction, run.id, host, key, addresses, who(), reason)

    def withdraw(self, run: Run, host: Name) -> bool:
        """Take back what was confirmed of a mail host, and say whether anything was. Raises `StateDamaged`."""
        with self._write() as transaction:
            return confirming.withdraw(transaction, run.id, host, who())

    def confirmations(self) -> Mapping[Name, Confirmation]:
        """Give what was last confirmed of each mail host and not taken back, however long ago. Raises `StateDamaged`."""
        with self._read() as transaction:
            return confirming.standing(transaction)

    def pins(self) -> Mapping[Name, Name]:
        """Give the pinned host of each domain that has one. Raises `StateDamaged`."""
        with self._read() as transaction:
            pinned = select(tables.pin.c.domain, tables.pin.c.exchange).order_by(tables.pin.c.domain)
            rows = transaction.connection.execute(pinned).all()
            for row in rows:
                if not (is_canonical(row.domain) and is_canonical(row.exchange)):
                    raise transaction.damaged(f"the pin of {row.domain!r} holds what is no domain name")
        return {Name(row.domain): Name(row.exchange) for row in rows}

    def keep_servers(self, servers: Mapping[ZoneRef, frozenset[Name]]) -> None:
        """Keep by which servers zones are served; what was kept of them before is forgotten."""
        with self._write() as transaction:
            serving.keep(transaction, servers)

    def servers(self, zones: Collection[ZoneRef]) -> Mapping[ZoneRef, frozenset[Name]]:
        """Give the servers that are kept of zones, a zone of which none are being left out. Raises `StateDamaged`."""
        with self._read() as transaction:
            return serving.kept(transaction, zones)

    def acquire(self, run: Run, zones: Collection[ZoneRef], purpose: str, lasts: timedelta = LEASE) -> tuple[Lease, ...]:
        """Lease all of the zones to a run, or none; what the run has of them already is renewed. `purpose` is told to others.

        Raises:
            LeaseHeld: another run has one of them.

        """
        with self._write() as transaction:
            return leasing.acquire(transaction, run.id, zones, purpose, lasts)

    def renew(self, leases: Collection[Lease], lasts: timedelta = LEASE) -> tuple[Lease, ...]:
        """Let leases last from now on again, all or none; one that expired may be renewed if nobody took it over.

        Raises:
            LeaseLost: one is no longer the run's.

        """
        with self._write() as transaction:
            return leasing.renew(transaction, leases, lasts)

    def release(self, leases: Collection[Lease]) -> None:
        """End those of the leases that are still the run's."""
        with self._write() as transaction:
            leasing.release(transaction, leases)

    def leases(self) -> tuple[Lease, ...]:
        """Give the leases that have not expired, in the order of their zones' names. Raises `StateDamaged`."""
        with self._read() as transaction:
            return leasing.held(transaction)

    def unlock(self, run: Run, zone: ZoneRef | str, reason: str) -> tuple[Lease, ...]:
        """End whatever leases there are of a zone, or of all zones of a name, and give them: their holders begin no write more.

        Raises:
            ValueError: the name is no domain name.

        """
        with self._write() as transaction:
            return leasing.unlock(transaction, run.id, zone, reason)

    def history(
        self,
        domain: Name | None = None,
        run: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[HistoryEntry]:
        """Give the journal's entries, oldest first: about one domain, by one run, not before `since`, before `until`.

        Raises:
            StateDamaged: an entry was edited.

        """
        return history.entries(self._read, history.Wanted(domain, run, since, until))

    def writes(self, subject: Subject | None = None, since: datetime | None = None) -> Iterator[Written]:
        """Give what was written, oldest first: for one subject, not before `since`.

        What another state wrote comes with its own times, and where it was taken over.

        Raises:
            StateDamaged: an entry or a rollout was edited, or is none.

        """
        return writes.writes(self._read, writes.Wanted(subject, since))

    def head(self) -> Head:
        """Give the newest entry's number and hash: whoever keeps them can tell later that nothing was cut off."""
        with self._read() as transaction:
            return chain.head(transaction)

    def verify(self, expect: str | None = None) -> tuple[Broken, ...]:
        """Check the whole chain, and every row that tells of it; empty: all is as it was written.

        `expect` is a hash that an entry must have: a run printed it.
        """
        with self._read() as transaction:
            return tuple(chain.verify(transaction, expect))

    def _outdated(self) -> bool:
        with self._read() as transaction:
            return migrations.outdated(transaction.connection, self.where)

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
        except (DBAPIError, NoConnectionLeft) as error:
            raise self._database.explain(error) from error

    def _read(self) -> AbstractContextManager[Transaction]:
        return self._transaction(self._database.reader)

    def _write(self) -> AbstractContextManager[Transaction]:
        return self._transaction(self._database.writer)

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Transaction]:
        with self._told(), engine.begin() as connection:
            yield Transaction(connection, self._database.clock, self.where)


def who() -> str:
    """Say who runs this program on which machine, as far as the machine knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # no entry in the password database, as in many containers
        user = "?"
    return f"{user}@{socket.gethostname()}"
