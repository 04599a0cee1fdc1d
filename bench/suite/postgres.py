"""A private PostgreSQL with the data that every contender serves."""

import os
import shutil
import subprocess
from pathlib import Path

from .processes import Server, free_port

DATA = Path(__file__).resolve().parent.parent / "data.sql"
MISSING = "PostgreSQL's programs are not there: install the package postgresql"

# As it comes, but for room for all contenders at once and no waiting for the disk, which is not
# what is measured here.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "300",
    "shared_buffers": "512MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "unix_socket_directories": "",
}


def programs() -> Path:
    """Where the newest PostgreSQL's programs are."""
    named = os.environ.get("HOWDAH_POSTGRES_BIN")
    if named:
        return Path(named)
    found = [it for it in Path("/usr/lib/postgresql").glob("*/bin") if (it / "initdb").exists()]
    if found:
        return max(found, key=lambda it: int(it.parent.name))
    onpath = shutil.which("initdb")
    if onpath:
        return Path(onpath).resolve().parent
    raise SystemExit(MISSING)


class Postgres:
    """A server of its own, in a folder that goes away with it."""

    def __init__(self, folder: Path, rows: int):
        self.bin = programs()
        self.folder = folder / "postgres"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # initdb and the server refuse to be root's.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.folder, self.user)
            for parent in self.folder.parents:
                if not parent.stat().st_mode & 0o001 and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self.port = free_port()
        self.url = f"postgresql://bench@127.0.0.1:{self.port}/bench"
        cluster = str(self.folder / "data")
        self._run([str(self.bin / "initdb"), "-D", cluster, "-U", "bench", "-A", "trust", "-E", "UTF8"])
        options = [it for name, value in SETTINGS.items() for it in ("-c", f"{name}={value}")]
        command = [str(self.bin / "postgres"), "-D", cluster, "-p", str(self.port), *options]
        self.server = Server(self._as_user(command), folder / "postgres.log", {}, self.folder)
        self._wait()
        self.psql("CREATE DATABASE bench", "postgres")
        self.psql_file(DATA, rows)
        version = self.psql("SHOW server_version")
        self.version = version.split()[0]

    def _as_user(self, command: list[str]) -> list[str]:
        if self.user is None:
            return command
        # setpriv becomes the program itself: no process stands between.
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", *command]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}")

    def _wait(self) -> None:
        ready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "30"]
        for _ in range(300):
            if subprocess.run(ready).returncode == 0:
                return
            if self.server.process.poll() is not None:
                break
            subprocess.run(["sleep", "0.1"])
        raise SystemExit(f"PostgreSQL did not start: see {self.server.log}")

    def client(self, *arguments: str, database: str = "bench") -> list[str]:
        """psql's command line."""
        at = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-d", database]
        return [str(self.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *at, *arguments]

    def psql(self, sql: str, database: str = "bench") -> str:
        """What a statement gives, as text."""
        command = self.client("-At", "-c", sql, database=database)
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def psql_file(self, path: Path, rows: int) -> None:
        command = self.client("-v", f"rows={rows}", "-f", str(path))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        self.server.process.send_signal(2)
        try:
            self.server.process.wait(10)
        except subprocess.TimeoutExpired:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
