"""The rounds: within each, every contender takes its turn at a workload."""

from dataclasses import dataclass, field
from pathlib import Path

from . import pgbench
from .contenders import Contender
from .load import Load, wrk
from .postgres import Postgres
from .processes import cpu_seconds, forget_peak, memory_bytes

CONNECTIONS = 64
WORKLOADS = {
    "none": "no database",
    "row": "one row",
    "rates": "/rates, 31 days",
    "items": "500 mixed rows",
}


@dataclass
class Turns:
    """What one contender did at one workload, round by round."""

    loads: list[Load] = field(default_factory=list)
    # Processor time a request, in microseconds: the server's and PostgreSQL's.
    server_us: list[float] = field(default_factory=list)
    postgres_us: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)

    @property
    def per_second(self) -> list[float]:
        return [it.per_second for it in self.loads]

    def to_json(self) -> dict[str, object]:
        return {
            "loads": [it.to_json() for it in self.loads],
            "server_us": self.server_us,
            "postgres_us": self.postgres_us,
            "peak_bytes": self.peak_bytes,
        }


def turn(
    contender: Contender,
    postgres: Postgres,
    paths: Path,
    seconds: float,
    into: Turns,
    connections: int = CONNECTIONS,
    headers: list[str] | None = None,
    scheme: str = "http",
) -> None:
    """One contender's turn: a load, with the processor time of both sides around it."""
    url = f"{scheme}://127.0.0.1:{contender.port}"
    forget_peak(contender.server.pid)
    server, database = cpu_seconds(contender.server.pid), cpu_seconds(postgres.server.pid)
    load = wrk(url, paths, connections, seconds, headers)
    server = cpu_seconds(contender.server.pid) - server
    database = cpu_seconds(postgres.server.pid) - database
    answered = max(1, load.requests)
    into.loads.append(load)
    into.server_us.append(server / answered * 1e6)
    into.postgres_us.append(database / answered * 1e6)
    into.peak_bytes.append(memory_bytes(contender.server.pid))


Results = dict[str, dict[str, Turns]]


def rounds(
    contenders: list[Contender],
    postgres: Postgres,
    files: dict[str, Path],
    folder: Path,
    count: int,
    seconds: float,
) -> tuple[Results, dict[str, dict[str, list[float]]]]:
    """Every workload by every contender, so many times in turn; and pgbench among them."""
    results: Results = {workload: {} for workload in WORKLOADS}
    limits: dict[str, dict[str, list[float]]] = {}
    best: dict[str, int] = {}
    for at in range(count):
        print(f"bench: round {at + 1} of {count}", flush=True)
        for workload in WORKLOADS:
            if workload != "none":
                known = limits.setdefault(workload, {"8": [], "best": []})
                known["8"].append(pgbench.run(postgres, folder, workload, 8, seconds))
                if workload not in best:
                    best[workload] = pgbench.best(postgres, folder, workload)[0]
                known["best"].append(pgbench.run(postgres, folder, workload, best[workload], seconds))
                known["best_connections"] = [float(best[workload])]
            for contender in contenders:
                if workload in contender.paths:
                    turns = results[workload].setdefault(contender.name, Turns())
                    turn(contender, postgres, files[workload], seconds, turns)
    return results, limits


def growth(
    contenders: list[Contender],
    postgres: Postgres,
    paths: Path,
    counts: list[int],
    seconds: float,
) -> dict[str, list[tuple[int, Load, int]]]:
    """One row for each number of connections: the load and the peak memory."""
    grown: dict[str, list[tuple[int, Load, int]]] = {it.name: [] for it in contenders}
    for count in counts:
        for contender in contenders:
            turns = Turns()
            turn(contender, postgres, paths, seconds, turns, connections=count)
            grown[contender.name].append((count, turns.loads[0], turns.peak_bytes[0]))
    return grown


def rows(
    contender: Contender, postgres: Postgres, folder: Path, counts: list[int], seconds: float
) -> list[tuple[int, Load, int]]:
    """Answers of so many rows, to one client: the load and the peak memory."""
    grown = []
    for count in counts:
        file = folder / "first.paths"
        file.write_text(f"/first?n={count}\n")
        turns = Turns()
        turn(contender, postgres, file, seconds, turns, connections=1)
        grown.append((count, turns.loads[0], turns.peak_bytes[0]))
    return grown
