"""`make bench`: starts everything, lets everybody take turns, writes what it has shown."""

import os
import shutil
import sys
import time
from pathlib import Path

from . import extras as extra
from . import facts, identities, paths, report, sameness, sizes
from .contenders import Contender, install, start
from .extras import Extras, Place, attempt
from .howdah import BENCH, BINARY, Howdah
from .postgres import Postgres
from .rounds import TAKEN, growth, rounds, rows, taken
from .targets import Measured, judge

# Rounds, seconds of a turn, connections, rows of streams, items in the table.
SIZES = {
    "quick": (2, 1, [1, 16, 64, 512], [200_000], 1_000_000),
    "default": (5, 3, [1, 4, 16, 64, 256, 512, 1024], [200_000, 1_000_000], 1_000_000),
    "full": (9, 8, [1, 4, 16, 64, 256, 512, 1024], [200_000, 1_000_000], 1_000_000),
}
NAMES = ["hyper", "axum", "Fastify", "SQLPage", "FastAPI", "Flask, kept", "Flask, as written"]
# Rounds of the growth with connections; and who is in it in a quick run.
GROWN, GROWN_QUICK = 3, ("Howdah", "axum")
# A load average before the run from which on the figures are called those of a busy machine.
BUSY = 0.7


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def features(measured: Extras, place: Place, streamed: list[int]) -> None:
    """What needs more of the service than four endpoints."""
    token = [f"Authorization: Bearer {identities.prepare(place.running)}"]
    work = {
        ("cold start",): lambda: extra.cold_starts(measured, place, 2 * place.rounds + 1),
        ("slow company",): lambda: extra.slow_company(measured, place),
        ("hot key",): lambda: extra.hot_key(measured, place),
        ("unbatched",): lambda: extra.unbatched(measured, place),
        ("claims",): lambda: extra.against_plain(measured, place, "claims", "claims", "row", headers=token),
        ("TLS",): lambda: extra.against_plain(measured, place, "TLS", "tls", "row", scheme="https"),
        tuple(
            [f"{form} of {count:,} rows" for count in streamed for form in ("NDJSON", "CSV")]
            + ["stream memory", "slow reader memory"]
        ): lambda: extra.streams(measured, place, streamed),
        ("bulk",): lambda: extra.bulk(measured, place, 50_000),
    }
    for names, step in work.items():
        say(names[0])
        attempt(measured, list(names), step)


def main() -> int:
    how = os.environ.get("BENCH", "default") or "default"
    if how not in SIZES:
        sys.exit(f"BENCH={how}: there are {', '.join(SIZES)}")
    count, seconds, connections, streamed, items = SIZES[how]
    if not BINARY.exists():
        sys.exit(f"{BINARY} is not there: scripts/static-binary builds it")
    before = os.getloadavg()[0]
    began = time.monotonic()
    missing = install(set(os.environ.get("BENCH_SKIP", "").split()), long=how != "quick")
    running = BENCH / ".running"
    shutil.rmtree(running, ignore_errors=True)
    running.mkdir()
    say("starting PostgreSQL, with a million rows and the rates")
    postgres = Postgres(running, items)
    started: list[Contender] = []
    try:
        files = paths.write(running / "paths")
        howdah = Howdah(running, postgres.port)
        # Each begins a round in its turn.
        started.append(Contender("Howdah", howdah.server, howdah.port))
        for name in NAMES:
            if name in missing:
                continue
            try:
                contender = start(name, postgres.url, running)
            except (RuntimeError, OSError) as why:
                missing[name] = str(why)
                continue
            try:
                sameness.check(started[0], contender, files)
                started.append(contender)
            except (sameness.Different, OSError) as why:
                contender.server.stop()
                missing[name] = f"its answers are not Howdah's: {why}"
        results, limits = rounds(started, postgres, files, running, count, seconds)
        say("as connections grow")
        compared = [it for it in started if "row" in it.paths and (how != "quick" or it.name in GROWN_QUICK)]
        grown = growth(compared, postgres, files["row"], connections, seconds, min(count, GROWN))
        say("as rows grow")
        many = rows(started[0], postgres, running, [1, 10, 100, 1000, 10_000, 100_000, 1_000_000], seconds)
        measured = Extras()
        few, lots = grown["Howdah"][64], grown["Howdah"][512]
        for one, other in zip(lots.per_second, few.per_second, strict=True):
            measured.add("512 clients", one / other)
        for peak in lots.peak_bytes:
            measured.add("512 memory", peak / 1e6)
        starts = {it.name: it.start_ms for it in started if it.name != "Howdah"}
        for contender in started:
            contender.server.stop()
        started.clear()
        features(measured, Place(running, postgres, files, count, seconds), streamed)
        if "cold start" in measured.figures:
            starts["Howdah, from the database"] = sorted(measured.figures["cold start"])[count]
        single = {"binary MB": BINARY.stat().st_size / 1e6}
        everything = Measured(results, limits, measured, missing, single)
        others = taken(results)
        known = facts.gather(postgres.version, before, f"{how}: {count} rounds of {seconds} s a turn")
        said = " – ".join(f"{100 * part:.0f}" for part in (others.least, others.middle, others.most))
        known.append(("processors taken by other work, turn by turn", f"{said} %"))
        warning = None
        if before > BUSY or others.middle > TAKEN:
            warning = (
                f"The machine was busy with other work (load average {before:.1f} before the run; "
                f"{100 * others.middle:.0f} % of the processors in the middle turn): "
                "these figures are no verdict."
            )
        judged = judge(everything)
        print(report.targets(judged, everything))
        report.plots(everything, grown, many)
        weighed = sizes.weigh()
        text = report.page(known, warning, judged, everything, grown, many, starts, weighed)
        report.write(report.PAGE, text)
        report.write(BENCH / "results.json", report.raw(everything, known, judged, grown, many, weighed))
        if warning:
            say(warning)
        say(f"done in {time.monotonic() - began:.0f} s")
    finally:
        for contender in started:
            contender.server.stop()
        postgres.stop()
    logs = Path(running)
    say(f"logs are in {logs.relative_to(BENCH.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
