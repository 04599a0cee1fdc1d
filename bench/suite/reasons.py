"""Why a target is not met: what somebody has found out, and where the processor time goes."""

import tomllib

from .howdah import BENCH
from .rounds import TAKEN, WORKLOADS, Turns, taken
from .statistics import short, spread
from .targets import Measured, Row

FILE = BENCH / "reasons.toml"
KEYS = {title: key for key, title in WORKLOADS.items()}
# Whom a target is measured against, by its name among the contenders.
NAMES = {
    "hyper, by hand": "hyper",
    "axum with a pool, by hand": "axum",
    "Flask": "Flask, kept",
    "Flask, a kept connection": "Flask, kept",
}


def written() -> dict[str, str]:
    return tomllib.loads(FILE.read_text())


def name_of(row: Row) -> str:
    return f"{row.target.workload} | {row.target.against}"


def _times(it: Turns) -> str:
    return f"{short(spread(it.server_us).middle)} + {short(spread(it.postgres_us).middle)} µs"


def processor_time(row: Row, measured: Measured) -> str | None:
    """What a request takes of the processors, ours and theirs, where a ratio of speeds is judged."""
    turns = measured.results.get(KEYS.get(row.target.workload, ""), {})
    if row.target.unit not in ("×", "µs") or "Howdah" not in turns:
        return None
    ours = turns["Howdah"]
    if row.target.unit == "µs":
        if not ours.kernel_us:
            return None
        kernel = short(spread(ours.kernel_us).middle)
        said = f"{kernel} µs of it are the kernel's, for the calls that a request takes"
        # Microseconds of one machine are not those of another, nor of another hour of a shared one.
        by_hand = measured.results.get("none", {}).get("hyper")
        if by_hand is None:
            return said
        took = short(spread(by_hand.server_us).middle)
        return f"{said}; the service by hand took {took} µs without a database"
    said = f"a request takes {_times(ours)} of the processors, server and PostgreSQL"
    if ours.load_us:
        said += f", and {short(spread(ours.load_us).middle)} µs the load generator's"
    theirs = NAMES.get(row.target.against, row.target.against)
    return said + (f"; theirs {_times(turns[theirs])}" if theirs in turns else "")


def others(measured: Measured) -> str | None:
    """What other work took, where that is enough to be a reason."""
    if not any(it.others for turns in measured.results.values() for it in turns.values()):
        return None
    part = taken(measured.results).middle
    return f"other work took {100 * part:.0f} % of the processors" if part > TAKEN else None


def why(row: Row, measured: Measured, known: dict[str, str]) -> str:
    """Empty for what is met, or was not measured, which says so itself."""
    if row.verdict != "not met":
        return ""
    parts = [known.get(name_of(row)), processor_time(row, measured)]
    # Sizes do not depend on the moment.
    if row.target.unit != "MB":
        parts.append(others(measured))
    return "; ".join(it for it in parts if it) or "not known yet"
