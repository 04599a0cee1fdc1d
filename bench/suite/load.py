"""Load: wrk and pgbench, and what they say."""

import json
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "load.lua"


@dataclass(frozen=True)
class Load:
    """What one run of a load has shown. Latencies are in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    errors: int
    requests: int

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def parse_wrk(said: str) -> Load:
    """The line of JSON that load.lua writes at the end."""
    line = next((it for it in said.splitlines() if it.startswith("{")), None)
    if line is None:
        raise ValueError(f"wrk said nothing of its end: {said.strip()}")
    end = json.loads(line)
    seconds = end["duration_us"] / 1e6
    if seconds <= 0:
        raise ValueError("wrk ran for no time")
    return Load(
        # Errors of status are answers that wrk counts among the requests; nobody gets paid for them.
        per_second=(end["requests"] - end["status_errors"]) / seconds,
        p50_ms=end["p50_us"] / 1000,
        p99_ms=end["p99_us"] / 1000,
        p999_ms=end["p999_us"] / 1000,
        errors=end["socket_errors"] + end["status_errors"],
        requests=end["requests"],
    )


def wrk_command(url: str, paths: Path, connections: int, seconds: float, headers: list[str]) -> list[str]:
    threads = "2" if connections > 1 else "1"
    named = [it for header in headers for it in ("-H", header)]
    # wrk takes whole seconds.
    lasts = f"{max(1, round(seconds))}s"
    options = ["-t", threads, "-c", str(connections), "-d", lasts, "--timeout", "10s"]
    return ["wrk", *options, *named, "-s", str(SCRIPT), url, "--", str(paths)]


def wrk(url: str, paths: Path, connections: int, seconds: float, headers: list[str] | None = None) -> Load:
    """Requests the paths in the file in turn, over so many connections, for so long."""
    command = wrk_command(url, paths, connections, seconds, headers or [])
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(f"wrk: {done.stdout}{done.stderr}")
    return parse_wrk(done.stdout)


def parse_pgbench(said: str) -> tuple[float, float]:
    """Transactions a second, and their mean latency in milliseconds."""
    per_second = re.search(r"^tps = ([\d.]+)", said, re.M)
    latency = re.search(r"^latency average = ([\d.]+) ms", said, re.M)
    if not per_second or not latency:
        raise ValueError(f"pgbench said no figures: {said.strip()}")
    return float(per_second[1]), float(latency[1])


def pgbench(
    program: Path, port: int, script: Path, defined: dict[str, str], connections: int, seconds: float
) -> tuple[float, float]:
    """The same statement, prepared, with no HTTP in between."""
    command = [str(program), "-n", "-M", "prepared", "-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
    command += ["-c", str(connections), "-j", str(min(2, connections)), "-T", str(max(1, round(seconds)))]
    for name, value in defined.items():
        command += ["-D", f"{name}={value}"]
    done = subprocess.run(
        [*command, "-f", str(script), "bench"], capture_output=True, text=True, timeout=seconds + 60
    )
    if done.returncode != 0:
        raise RuntimeError(f"pgbench: {done.stderr}")
    return parse_pgbench(done.stdout)
