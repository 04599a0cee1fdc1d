"""The rounds: within each, every contender takes its turn at a workload."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import pgbench
from .contenders import Contender
from .load import Load, wrk
from .postgres import Postgres
from .processes import busy_seconds, cpu_seconds, forget_peak, kernel_seconds, memory_bytes, settle
from .statistics import Spread, spread

CONNECTIONS = 64
# What others take of the processors in the middle turn, from which on a machine is called busy.
TAKEN = 0.05
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
    # The part of the processors that work outside of the suite took meanwhile.
    others: list[float] = field(default_factory=list)
    # Microseconds a request: of the server's processor time the kernel's part, and the load generator's.
    kernel_us: list[float] = field(default_factory=list)
    load_us: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> list[float]:
        return [it.per_second for it in self.loads]

    def to_json(self) -> dict[str, object]:
        return {
            "loads": [it.to_json() for it in self.loads],
            "server_us": self.server_us,
            "postgres_us": self.postgres_us,
            "peak_bytes": self.peak_bytes,
            "others": self.others,
            "kernel_us": self.kernel_us,
            "load_us": self.load_us,
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
    # Whoever was measured before may still work at requests that nobody waits for any more.
    settle()
    forget_peak(contender.server.pid)
    server, database = cpu_seconds(contender.server.pid), cpu_seconds(postgres.server.pid)
    kernel = kernel_seconds(contender.server.pid)
    began, all_of_it, mine = time.monotonic(), busy_seconds(), cpu_seconds(os.getpid())
    load = wrk(url, paths, connections, seconds, headers)
    all_of_it, mine = busy_seconds() - all_of_it, cpu_seconds(os.getpid()) - mine
    server = cpu_seconds(contender.server.pid) - server
    database = cpu_seconds(postgres.server.pid) - database
    kernel = kernel_seconds(contender.server.pid) - kernel
    answered = max(1, load.requests)
    into.loads.append(load)
    into.server_us.append(server / answered * 1e6)
    into.postgres_us.append(database / answered * 1e6)
    into.kernel_us.append(kernel / answered * 1e6)
    # What is left of the suite's own is wrk's.
    into.load_us.append(max(0.0, mine - server - database) / answered * 1e6)
    into.peak_bytes.append(memory_bytes(contender.server.pid))
    room = (time.monotonic() - began) * (os.cpu_count() or 1)
    into.others.append(max(0.0, all_of_it - mine) / room)


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
            first = at % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                if workload in contender.paths:
                    turns = results[workload].setdefault(contender.name, Turns())
                    turn(contender, postgres, files[workload], seconds, turns)
    return results, limits


def taken(results: Results) -> Spread:
    """The part of the processors that work outside of the suite took, turn by turn."""
    return spread([part for turns in results.values() for it in turns.values() for part in it.others])


Grown = dict[str, dict[int, Turns]]


def growth(
    contenders: list[Contender],
    postgres: Postgres,
    paths: Path,
    counts: list[int],
    seconds: float,
    rounds: int,
) -> Grown:
    """One row for each number of connections, so many times in turn."""
    grown: Grown = {it.name: {count: Turns() for count in counts} for it in contenders}
    for at in range(rounds):
        first = at % len(contenders)
        for count in counts:
            for contender in contenders[first:] + contenders[:first]:
                into = grown[contender.name][count]
                turn(contender, postgres, paths, seconds, into, connections=count)
    return grown


def rows(
    contender: Contender, postgres: Postgres, folder: Path, counts: list[int], seconds: float
) -> dict[int, Turns]:
    """Answers of so many rows, to one client."""
    grown = {}
    for count in counts:
        file = folder / "first.paths"
        file.write_text(f"/first?n={count}\n")
        grown[count] = Turns()
        # A million rows take a second or two on a busy machine.
        lasts = max(seconds, 5 * count / 1_000_000)
        turn(contender, postgres, file, lasts, grown[count], connections=1)
    return grown
