"""What a run has shown: the table on the terminal, the page, the plots, the raw figures."""

import json
from dataclasses import asdict
from pathlib import Path

from . import reasons
from .howdah import BENCH, ROOT
from .rounds import WORKLOADS, Grown, Turns
from .sizes import Weight
from .statistics import short, spread
from .svg import bars, lines
from .targets import Measured, Row

PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"
MB = 1_000_000


def table(header: list[str], rows: list[list[str]]) -> str:
    out = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(out + ["| " + " | ".join(row) + " |" for row in rows])


def targets(rows: list[Row], measured: Measured) -> str:
    known = reasons.written()
    body = []
    for row in rows:
        figure = f"{row.figure} {row.target.unit}" if row.figure else ""
        verdict = f"**{row.verdict}**" if row.verdict == "not met" else row.verdict
        why = reasons.why(row, measured, known)
        body.append([row.target.workload, row.target.against, row.target.wanted, figure, verdict, why])
    return table(["workload", "against", "wanted", "least – middle – most", "", "why"], body)


FIGURES = ["a second", "p50 ms", "p99 ms", "p99.9 ms", "server µs", "PostgreSQL µs", "peak MB"]


def figures(it: Turns) -> list[str]:
    """The middle of each of them."""
    latency = [[getattr(load, key) for load in it.loads] for key in ("p50_ms", "p99_ms", "p999_ms")]
    memory = [peak / MB for peak in it.peak_bytes]
    values = [it.per_second, *latency, it.server_us, it.postgres_us, memory]
    return [short(spread(each).middle) for each in values]


def failed(it: Turns) -> str:
    """Says how many requests had no answer, or a wrong one, where that is more than a few."""
    errors, requests = sum(load.errors for load in it.loads), sum(load.requests for load in it.loads)
    return f" ({errors:,} of {requests:,} failed)" if errors > requests / 1000 else ""


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

    body += [
        [name + failed(turns[name]), *figures(turns[name])]
        for name in sorted(turns, key=per_second, reverse=True)
    ]
    return table(["", *FIGURES], body)


def plots(measured: Measured, grown: Grown, many: dict[int, Turns]) -> list[str]:
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
        name: [(float(count), spread(it.per_second).middle) for count, it in counts.items()]
        for name, counts in grown.items()
    }
    title = "one row: answers a second by connections"
    (PLOTS / "connections.svg").write_text(lines(title, "connections", points))
    across = {"Howdah": [(float(count), count * spread(it.per_second).middle) for count, it in many.items()]}
    title = "rows a second by rows in an answer, one client"
    (PLOTS / "rows.svg").write_text(lines(title, "rows in an answer", across))
    out = [
        (f"{who}: {what}", spread([it.per_second for it in rounds]).middle)
        for what, whom in measured.extras.moved.items()
        for who, rounds in whom.items()
    ]
    drawn = bars("many rows: rows a second", [(name, value, short(value)) for name, value in out])
    (PLOTS / "many.svg").write_text(drawn)
    return names


def growth(grown: Grown) -> str:
    body = []
    for count in next(iter(grown.values())):
        named = str(count)
        for name, counts in grown.items():
            body.append([named, name + failed(counts[count]), *figures(counts[count])])
            named = ""
    return table(["connections", "", *FIGURES], body)


def rows(many: dict[int, Turns]) -> str:
    body = [
        [f"{count:,}", short(count * spread(it.per_second).middle), *figures(it)]
        for count, it in many.items()
    ]
    return table(["rows", "rows a second", "answers a second", *FIGURES[1:]], body)


def moved(measured: Measured) -> str:
    body = []
    for what, whom in measured.extras.moved.items():
        for who, rounds in whom.items():
            values = [
                [it.per_second for it in rounds],
                [it.seconds for it in rounds],
                [it.own_us for it in rounds],
                [it.postgres_us for it in rounds],
                [it.peak_bytes / MB for it in rounds],
            ]
            body.append([what, who, *(short(spread(each).middle) for each in values)])
    header = ["", "", "rows a second", "seconds", "own µs a row", "PostgreSQL µs a row", "peak MB"]
    return table(header, body)


def sizes(weighed: list[Weight]) -> str:
    body = [
        [it.name, it.what, "NOT MEASURED: " + it.why if it.size is None else short(it.size / MB)]
        for it in weighed
    ]
    return table(["", "", "MB"], body)


def page(
    facts: list[tuple[str, str]],
    warning: str | None,
    judged: list[Row],
    measured: Measured,
    grown: Grown,
    many: dict[int, Turns],
    starts: dict[str, float],
    weighed: list[Weight],
) -> str:
    """The whole of docs/performance.md."""
    parts = [(BENCH / "performance.head.md").read_text().rstrip()]
    if warning:
        parts.append(f"> **{warning}**")
    parts.append("## The machine\n\n" + table(["", ""], [list(it) for it in facts]))
    parts.append("## What must be reached\n\n" + targets(judged, measured))
    for workload, title in WORKLOADS.items():
        plot = f"![{title}](performance/{workload}.svg)"
        parts.append(f"## {title[0].upper() + title[1:]}\n\n{plot}\n\n{contenders(measured, workload)}")
    plot = "![by connections](performance/connections.svg)"
    parts.append(f"## As connections grow: one row\n\n{plot}\n\n{growth(grown)}")
    if many:
        plot = "![by rows](performance/rows.svg)"
        parts.append(f"## As rows grow: one client\n\n{plot}\n\n{rows(many)}")
    if measured.extras.moved:
        plot = "![many rows](performance/many.svg)"
        parts.append(f"## Many rows, out and in\n\n{plot}\n\n{moved(measured)}")
    began = table(
        ["", "ms"], [[name, short(ms)] for name, ms in sorted(starts.items(), key=lambda it: it[1])]
    )
    parts.append(f"## From the start to the first answer without a database\n\n{began}")
    parts.append(f"## On disk\n\n{sizes(weighed)}")
    if measured.missing:
        body = [[name, why] for name, why in measured.missing.items()]
        parts.append("## Not measured\n\n" + table(["", "why"], body))
    parts.append((BENCH / "performance.tail.md").read_text().rstrip())
    return "\n\n".join(parts) + "\n"


def raw(
    measured: Measured,
    facts: list[tuple[str, str]],
    judged: list[Row],
    grown: Grown,
    many: dict[int, Turns],
    weighed: list[Weight],
) -> str:
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
            name: {count: it.to_json() for count, it in counts.items()} for name, counts in grown.items()
        },
        "rows": {count: it.to_json() for count, it in many.items()},
        "moved": {
            what: {who: [asdict(it) for it in rounds] for who, rounds in whom.items()}
            for what, whom in measured.extras.moved.items()
        },
        "sizes": [it.to_json() for it in weighed],
    }
    return json.dumps(document, indent=1) + "\n"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    print(f"bench: wrote {path.relative_to(ROOT)}", flush=True)
