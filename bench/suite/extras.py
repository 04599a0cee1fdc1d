"""Workloads that need something of the service: each says by itself why it was not measured."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import pgbench
from .contenders import Contender
from .howdah import Howdah, Refused
from .load import Load, wrk
from .postgres import Postgres
from .processes import TICKS, answers, cpu_seconds, forget_peak, memory_bytes
from .rounds import CONNECTIONS, Turns, turn

MB = 1_000_000


@dataclass(frozen=True)
class Moved:
    """Many rows that went out or in at once."""

    rows: int
    seconds: float
    # Processor time a row, in microseconds: of who moves them, and PostgreSQL's.
    own_us: float
    postgres_us: float
    peak_bytes: int

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


@dataclass
class Extras:
    """What was measured, by name, and what was not, with the reason."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    # Rows out and in: by what was moved, by whom, round by round.
    moved: dict[str, dict[str, list[Moved]]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.figures.setdefault(name, []).append(value)

    def move(self, what: str, who: str, moved: Moved) -> None:
        self.moved.setdefault(what, {}).setdefault(who, []).append(moved)


@dataclass
class Place:
    """Where and how long."""

    running: Path
    postgres: Postgres
    files: dict[str, Path]
    rounds: int
    seconds: float


def attempt(extras: Extras, names: list[str], work: Callable[[], None]) -> None:
    """Does the work; what it could not do is named with its reason."""
    try:
        work()
    except (Refused, RuntimeError, ValueError, OSError, subprocess.SubprocessError) as why:
        for name in names:
            if name not in extras.figures:
                extras.missing[name] = str(why)


def _load(howdah: Howdah, place: Place, paths: str, connections: int = CONNECTIONS, **how) -> Load:
    contender = Contender("Howdah", howdah.server, howdah.port)
    turns = Turns()
    turn(contender, place.postgres, place.files[paths], place.seconds, turns, connections, **how)
    return check_load(turns.loads[0])


def check_load(load: Load) -> Load:
    """The load, when all but one in a hundred were answered well."""
    if load.requests == 0 or load.errors > load.requests / 100:
        raise RuntimeError(f"{load.errors} of {load.requests} requests failed")
    return load


def hot_key(extras: Extras, place: Place) -> None:
    """One key of /rates asked by everybody, with coalescing and without."""
    alone = Howdah(place.running, place.postgres.port, "alone")
    try:
        shared = Howdah(place.running, place.postgres.port)
        try:
            for _ in range(place.rounds):
                one = _load(alone, place, "hot").per_second
                extras.add("hot key", _load(shared, place, "hot").per_second / one)
        finally:
            shared.stop()
    finally:
        alone.stop()


def slow_company(extras: Extras, place: Place) -> None:
    """60 clients alone, and 60 beside 4 that are always in a statement of 200 ms."""
    howdah = Howdah(place.running, place.postgres.port)
    try:
        for _ in range(place.rounds):
            alone = _load(howdah, place, "row", 60)
            url = f"http://127.0.0.1:{howdah.port}"
            lasts = place.seconds + 1
            slow = threading.Thread(target=wrk, args=(url, place.files["slow"], 4, lasts))
            slow.start()
            time.sleep(0.4)
            beside = _load(howdah, place, "row", 60)
            slow.join()
            extras.add("slow company", beside.per_second / alone.per_second)
            extras.add("slow company p99", beside.p99_ms)
    finally:
        howdah.stop()


def against_plain(extras: Extras, place: Place, name: str, feature: str, path: str, **how) -> None:
    """One row with something more to do, against the same without it."""
    plain = Howdah(place.running, place.postgres.port)
    try:
        other = Howdah(place.running, place.postgres.port, feature)
        try:
            for _ in range(place.rounds):
                one = _load(plain, place, "row").per_second
                extras.add(name, _load(other, place, path, **how).per_second / one)
        finally:
            other.stop()
    finally:
        plain.stop()


def curl(arguments: list[str], seconds: float = 120) -> tuple[int, float, int]:
    """Status, seconds and bytes of one exchange; the body is thrown away."""
    form = "%{http_code} %{time_total} %{size_download}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", form, "-m", str(int(seconds)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    status, took, size = (done.stdout or "0 0 0").split()
    if done.returncode != 0:
        raise RuntimeError(f"curl ended with {done.returncode} after {size} bytes, status {status}")
    return int(status), float(took), int(size)


def take(arguments: list[str]) -> float:
    """Seconds of an exchange that ends well."""
    status, took, _ = curl(arguments)
    if status != 200:
        raise RuntimeError(f"{arguments[-1]} is answered with {status}")
    return took


def psql_copy(postgres: Postgres, command: str, rows: int) -> Moved:
    """How long psql's own \\copy takes, without the start of psql."""
    began = time.monotonic()
    subprocess.run(postgres.client("-c", "SELECT"), check=True, stdout=subprocess.DEVNULL)
    start = time.monotonic() - began
    database = cpu_seconds(postgres.server.pid)
    began = time.monotonic()
    process = subprocess.Popen(postgres.client("-c", command), stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = max(0.001, time.monotonic() - began - start)
    if process.returncode != 0:
        raise RuntimeError(f"psql ended with {process.returncode}: {command}")
    # Its backend ends, and is counted once PostgreSQL has waited for it.
    time.sleep(5 / TICKS)
    database = cpu_seconds(postgres.server.pid) - database
    own = used.ru_utime + used.ru_stime
    return Moved(rows, took, own / rows * 1e6, database / rows * 1e6, used.ru_maxrss * 1024)


def curl_moves(howdah: Howdah, postgres: Postgres, arguments: list[str], rows: int) -> Moved:
    """How long Howdah takes for it."""
    forget_peak(howdah.server.pid)
    server, database = cpu_seconds(howdah.server.pid), cpu_seconds(postgres.server.pid)
    took = take(arguments)
    server = cpu_seconds(howdah.server.pid) - server
    database = cpu_seconds(postgres.server.pid) - database
    peak = memory_bytes(howdah.server.pid)
    return Moved(rows, took, server / rows * 1e6, database / rows * 1e6, peak)


COLUMNS = "id, name, score, amount, day, at"


def streams(extras: Extras, place: Place, sizes: list[int]) -> None:
    """Many rows out, as NDJSON and CSV, against \\copy to CSV; then to a reader that is slow."""
    howdah = Howdah(place.running, place.postgres.port, "streams")
    try:
        forms = {"NDJSON": "application/x-ndjson", "CSV": "text/csv"}
        for rows in sizes:
            query = f"SELECT {COLUMNS} FROM items WHERE id <= {rows} ORDER BY id"
            for _ in range(place.rounds):
                copy = f"\\copy ({query}) TO '/dev/null' CSV HEADER"
                known = psql_copy(place.postgres, copy, rows)
                what = f"{rows:,} rows out"
                extras.move(what, r"psql \copy, CSV", known)
                for form, media in forms.items():
                    url = f"http://127.0.0.1:{howdah.port}/stream?n={rows}"
                    moved = curl_moves(howdah, place.postgres, ["-H", f"Accept: {media}", url], rows)
                    extras.move(what, f"Howdah, {form}", moved)
                    extras.add(f"{form} of {rows:,} rows", known.seconds / moved.seconds)
                    extras.add("stream memory", moved.peak_bytes / MB)
        forget_peak(howdah.server.pid)
        url = f"http://127.0.0.1:{howdah.port}/stream?n={max(sizes)}"
        slow = ["-H", "Accept: application/x-ndjson", "--limit-rate", "4M", url]
        # It is enough to see how much is held while the reader does not keep up.
        reader = subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-m", "4", *slow])
        reader.wait()
        extras.add("slow reader memory", memory_bytes(howdah.server.pid) / MB)
    finally:
        howdah.stop()


# What curl is told before the name of a file of NDJSON.
NDJSON_BODY = ["-H", "Expect:", "-H", "Content-Type: application/x-ndjson", "--data-binary"]


def write_loaded(folder: Path, rows: int) -> tuple[Path, Path]:
    """The rows of a load, as NDJSON and as CSV."""
    lines = folder / "bulk.ndjson", folder / "bulk.csv"
    with lines[0].open("w") as ndjson, lines[1].open("w") as csv:
        for at in range(rows):
            day, price = f"2021-{at % 12 + 1:02}-{at % 28 + 1:02}", at % 5000
            ndjson.write(f'{{"orig_code":"CNGGZ","dest_code":"EETLL","day":"{day}","price":{price}}}\n')
            csv.write(f"CNGGZ,EETLL,{day},{price}\n")
    return lines


def bulk(extras: Extras, place: Place, rows: int) -> None:
    """Many rows in, as NDJSON, against \\copy of the same rows from CSV."""
    lines = write_loaded(place.running, rows)
    howdah = Howdah(place.running, place.postgres.port, "bulk")
    try:
        for _ in range(place.rounds):
            place.postgres.psql("TRUNCATE loaded")
            known = psql_copy(place.postgres, f"\\copy loaded FROM '{lines[1]}' CSV", rows)
            place.postgres.psql("TRUNCATE loaded")
            sent = [*NDJSON_BODY, f"@{lines[0]}", f"http://127.0.0.1:{howdah.port}/loaded"]
            moved = curl_moves(howdah, place.postgres, sent, rows)
            there = int(place.postgres.psql("SELECT count(*) FROM loaded"))
            if there != rows:
                raise RuntimeError(f"{there} of {rows} rows went in")
            what = f"{rows:,} rows in"
            extras.move(what, r"psql \copy, CSV", known)
            extras.move(what, "Howdah, NDJSON", moved)
            extras.add("bulk", known.seconds / moved.seconds)
            extras.add("bulk memory", moved.peak_bytes / MB)
    finally:
        howdah.stop()


def cold_starts(extras: Extras, place: Place, count: int) -> None:
    """From the start of the process to its first answer from the database."""
    for _ in range(count):
        howdah = Howdah(place.running, place.postgres.port, patience=None)
        try:
            if answers(howdah.port, "/port?code=CNGGZ", 20, howdah.server) is None:
                raise RuntimeError("no answer")
            extras.add("cold start", 1000 * (time.monotonic() - howdah.server.began))
        finally:
            howdah.stop()


def unbatched(extras: Extras, place: Place) -> None:
    """One row, each by an execution of its own, against pgbench beside it."""
    howdah = Howdah(place.running, place.postgres.port, "unbatched")
    try:
        for _ in range(place.rounds):
            limit = pgbench.run(place.postgres, place.running, "row", 8, place.seconds)
            extras.add("unbatched", _load(howdah, place, "row").per_second / limit)
    finally:
        howdah.stop()
