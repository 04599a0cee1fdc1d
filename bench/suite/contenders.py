"""Who is measured: how each is installed, started and named."""

import os
import shutil
import subprocess
import venv
from dataclasses import dataclass, field
from pathlib import Path

from .howdah import BENCH
from .processes import Server, answers, free_port

CONTENDERS = BENCH / "contenders"
INSTALLED = BENCH / ".installed"
CORES = os.cpu_count() or 1


@dataclass
class Contender:
    """Somebody who answers the same requests from the same data."""

    name: str
    server: Server
    port: int
    paths: set[str] = field(default_factory=lambda: {"none", "row", "rates", "items"})
    start_ms: float = 0.0


def _say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def _current(mark: Path, sources: list[Path]) -> bool:
    """Whether something was installed from exactly these files."""
    return mark.exists() and mark.read_text() == _fingerprint(sources)


def _fingerprint(sources: list[Path]) -> str:
    import hashlib

    return " ".join(hashlib.sha256(it.read_bytes()).hexdigest() for it in sources)


def install_rust() -> None:
    sources = sorted((CONTENDERS / "axum").rglob("*.rs")) + [CONTENDERS / "axum" / "Cargo.lock"]
    mark = INSTALLED / "rust.mark"
    if _current(mark, sources):
        return
    _say("building the contenders in Rust into bench/.installed/rust (a few minutes, once)")
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet"],
        cwd=CONTENDERS / "axum",
        env={**os.environ, "CARGO_TARGET_DIR": str(INSTALLED / "rust")},
        check=True,
    )
    mark.write_text(_fingerprint(sources))


def install_python() -> None:
    sources, mark = [CONTENDERS / "requirements.txt"], INSTALLED / "python.mark"
    if _current(mark, sources):
        return
    _say("installing Flask, FastAPI and their servers into bench/.installed/python, by hash")
    venv.create(INSTALLED / "python", with_pip=True, clear=True)
    pip = [str(INSTALLED / "python" / "bin" / "pip"), "install", "-q", "--require-hashes", "-r"]
    subprocess.run([*pip, str(sources[0])], check=True)
    mark.write_text(_fingerprint(sources))


def install_node() -> str | None:
    """None, or why not."""
    sources = [CONTENDERS / "fastify" / "package-lock.json"]
    mark = INSTALLED / "node.mark"
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    if _current(mark, sources):
        return None
    _say("installing Fastify and pg into bench/.installed/node, by the lock file")
    folder = INSTALLED / "node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(CONTENDERS / "fastify" / name, folder / name)
    command = ["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True)
    mark.write_text(_fingerprint(sources))
    return None


def commands(port: int, url: str) -> dict[str, tuple[list[str], dict[str, str]]]:
    """The command line and the environment of each."""
    python, rust = INSTALLED / "python" / "bin", INSTALLED / "rust" / "release"
    at, workers = f"127.0.0.1:{port}", str(2 * CORES + 1)
    flask = {"DATABASE_URL": url, "PYTHONPATH": str(CONTENDERS / "flask")}
    gunicorn = [str(python / "gunicorn"), "--bind", at, "--log-level", "error"]
    uvicorn = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(CORES)]
    return {
        "hyper": ([str(rust / "hyper"), str(port)], {}),
        "axum": ([str(rust / "axum"), str(port), url], {}),
        "Fastify": (
            ["node", str(CONTENDERS / "fastify" / "server.js"), str(port), url],
            {"NODE_PATH": str(INSTALLED / "node" / "node_modules")},
        ),
        "FastAPI": (
            [str(python / "uvicorn"), "app:app", *uvicorn, "--log-level", "error", "--no-access-log"],
            {"DATABASE_URL": url, "PYTHONPATH": str(CONTENDERS / "fastapi")},
        ),
        "Flask, kept": (
            [*gunicorn, "-w", str(CORES), "--threads", "8", "--keep-alive", "75", "app:app"],
            {**flask, "KEEP": "yes"},
        ),
        "Flask, as written": ([*gunicorn, "-w", workers, "app:app"], {**flask, "KEEP": "no"}),
    }


def start(name: str, url: str, running: Path) -> Contender:
    """Starts one and waits until it answers."""
    port = free_port()
    command, environment = commands(port, url)[name]
    server = Server(command, running / f"{name.replace(', ', '-')}.log", environment, running)
    waited = answers(port, "/", 30, server)
    if waited is None:
        server.stop()
        raise RuntimeError(f"{name} does not answer: see {server.log}")
    contender = Contender(name, server, port, start_ms=1000 * waited)
    if name == "hyper":
        contender.paths = {"none"}
    return contender


def install(skip: set[str]) -> dict[str, str]:
    """Installs everything that is pinned; gives what there is not, and why."""
    INSTALLED.mkdir(exist_ok=True)
    missing: dict[str, str] = {
        "SQLPage": "its build takes longer than the rest of the suite together; not part of it",
    }
    steps = {"rust": install_rust, "python": install_python, "node": install_node}
    groups = {
        "rust": ["hyper", "axum"],
        "python": ["Flask, kept", "Flask, as written", "FastAPI"],
        "node": ["Fastify"],
    }
    for group, step in steps.items():
        try:
            why = "left out by BENCH_SKIP" if group in skip else step()
        except (subprocess.CalledProcessError, OSError) as error:
            why = f"could not be installed: {error}"
        if why:
            missing.update(dict.fromkeys(groups[group], why))
    return missing
