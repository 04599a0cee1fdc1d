"""Whether the contenders answer with the same data: who answers faster with less has won nothing.

Only the data count. An envelope, a row alone or in an array of one, a number as a number or as a string, and
the ways to write a moment are each contender's own.
"""

import http.client
import json
from datetime import UTC, datetime
from pathlib import Path

from .contenders import Contender

# Requests of each workload that are compared.
COMPARED = 4


class Different(Exception):
    """What differs."""


def value(it: object) -> object:
    """A value in the form that is compared."""
    if it is None or isinstance(it, bool):
        return it
    try:
        # What a double holds of it is common to all.
        return float(f"{float(str(it)):.12g}")
    except ValueError:
        pass
    text = str(it)
    if len(text) > 10:
        try:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC).isoformat() if moment.tzinfo else text
        except ValueError:
            pass
    return text


def rows(body: bytes) -> list[dict[str, object]]:
    """The rows of an answer."""
    document = json.loads(body)
    if isinstance(document, dict) and len(document) == 1:
        inner = next(iter(document.values()))
        document = inner if isinstance(inner, list) else document
    found = document if isinstance(document, list) else [document]
    if not all(isinstance(row, dict) for row in found):
        raise Different("the answer is not made of rows")
    return [{name: value(it) for name, it in row.items()} for row in found]


def fetch(port: int, path: str) -> list[dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise Different(f"GET {path} is answered with {answer.status}")
    try:
        return rows(body)
    except ValueError as why:
        raise Different(f"GET {path} is not answered with JSON") from why


def difference(ours: list[dict[str, object]], theirs: list[dict[str, object]]) -> str | None:
    """What differs first; None when nothing does. The order of rows counts, that of columns does not."""
    if len(ours) != len(theirs):
        return f"{len(theirs)} rows, not {len(ours)}"
    for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one.keys() != other.keys():
            return f"row {at + 1} has the columns {', '.join(other)}"
        for name, expected in one.items():
            if expected != other[name]:
                return f"`{name}` of row {at + 1} is {other[name]!r}, not {expected!r}"
    return None


def check(first: Contender, other: Contender, files: dict[str, Path]) -> None:
    """Compares what both answer, workload by workload."""
    for workload in sorted(other.paths & first.paths):
        for path in files[workload].read_text().splitlines()[:COMPARED]:
            found = difference(fetch(first.port, path), fetch(other.port, path))
            if found:
                raise Different(f"GET {path}: {found}")
