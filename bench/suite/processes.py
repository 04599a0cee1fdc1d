"""Processes that the suite starts, and what the kernel says of them (proc(5))."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def parse_stat(text: str) -> tuple[int, float, float]:
    """Parent, processor seconds of its own, and those of children that ended and were waited for."""
    fields = text.rpartition(")")[2].split()
    user, system, children_user, children_system = (int(it) for it in fields[11:15])
    return int(fields[1]), (user + system) / TICKS, (children_user + children_system) / TICKS


def stats() -> dict[int, tuple[int, float, float]]:
    """Every process that there is now."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = parse_stat((entry / "stat").read_text())
            except (OSError, ValueError, IndexError):
                continue  # It ended while it was looked at.
    return found


def tree(root: int, known: dict[int, tuple[int, float, float]]) -> set[int]:
    """A process and all that it started, as far as they live."""
    family = {root} & known.keys()
    while True:
        more = {pid for pid, (parent, _, _) in known.items() if parent in family} - family
        if not more:
            return family
        family |= more


def cpu_seconds(root: int) -> float:
    """Processor time of a process and all that it ever started."""
    known = stats()
    return sum(own + ended for pid in tree(root, known) for _, own, ended in [known[pid]])


def parse_kernel(text: str) -> float:
    """Processor seconds that the kernel worked for a process."""
    return int(text.rpartition(")")[2].split()[12]) / TICKS


def kernel_seconds(pid: int) -> float:
    """Processor time of one process in the kernel; nothing when it is gone."""
    try:
        return parse_kernel(Path(f"/proc/{pid}/stat").read_text())
    except OSError:
        return 0.0


def memory_bytes(root: int, key: str = "VmHWM") -> int:
    """Peak resident memory of a process tree, each process at its own peak. Shared pages count in each."""
    total = 0
    for pid in tree(root, stats()):
        try:
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(key + ":"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total


def forget_peak(root: int) -> None:
    """Lets the peak begin anew."""
    for pid in tree(root, stats()):
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue


def parse_busy(text: str) -> float:
    """Processor seconds of everybody since the machine's start, all but idle and waiting (proc(5))."""
    user, nice, system, _, _, irq, softirq, steal = (int(it) for it in text.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def busy_seconds() -> float:
    return parse_busy(Path("/proc/stat").read_text())


def settle(most: float = 5, over: float = 0.1) -> None:
    """Waits until what this process started is idle, at most so many seconds."""

    def spent() -> float:
        known = stats()
        mine = tree(os.getpid(), known) - {os.getpid()}
        return sum(known[pid][1] for pid in mine)

    ends = time.monotonic() + most
    before = spent()
    while time.monotonic() < ends:
        time.sleep(over)
        now = spent()
        # A tick is what the kernel counts by.
        if now - before <= 2 / TICKS:
            return
        before = now


def free_port() -> int:
    """A port of the loopback on which nothing listens."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Server:
    """A server process, with a log file; ended with its children by `stop`."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str], directory: Path):
        self.command = command
        self.log = log
        self.began = time.monotonic()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=directory,
                env={**os.environ, **environment},
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        """SIGTERM, and after five seconds SIGKILL to whatever of the tree is left."""
        family = tree(self.pid, stats())
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait()


def answers(port: int, path: str, seconds: float, alive: Server | None = None) -> float | None:
    """How long it took from now until `path` was answered with 200; None when it was not in time."""
    began = time.monotonic()
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() - began < seconds:
        if alive is not None and alive.process.poll() is not None:
            return None
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as it:
                it.sendall(request)
                if it.recv(64).split(b" ")[1:2] == [b"200"]:
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.001)
    return None
