"""A PostgreSQL server of Debian's package, on loopback, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import NullPool, create_engine

CLUSTERS = Path("/usr/lib/postgresql")
_ACCESS = (
    "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
)
_SETTINGS = "listen_addresses = '127.0.0.1'\nmax_connections = 300\nfsync = off\nlog_min_messages = fatal\n"


def binaries() -> Path | None:
    """Give the folder of the newest version's programs, which is not on the search path; None: none is installed."""
    return max(CLUSTERS.glob("*/bin"), key=lambda folder: int(folder.parent.name), default=None)


class PostgresServer:
    """Made by `initdb`, or as the standby of another one; it runs between `start` and `stop`."""

    def __init__(self, programs: Path, primary: PostgresServer | None = None) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_owner: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(self._folder, "postgres", "postgres")
            self._as_owner = ["runuser", "-u", "postgres", "--"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self._data = self._folder / "data"
        if primary:
            source = ["--host=127.0.0.1", f"--port={primary._port}", "--username=postgres"]
            self._run("pg_basebackup", f"--pgdata={self._data}", "--write-recovery-conf", "--checkpoint=fast", *source)
        else:
            options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
            self._run("initdb", f"--pgdata={self._data}", *options)
            (self._data / "pg_hba.conf").write_text(_ACCESS)
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(f"{_SETTINGS}port = {self._port}\nunix_socket_directories = '{self._folder}'\n")

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql+psycopg://{user}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        self._run("pg_ctl", f"--pgdata={self._data}", f"--log={self._folder}/log", "--wait", "start")

    def stop(self) -> None:
        self._run("pg_ctl", f"--pgdata={self._data}", "--mode=immediate", "--wait", "stop")

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the server's superuser."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def _run(self, program: str, *arguments: str) -> None:
        ran = subprocess.run(
            [*self._as_owner, str(self._programs / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert ran.returncode == 0, f"{program} failed; see {self._folder}/log"
