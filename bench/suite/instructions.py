"""Instructions that the server executes for a request, counted by callgrind.

A count does not depend on what else the machine does, as a time would. Each workload is run with N
and with 2 N requests; the difference is N requests without the start. The server alone is under
valgrind; the one client sends a request when it has the answer to the one before.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from .howdah import BENCH, BINARY, Howdah, Refused
from .postgres import Postgres

BASELINE = BENCH / "instructions.toml"
# More than a request may grow by.
TOLERANCE = 0.05
# Path and N. A heavier request needs fewer for the same precision.
WORKLOADS = {
    "no_database": ("/", 2000),
    "one_row": ("/port?code=EETLL", 2000),
    "rates": (
        "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNGGZ&dest_code=EETLL",
        1000,
    ),
    "rows_500": ("/items?after=1000", 200),
}
# Before counting begins every statement is prepared and every buffer has grown, in both runs alike.
WARM_UP = 50


def exchange(port: int, path: str, count: int) -> None:
    """Sends `count` requests over one connection, each after the answer to the one before."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), 60) as it:
        it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left = b""
        for _ in range(count):
            it.sendall(request)
            while b"\r\n\r\n" not in left:
                left += receive(it)
            head, _, left = left.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{path}: {head.splitlines()[0].decode(errors='replace')}")
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            while len(left) < length:
                left += receive(it)
            left = left[length:]


def receive(it: socket.socket) -> bytes:
    part = it.recv(1 << 16)
    if not part:
        raise SystemExit("the server closed the connection: see its log")
    return part


def collected(log: str) -> int:
    """What callgrind says at its end: `Collected : 12345`."""
    found = re.search(r"Collected\s*:\s*(\d+)", log)
    if not found:
        raise ValueError("callgrind said no count")
    return int(found[1])


def run(folder: Path, postgres: Postgres, path: str, count: int) -> int:
    """Instructions of a process that answers WARM_UP + count requests, from start to end."""
    said = folder / "callgrind.log"
    said.unlink(missing_ok=True)
    prefix = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={said}"]
    # valgrind makes system calls and opens files that the program itself never would.
    shelter = {"HOWDAH_HARDENING_FILES": "off", "HOWDAH_HARDENING_SYSTEM_CALLS": "off"}
    howdah = Howdah(
        folder,
        postgres.port,
        prefix=prefix,
        arguments=["--threads", "1"],
        patience=120,
        environment=shelter,
    )
    try:
        exchange(howdah.port, path, WARM_UP + count)
    finally:
        howdah.stop()
    return collected(said.read_text())


def per_request(once: int, twice: int, count: int) -> int:
    return round((twice - once) / count)


def compare(baseline: dict[str, int], now: dict[str, int]) -> list[str]:
    """What has grown by more than it may, and what nobody has looked at yet."""
    wrong = []
    for name, count in now.items():
        known = baseline.get(name)
        if known is None:
            wrong.append(f"{name} has no baseline")
        elif count > known * (1 + TOLERANCE):
            wrong.append(f"{name} grew by {100 * (count / known - 1):.1f} %: {known} → {count}")
    return wrong


def write(counts: dict[str, int]) -> None:
    lines = [
        "# Instructions of the server for a request: `HOWDAH_BLESS=1 scripts/instructions` writes them.",
        "# scripts/instructions fails when one grows by 5 %.",
        "",
        *(f"{name} = {count}" for name, count in counts.items()),
    ]
    BASELINE.write_text("\n".join(lines) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/instructions")
    parser.add_argument("workload", nargs="*", metavar="WORKLOAD", help="all, when none is named")
    parser.add_argument("--spread", type=int, default=1, metavar="N", help="count N times and say the spread")
    arguments = parser.parse_args()
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not there: cargo build --release")
    if unknown := set(arguments.workload) - WORKLOADS.keys():
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    wanted = arguments.workload or list(WORKLOADS)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="howdah-instructions-"))
    now: dict[str, int] = {}
    postgres = None
    try:
        postgres = Postgres(folder, 10_000)
        for name in wanted:
            path, count = WORKLOADS[name]
            counts = []
            for _ in range(arguments.spread):
                once = run(folder, postgres, path, count)
                counts.append(per_request(once, run(folder, postgres, path, 2 * count), count))
            now[name] = sorted(counts)[len(counts) // 2]
            spread = (max(counts) - min(counts)) / now[name] * 100
            more = f"  spread of {len(counts)}: {spread:.2f} %" if len(counts) > 1 else ""
            print(f"{name:12} {now[name]:>9} instructions a request{more}", flush=True)
    except Refused as refused:
        sys.exit(f"howdah: {refused}")
    finally:
        if postgres is not None:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"counted in {time.monotonic() - began:.0f} s")
    baseline = tomllib.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if os.environ.get("HOWDAH_BLESS"):
        write({**baseline, **now})
        return 0
    wrong = compare(baseline, now)
    for line in wrong:
        print(f"instructions: {line}")
    if wrong:
        print("instructions: HOWDAH_BLESS=1 scripts/instructions writes the new ones, when they are meant")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(str(error))
