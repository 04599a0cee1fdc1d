"""What must be reached, side by side in one run on a machine with two processors."""

from collections.abc import Callable
from dataclasses import dataclass

from .extras import Extras
from .rounds import Results
from .statistics import Spread, ratios, spread


@dataclass(frozen=True)
class Measured:
    """Everything that a run has shown."""

    results: Results
    limits: dict[str, dict[str, list[float]]]
    extras: Extras
    missing: dict[str, str]
    # Without a spread: one figure.
    single: dict[str, float]


@dataclass(frozen=True)
class Target:
    """A row of the table. `value` gives the figure, or raises what says why there is none."""

    workload: str
    against: str
    bound: float
    unit: str
    value: Callable[[Measured], Spread]
    # Whether less is better.
    most: bool = False

    def met(self, figure: Spread) -> bool:
        return figure.middle <= self.bound if self.most else figure.middle >= self.bound

    @property
    def wanted(self) -> str:
        sign = "at most" if self.most else "at least"
        return f"{sign} {self.bound:g} {self.unit}".strip()


class NotMeasured(Exception):
    """Why there is no figure."""


def _times(workload: str, name: str) -> Callable[[Measured], Spread]:
    def value(it: Measured) -> Spread:
        turns = it.results.get(workload, {})
        if name not in turns:
            raise NotMeasured(it.missing.get(name, f"{name} was not there"))
        if "Howdah" not in turns:
            raise NotMeasured("Howdah was not there")
        return ratios(turns["Howdah"].per_second, turns[name].per_second)

    return value


def _limit(workload: str, which: str) -> Callable[[Measured], Spread]:
    def value(it: Measured) -> Spread:
        return ratios(it.results[workload]["Howdah"].per_second, it.limits[workload][which])

    return value


def _cpu(workload: str) -> Callable[[Measured], Spread]:
    return lambda it: spread(it.results[workload]["Howdah"].server_us)


def _memory(workload: str) -> Callable[[Measured], Spread]:
    return lambda it: spread([peak / 1e6 for peak in it.results[workload]["Howdah"].peak_bytes])


def _extra(name: str, reason: str | None = None) -> Callable[[Measured], Spread]:
    def value(it: Measured) -> Spread:
        if name not in it.extras.figures:
            known = it.extras.missing.get(name) or it.extras.missing.get(reason or "")
            raise NotMeasured(known or "not in a run of this size (BENCH=default)")
        return spread(it.extras.figures[name])

    return value


def _single(name: str) -> Callable[[Measured], Spread]:
    def value(it: Measured) -> Spread:
        if name not in it.single:
            raise NotMeasured(it.missing.get(name, "it was not looked at"))
        return spread([it.single[name]])

    return value


TARGETS = [
    Target("no database", "hyper, by hand", 1.0, "×", _times("none", "hyper")),
    Target("no database", "Flask", 20, "×", _times("none", "Flask, kept")),
    Target("no database", "processor time", 8, "µs", _cpu("none"), most=True),
    Target("one row, unbatched", "pgbench, 8 connections", 0.80, "×", _extra("unbatched")),
    Target("one row", "pgbench, 8 connections", 1.15, "×", _limit("row", "8")),
    Target("one row", "pgbench, its best connections", 1.0, "×", _limit("row", "best")),
    Target("one row", "axum with a pool, by hand", 2.2, "×", _times("row", "axum")),
    Target("one row", "FastAPI", 12, "×", _times("row", "FastAPI")),
    Target("one row", "Flask, a kept connection", 20, "×", _times("row", "Flask, kept")),
    Target("one row", "Flask, as written", 200, "×", _times("row", "Flask, as written")),
    Target("one row", "processor time", 9, "µs", _cpu("row"), most=True),
    Target("/rates, 31 days", "pgbench, 8 connections", 0.85, "×", _limit("rates", "8")),
    Target("/rates, 31 days", "axum with a pool, by hand", 1.9, "×", _times("rates", "axum")),
    Target("/rates, 31 days", "Flask, as written", 14, "×", _times("rates", "Flask, as written")),
    Target("/rates, 31 days", "processor time", 18, "µs", _cpu("rates"), most=True),
    Target("500 mixed rows", "pgbench, 8 connections", 0.90, "×", _limit("items", "8")),
    Target("500 mixed rows", "axum with a pool, by hand", 3, "×", _times("items", "axum")),
    Target("500 mixed rows", "Flask, a kept connection", 14, "×", _times("items", "Flask, kept")),
    Target("500 mixed rows", "processor time", 170, "µs", _cpu("items"), most=True),
    Target("512 clients, one row", "64 clients", 1.0, "×", _extra("512 clients")),
    Target("one hot key of /rates", "without coalescing", 3, "×", _extra("hot key")),
    Target("beside 4 of 64 in 200 ms", "the others alone", 0.85, "×", _extra("slow company")),
    Target("beside 4 of 64 in 200 ms", "p99", 6, "ms", _extra("slow company p99", "slow company"), most=True),
    Target("role and claims", "one row without", 0.75, "×", _extra("claims")),
    Target("TLS to the client, kept", "plain", 0.95, "×", _extra("TLS")),
    Target("200,000 rows as NDJSON", r"psql \copy to CSV", 1.5, "×", _extra("NDJSON of 200,000 rows")),
    Target("200,000 rows as CSV", r"psql \copy to CSV", 1.1, "×", _extra("CSV of 200,000 rows")),
    Target("1,000,000 rows as NDJSON", r"psql \copy to CSV", 1.5, "×", _extra("NDJSON of 1,000,000 rows")),
    Target("1,000,000 rows as CSV", r"psql \copy to CSV", 1.1, "×", _extra("CSV of 1,000,000 rows")),
    Target("streams", "peak memory", 16, "MB", _extra("stream memory"), most=True),
    Target("streams, slow reader", "peak memory", 16, "MB", _extra("slow reader memory"), most=True),
    Target("50,000 rows in, NDJSON", r"psql \copy", 1.0, "×", _extra("bulk")),
    Target("50,000 rows in", "peak memory", 12, "MB", _extra("bulk memory", "bulk"), most=True),
    Target("64 clients, one row", "peak memory", 10, "MB", _memory("row"), most=True),
    Target("512 clients, one row", "peak memory", 20, "MB", _extra("512 memory"), most=True),
    Target("first answer", "from the start", 30, "ms", _extra("cold start"), most=True),
    Target("binary", "size", 8, "MB", _single("binary MB"), most=True),
]


@dataclass(frozen=True)
class Row:
    """A target with what was measured."""

    target: Target
    figure: Spread | None
    verdict: str


def judge(measured: Measured) -> list[Row]:
    rows = []
    for target in TARGETS:
        try:
            figure = target.value(measured)
        except (NotMeasured, KeyError, ValueError) as why:
            rows.append(Row(target, None, f"NOT MEASURED: {why}"))
            continue
        rows.append(Row(target, figure, "met" if target.met(figure) else "not met"))
    return rows
