"""Client-server SQL: PostgreSQL under pgbench, MariaDB under sysbench, both with their defaults."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from datasets.tracing.program import Load, Point, Program, found_number, output_of, tool, version_of
from datasets.tracing.service import Daemon, free_port, on_client_cores

_SCALE = 10
_ROWS = 100_000
_POSTGRES_FOLDERS = [str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]


def _postgres(name: str) -> str:
    return tool(name, "postgresql", *_POSTGRES_FOLDERS)


class _PostgreSQL(Daemon):
    def __init__(self, folder: Path) -> None:
        port = free_port()
        data = folder / "data"
        _own(folder, "postgres")
        user = "postgres" if os.geteuid() == 0 else None
        output_of(
            [_postgres("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust"], user=user
        )
        asked = [_postgres("postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        super().__init__([*asked, "-c", "listen_addresses=127.0.0.1"], port, "postgres")

    def prepare(self) -> None:
        """The tables of pgbench."""
        self._pgbench(["-i", "-q", "-s", str(_SCALE)])

    def _pgbench(self, arguments: Sequence[str]) -> str:
        asked = [_postgres("pgbench"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        return output_of([*asked, *arguments, "postgres"], before=on_client_cores)

    def loads(self) -> Sequence[Load]:
        """Point reads, and the read-write transaction of seven statements."""
        return [
            self._load(name, flags, clients, timed, traced)
            for name, flags, clients, timed, traced in (
                ("select", ["-S"], 1, 20_000.0, 3_000.0),
                ("select", ["-S"], 8, 40_000.0, 4_000.0),
                ("tpcb", [], 1, 2_000.0, 500.0),
                ("tpcb", [], 8, 4_000.0, 1_000.0),
            )
        ]

    def _load(self, name: str, flags: list[str], clients: int, timed: float, traced: float) -> Load:
        arguments = ["-n", *flags, "-c", str(clients), "-j", "1"]

        def drive(size: float) -> float:
            each = max(1, round(size / clients))
            said = self._pgbench([*arguments, "-t", str(each)])
            return found_number(r"actually processed: (\d+)", said)

        point = Point(
            f"{name}-c{clients}", "database.sql", clients, note=f"scale {_SCALE}, fsync on"
        )
        return Load(
            point,
            drive,
            f"pgbench {' '.join(arguments)} (one operation: one transaction)",
            timed,
            traced,
        )


class _MariaDB(Daemon):
    def __init__(self, folder: Path) -> None:
        port = free_port()
        data = folder / "data"
        _own(folder, "mysql")
        output_of(
            [
                tool("mariadb-install-db", "mariadb-server"),
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *(["--user=mysql"] if os.geteuid() == 0 else []),
            ]
        )
        asked = [_mariadbd(), "--no-defaults", f"--datadir={data}", f"--port={port}"]
        listen = ["--bind-address=127.0.0.1", f"--socket={folder}/socket"]
        self.socket = folder / "socket"
        super().__init__([*asked, *listen], port, "mysql")

    def prepare(self) -> None:
        """A user of the load generator's own, and its table."""
        root = [tool("mariadb", "mariadb-client"), "-u", "root", "-S", str(self.socket), "-e"]
        user = "CREATE USER tracer@'%'; GRANT ALL ON sbtest.* TO tracer@'%';"
        output_of([*root, f"CREATE DATABASE sbtest; {user}"])
        self._sysbench("oltp_read_write", ["prepare"])

    def _sysbench(self, script: str, arguments: Sequence[str]) -> str:
        where = ["--mysql-host=127.0.0.1", f"--mysql-port={self.port}", "--mysql-user=tracer"]
        asked = [tool("sysbench", "sysbench"), script, *where, f"--table-size={_ROWS}"]
        return output_of([*asked, *arguments], before=on_client_cores)

    def loads(self) -> Sequence[Load]:
        """Transactions of ten point reads and some ranges, without and with writes."""
        return [
            self._load("oltp_read_only", 8, 2_000.0, 200.0),
            self._load("oltp_read_write", 8, 1_500.0, 200.0),
        ]

    def _load(self, script: str, clients: int, timed: float, traced: float) -> Load:
        def drive(size: float) -> float:
            bounds = [f"--threads={clients}", f"--events={round(size)}", "--time=0", "run"]
            return found_number(r"transactions:\s+(\d+)", self._sysbench(script, bounds))

        short = script.removeprefix("oltp_").replace("_", "-")
        point = Point(f"{short}-c{clients}", "database.sql", clients, note=f"{_ROWS} rows")
        title = f"sysbench {script} --threads={clients} (one operation: one transaction)"
        return Load(point, drive, title, timed, traced)


def _mariadbd() -> str:
    return tool("mariadbd", "mariadb-server", "/usr/sbin")


def _own(folder: Path, user: str) -> None:
    """These servers refuse to run as root, so the folder is to be their user's."""
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)
    folder.chmod(0o755)


def _postgres_version() -> str:
    return version_of([_postgres("postgres"), "--version"])


def _mariadb_version() -> str:
    tool("sysbench", "sysbench")
    return version_of([_mariadbd(), "--version"])


PROGRAMS = (
    Program("postgresql", _postgres_version, start=_PostgreSQL),
    Program("mariadb", _mariadb_version, start=_MariaDB),
)
