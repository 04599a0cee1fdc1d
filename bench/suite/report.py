"""What a run has shown: the table on the terminal, the page, the plots, the raw figures."""

import json
from pathlib import Path

from .howdah import BENCH, ROOT
from .rounds import WORKLOADS
from .statistics import short, spread
from .svg import bars, lines
from .targets import Measured, Row

PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"
MB = 1_000_000


def table(header: list[str], rows: list[list[str]]) -> str:
    out = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(out + ["| " + " | ".join(row) + " |" for row in rows])


def targets(rows: list[Row]) -> str:
    body = []
    for row in rows:
        figure = f"{row.figure} {row.target.unit}" if row.figure else ""
        verdict = f"**{row.verdict}**" if row.verdict == "not met" else row.verdict
        body.append([row.target.workload, row.target.against, row.target.wanted, figure, verdict])
    return table(["workload", "against", "wanted", "least – middle – most", ""], body)


def contenders(measured: Measured, workload: str) -> str:
    turns = measured.results[workload]
    limit = measured.limits.get(workload)
    body = []
    if limit:
        body.append(["pgbench, 8 connections", short(spread(limit["8"]).middle), *[""] * 6])
        name = f"pgbench, {limit['best_connections'][0]:.0f}, its best"
        body.append([name, short(spread(limit["best"]).middle), *[""] * 6])

    def per_second(name: str) -> float:
        return spread(turns[name].per_second).middle

    for name in sorted(turns, key=per_second, reverse=True):
        it = turns[name]
        latency = [
            short(spread([getattr(load, key) for load in it.loads]).middle)
            for key in ("p50_ms", "p99_ms", "p999_ms")
        ]
        cpu = [short(spread(values).middle) for values in (it.server_us, it.postgres_us)]
        memory = short(spread([peak / MB for peak in it.peak_bytes]).middle)
        body.append([name, short(per_second(name)), *latency, *cpu, memory])
    header = ["", "a second", "p50 ms", "p99 ms", "p99.9 ms", "server µs", "PostgreSQL µs", "peak MB"]
    return table(header, body)


def plots(measured: Measured, grown: dict, many: list) -> list[str]:
    """Writes the plots; gives their names."""
    PLOTS.mkdir(exist_ok=True)
    names = []
    for workload, title in WORKLOADS.items():
        rows = [(name, spread(it.per_second).middle) for name, it in measured.results[workload].items()]
        if workload in measured.limits:
            rows.append(("pgbench, 8 connections", spread(measured.limits[workload]["8"]).middle))
        rows.sort(key=lambda it: -it[1])
        drawn = bars(f"{title}: answers a second", [(n, v, short(v)) for n, v in rows])
        (PLOTS / f"{workload}.svg").write_text(drawn)
        names.append(workload)
    points = {
        name: [(float(count), load.per_second) for count, load, _ in figures]
        for name, figures in grown.items()
    }
    title = "one row: answers a second by connections"
    (PLOTS / "connections.svg").write_text(lines(title, "connections", points))
    across = {"Howdah": [(float(count), count * load.per_second) for count, load, _ in many]}
    title = "rows a second by rows in an answer, one client"
    (PLOTS / "rows.svg").write_text(lines(title, "rows in an answer", across))
    return names


def growth(grown: dict) -> str:
    counts = [count for count, _, _ in next(iter(grown.values()))]
    body = []
    for at, count in enumerate(counts):
        row = [str(count)]
        for figures in grown.values():
            _, load, peak = figures[at]
            row += [short(load.per_second), short(load.p99_ms), short(peak / MB)]
        body.append(row)
    header = ["connections"]
    for name in grown:
        header += [f"{name}, a second", "p99 ms", "peak MB"]
    return table(header, body)


def rows(many: list) -> str:
    body = [
        [
            f"{count:,}",
            short(load.per_second),
            short(count * load.per_second),
            short(load.p50_ms),
            short(peak / MB),
        ]
        for count, load, peak in many
    ]
    return table(["rows", "answers a second", "rows a second", "p50 ms", "peak MB"], body)


def page(
    facts: list[tuple[str, str]],
    warning: str | None,
    judged: list[Row],
    measured: Measured,
    grown: dict,
    many: list,
    starts: dict[str, float],
) -> str:
    """The whole of docs/performance.md."""
    parts = [(BENCH / "performance.head.md").read_text().rstrip()]
    if warning:
        parts.append(f"> **{warning}**")
    parts.append("## The machine\n\n" + table(["", ""], [list(it) for it in facts]))
    parts.append("## What must be reached\n\n" + targets(judged))
    for workload, title in WORKLOADS.items():
        plot = f"![{title}](performance/{workload}.svg)"
        parts.append(f"## {title[0].upper() + title[1:]}\n\n{plot}\n\n{contenders(measured, workload)}")
    plot = "![by connections](performance/connections.svg)"
    parts.append(f"## As connections grow: one row\n\n{plot}\n\n{growth(grown)}")
    if many:
        plot = "![by rows](performance/rows.svg)"
        parts.append(f"## As rows grow: one client\n\n{plot}\n\n{rows(many)}")
    began = table(
        ["", "ms"], [[name, short(ms)] for name, ms in sorted(starts.items(), key=lambda it: it[1])]
    )
    parts.append(f"## From the start to the first answer without a database\n\n{began}")
    if measured.missing:
        body = [[name, why] for name, why in measured.missing.items()]
        parts.append("## Not measured\n\n" + table(["", "why"], body))
    parts.append((BENCH / "performance.tail.md").read_text().rstrip())
    return "\n\n".join(parts) + "\n"


def raw(measured: Measured, facts: list[tuple[str, str]], judged: list[Row], grown: dict, many: list) -> str:
    """bench/results.json."""
    document = {
        "facts": dict(facts),
        "targets": [
            {
                "workload": row.target.workload,
                "against": row.target.against,
                "wanted": row.target.wanted,
                "figure": row.figure.to_json() if row.figure else None,
                "verdict": row.verdict,
            }
            for row in judged
        ],
        "turns": {
            workload: {name: it.to_json() for name, it in turns.items()}
            for workload, turns in measured.results.items()
        },
        "pgbench": measured.limits,
        "extras": measured.extras.figures,
        "not_measured": {**measured.missing, **measured.extras.missing},
        "connections": {
            name: [[count, load.to_json(), peak] for count, load, peak in figures]
            for name, figures in grown.items()
        },
        "rows": [[count, load.to_json(), peak] for count, load, peak in many],
    }
    return json.dumps(document, indent=1) + "\n"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    print(f"bench: wrote {path.relative_to(ROOT)}", flush=True)
