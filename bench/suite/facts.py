"""The machine, and what was measured on it."""

import os
import platform
import subprocess
from pathlib import Path

from .contenders import CONTENDERS, sqlpage_version
from .howdah import BINARY, ROOT


def _first(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return "unknown"


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except OSError:
        return "not there"
    said = (done.stdout or done.stderr).strip().splitlines()
    return said[0] if said else "unknown"


def pinned() -> str:
    """The contenders' releases, from the files that pin them."""
    lines = (CONTENDERS / "requirements.in").read_text().split()
    lines += [
        line.strip().rstrip(",").replace('"', "").replace(": ", "==")
        for line in (CONTENDERS / "fastify" / "package.json").read_text().splitlines()
        if line.startswith('    "')
    ]
    for name in ("axum", "deadpool-postgres", "hyper", "tokio-postgres"):
        text = (CONTENDERS / "axum" / "Cargo.lock").read_text()
        version = text.partition(f'name = "{name}"')[2].split('"')[1]
        lines.append(f"{name}=={version}")
    lines.append(f"sqlpage=={sqlpage_version()}")
    return ", ".join(line.replace("==", " ") for line in lines)


def gather(postgres: str, load_before: float, how: str) -> list[tuple[str, str]]:
    commit = _said(["git", "rev-parse", "--short", "HEAD"])
    memory = int(_first("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)
    return [
        ("processors", f"{os.cpu_count()} of {_first('/proc/cpuinfo', 'model name')}"),
        ("memory", f"{memory:.0f} GiB"),
        ("kernel", f"Linux {platform.release()}"),
        ("PostgreSQL", f"{postgres}, its data in memory, over TCP on the loopback"),
        (
            "Howdah",
            f"{_said([str(BINARY), '--version'])}, commit {commit}",
        ),
        ("load", "wrk on the same machine: it takes processor time from everybody whom it measures"),
        ("contenders", pinned()),
        ("run", how),
        ("load average before, after", f"{load_before:.2f}, {os.getloadavg()[0]:.2f}"),
    ]
