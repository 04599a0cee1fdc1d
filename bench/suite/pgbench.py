"""The limit: pgbench runs the same prepared statements with no HTTP in between."""

import re
from pathlib import Path

from .contenders import CONTENDERS
from .load import pgbench
from .postgres import Postgres

ARGUMENTS = {
    "row": {"p1": "CNGGZ"},
    "rates": {"p1": "2021-01-01", "p2": "2021-01-31", "p3": "CNGGZ", "p4": "EETLL"},
    "items": {},
}
STATEMENTS = {"row": "port", "rates": "rates", "items": "items"}
# Where the contenders take turns, so does it.
SETS = {"items": "\\set p1 random(0, 900000)\n"}


def script(workload: str) -> str:
    """The statement in pgbench's words: `:p1` for `$1`."""
    sql = (CONTENDERS / "sql" / f"{STATEMENTS[workload]}.sql").read_text()
    # A parameter whose type is not clear from where it stands is cast; pgbench sends text.
    text = re.sub(r"\$(\d+)", r":p\1", sql)
    if workload == "items":
        text = text.replace(":p1", ":p1::int4")
    if workload == "rates":
        text = text.replace("BETWEEN :p1 AND :p2", "BETWEEN :p1::date AND :p2::date")
    return SETS.get(workload, "") + text.strip().rstrip(";") + ";\n"


def run(postgres: Postgres, folder: Path, workload: str, connections: int, seconds: float) -> float:
    """Statements a second."""
    file = folder / f"{workload}.pgbench"
    file.write_text(script(workload))
    defined = ARGUMENTS[workload]
    program = postgres.bin / "pgbench"
    return pgbench(program, postgres.port, file, defined, connections, seconds)[0]


def best(postgres: Postgres, folder: Path, workload: str) -> tuple[int, float]:
    """The number of connections with which it does most, and how many it does."""
    tried = {count: run(postgres, folder, workload, count, 1) for count in (1, 2, 4, 8, 16)}
    count = max(tried, key=lambda it: tried[it])
    return count, tried[count]
