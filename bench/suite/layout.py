"""Which functions run, so that they can lie together in the binary.

Callgrind says what a service executes from its start to its first answer, and what for its answers: one by
one, batched under many connections, streamed, taken in. The latter is what differs from a run without
requests. The list is for `scripts/ordered-cc`: what requests execute first, the busiest byte before the next,
then what only a start does.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import extras, instructions, paths
from .howdah import BENCH, BINARY, Howdah, Refused
from .load import wrk
from .postgres import Postgres

# What is asked of a service that listens on a port.
Work = Callable[[int], None]

ORDER = BENCH.parent / "scripts" / "functions.order"
ITEMS = 10_000
# What is measured by one connection, from `instructions`, and what needs many or other requests.
CONNECTIONS, SECONDS = 64, 3
# Names as they stand in the binary, each written out.
PLAIN = ["--demangle=no", "--compress-strings=no", "--compress-pos=no"]
# Instructions of a workload from which on a function is one of its own, and not of the clock's or a signal's.
NOTICED = 1000
# What runs and callgrind does not see: Landlock, which valgrind does not have; what comes before `main`,
# which it calls "(below main)"; locks that several want, for it runs one thread at a time; and where the
# processor has AVX-512, the C library has other functions for texts.
UNSEEN = re.compile(
    "landlock|howdah9hardening|canonicalize|realpath"
    "|_start|__libc_init|_dl_|_ifunc"
    "|__lll_|futex|contended|_evex"
)


def costs(lines: list[str]) -> dict[str, int]:
    """Instructions of each function itself, by its symbol, from a callgrind profile without compression."""
    own: dict[str, int] = {}
    function, of_call = "", False
    for line in lines:
        if line.startswith("fn="):
            # A function that calls itself appears once for each depth: `name'2`.
            function = line[3:].strip().partition("'")[0]
        elif line.startswith("calls="):
            of_call = True
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if not of_call:
                own[function] = own.get(function, 0) + int(line.split()[1])
            of_call = False
    return own


def sizes(said: str) -> dict[str, int]:
    """Bytes of each function, by its symbol, from what `nm --print-size` says."""
    rows = [line.split() for line in said.splitlines()]
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tTwWi"}


def ordered(start: dict[str, int], profiles: list[dict[str, int]], known: dict[str, int]) -> list[str]:
    """The functions of requests, the most instructions for a byte first; then those of the start alone."""
    hot: dict[str, float] = {}
    for profile in profiles:
        grown = {name: own - start.get(name, 0) for name, own in profile.items()}
        total = sum(grown.values())
        for name, own in grown.items():
            if own >= NOTICED and name in known:
                hot[name] = max(hot.get(name, 0), own / total / max(known[name], 16))
    names = sorted(hot, key=lambda name: (-hot[name], name))
    seen = set(names)
    executed = {name for profile in [start, *profiles] for name in profile} & known.keys()
    unseen = {name for name in known if UNSEEN.search(name)}
    return names + sorted((executed | unseen) - seen)


def profile(folder: Path, postgres: Postgres, feature: str | None, work: Work | None) -> dict[str, int]:
    """What a service executes that starts, does the work and ends."""
    out, said = folder / "callgrind.out", folder / "callgrind.log"
    out.unlink(missing_ok=True)
    files = [f"--callgrind-out-file={out}", f"--log-file={said}"]
    howdah = Howdah(
        folder,
        postgres.port,
        feature,
        prefix=["valgrind", "--tool=callgrind", *files, *PLAIN],
        arguments=["--threads", "2"],
        patience=120,
    )
    try:
        if work is not None:
            work(howdah.port)
    finally:
        howdah.stop()
    return costs(out.read_text().splitlines())


def one_by_one(path: str, count: int) -> Work:
    return lambda port: instructions.exchange(port, path, count)


def many(paths_of: Path) -> Work:
    """The batches and queues that one connection alone does not have."""
    return lambda port: extras.check_load(wrk(f"http://127.0.0.1:{port}", paths_of, CONNECTIONS, SECONDS))


def streamed(media: str) -> Work:
    url = "http://127.0.0.1:{port}/stream?n=" + str(ITEMS)
    return lambda port: extras.take(["-H", f"Accept: {media}", url.format(port=port)])


def loaded(folder: Path) -> Work:
    body = extras.write_loaded(folder, ITEMS)[0]
    return lambda port: extras.take([*extras.NDJSON_BODY, f"@{body}", f"http://127.0.0.1:{port}/loaded"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/layout")
    parser.parse_args()
    symbols = subprocess.run(["nm", "--print-size", str(BINARY)], capture_output=True, text=True)
    known = sizes(symbols.stdout)
    if not known:
        sys.exit(f"{BINARY} has no symbols: {symbols.stderr.strip() or 'it is stripped'}")
    folder = Path(tempfile.mkdtemp(prefix="howdah-layout-"))
    postgres = None
    try:
        postgres = Postgres(folder, ITEMS)
        files = paths.write(folder / "paths")
        works: list[tuple[str, str | None, Work]] = [
            *((name, None, one_by_one(*work)) for name, work in instructions.WORKLOADS.items()),
            *((f"{name}, {CONNECTIONS} connections", None, many(files[name])) for name in ("row", "rates")),
            *((media, "streams", streamed(media)) for media in ("application/x-ndjson", "text/csv")),
            ("rows in", "bulk", loaded(folder)),
        ]
        start = profile(folder, postgres, None, None)
        print(f"the start: {len(start)} functions", flush=True)
        profiles = []
        for name, feature, work in works:
            profiles.append(profile(folder, postgres, feature, work))
            print(f"{name}: {len(profiles[-1].keys() - start.keys())} more", flush=True)
    except (Refused, RuntimeError) as why:
        sys.exit(f"layout: {why}")
    finally:
        if postgres is not None:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    names = ordered(start, profiles, known)
    ORDER.write_text("".join(f"{name}\n" for name in names))
    print(f"{len(names)} functions, {sum(known[name] for name in names):,} bytes of {sum(known.values()):,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
