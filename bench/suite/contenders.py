"""Who is measured: how each is installed, started and named."""

import os
import shutil
import signal
import subprocess
import venv
from dataclasses import dataclass, field
from pathlib import Path

from .howdah import BENCH
from .processes import Server, answers, free_port

CONTENDERS = BENCH / "contenders"
INSTALLED = BENCH / ".installed"
CORES = os.cpu_count() or 1
# How long one run of the bench may build SQLPage; the next goes on where it ended.
SQLPAGE_MINUTES = 45


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


def sqlpage_version() -> str:
    return (CONTENDERS / "sqlpage" / "version").read_text().strip()


def install_sqlpage(build: bool) -> str | None:
    """None, or why not. Built as its project builds its downloads: that profile, unixODBC compiled in."""
    sources, mark = [CONTENDERS / "sqlpage" / "version"], INSTALLED / "sqlpage.mark"
    if _current(mark, sources):
        return None
    if not build:
        return "not built yet, which takes longer than this run: BENCH=default does it"
    folder, version = INSTALLED / "sqlpage", sqlpage_version()
    where, takes = "bench/.installed/sqlpage", "14 minutes of processor time, once"
    _say(f"building SQLPage {version} from crates.io into {where} ({takes})")
    log = INSTALLED / "sqlpage.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            ["cargo", "install", "sqlpage", "--version", f"={version}", "--locked", "--force"]
            + ["--features", "odbc-static", "--profile", "superoptimized", "--root", str(folder)],
            env={**os.environ, "CARGO_TARGET_DIR": str(INSTALLED / "sqlpage-build")},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        status = process.wait(60 * SQLPAGE_MINUTES)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"its build did not end in {SQLPAGE_MINUTES} minutes; the next run goes on with it"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if status != 0:
        said = [it for it in log.read_text(errors="replace").splitlines() if it.startswith("error")]
        return f"its build failed: {said[-1] if said else f'see bench/.installed/{log.name}'}"
    shutil.rmtree(INSTALLED / "sqlpage-build", ignore_errors=True)
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
        "SQLPage": (
            [str(INSTALLED / "sqlpage" / "bin" / "sqlpage"), "--web-root", str(CONTENDERS / "sqlpage")]
            + ["--config-dir", str(CONTENDERS / "sqlpage" / "sqlpage")],
            {"DATABASE_URL": url, "LISTEN_ON": at},
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


def install(skip: set[str], long: bool) -> dict[str, str]:
    """Installs everything that is pinned; gives what there is not, and why.

    `long` says whether the run has time for what takes long to build.
    """
    INSTALLED.mkdir(exist_ok=True)
    missing: dict[str, str] = {}
    steps = {
        "rust": install_rust,
        "python": install_python,
        "node": install_node,
        "sqlpage": lambda: install_sqlpage(long),
    }
    groups = {
        "rust": ["hyper", "axum"],
        "python": ["Flask, kept", "Flask, as written", "FastAPI"],
        "node": ["Fastify"],
        "sqlpage": ["SQLPage"],
    }
    for group, step in steps.items():
        try:
            why = "left out by BENCH_SKIP" if group in skip else step()
        except (subprocess.CalledProcessError, OSError) as error:
            why = f"could not be installed: {error}"
        if why:
            missing.update(dict.fromkeys(groups[group], why))
    return missing
