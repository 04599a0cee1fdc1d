"""Howdah as the suite serves it: a copy of `bench/service`, with what a workload adds to it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .processes import Server, answers, free_port

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
BINARY = Path(os.environ.get("HOWDAH_BENCH_BINARY", ROOT / "target" / "release" / "howdah"))


class Refused(Exception):
    """The program does not take a workload's folder: what it says."""


class Howdah:
    """A running service. `feature` names a folder of `bench/features` that is laid over the service.

    Without `patience` nobody waits until it is ready.
    """

    def __init__(
        self,
        running: Path,
        database_port: int,
        feature: str | None = None,
        prefix: list[str] | None = None,
        arguments: list[str] | None = None,
        patience: float | None = 30,
        environment: dict[str, str] | None = None,
    ):
        self.folder = running / f"service-{feature or 'plain'}"
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(BENCH / "service", self.folder)
        if feature:
            added = BENCH / "features" / feature
            if not any(it.is_file() for it in added.rglob("*")):
                raise Refused(f"bench/features/{feature} is not written yet")
            shutil.copytree(added, self.folder, dirs_exist_ok=True)
            more = self.folder / "more.toml"
            if more.exists():
                with (self.folder / "howdah.toml").open("a") as manifest:
                    manifest.write("\n" + more.read_text())
                more.unlink()
        self.port, self.admin = free_port(), free_port()
        self.environment = {
            "PORT": str(self.port),
            "ADMIN_PORT": str(self.admin),
            "DB_PORT": str(database_port),
            "BENCH_FILES": str(running),
            "HOWDAH_ALLOW_ROOT": "true",
            **(environment or {}),
        }
        self._check()
        self.log = running / f"howdah-{feature or 'plain'}.log"
        command = [*(prefix or []), str(BINARY), "serve", str(self.folder), *(arguments or [])]
        self.server = Server(command, self.log, self.environment, running)
        if patience is not None and not self._ready(patience):
            self.server.stop()
            raise Refused(f"it does not get ready: see {self.log}")

    def _check(self) -> None:
        command = [str(BINARY), "check", str(self.folder), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **self.environment})
        if done.returncode != 0:
            try:
                found = json.loads(done.stdout)["diagnostics"]
                message = "; ".join(it["message"] for it in found if it["severity"] == "error")
            except (ValueError, KeyError):
                message = (done.stderr or done.stdout).strip()
            raise Refused(message)

    def _ready(self, patience: float) -> bool:
        return answers(self.admin, "/ready", patience, self.server) is not None

    def stop(self) -> None:
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
