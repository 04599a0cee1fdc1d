"""Installs the checking tools outside the tree, in pinned versions, and says so before it does.

Each Python tool has an environment of its own: they disagree on what they stand on. What cannot be installed
is missing, and its check is then NOT CHECKED.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parent / "tools"
CARGO_DENY = "0.20.2"
DEBIAN = {"slowhttptest": "slowhttptest", "h2load": "nghttp2-client", "testssl": "testssl.sh", "openssl": "openssl"}


def say(text):
    print(f"check-security: {text}", flush=True)


def cache():
    base = os.environ.get("HOWDAH_SCAN_CACHE") or (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah")
    return Path(base)


def quietly(command, timeout=600):
    try:
        done = subprocess.run([str(it) for it in command], capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as why:
        say(f"that did not work: {why}")
        return False
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        say(f"that did not work: {lines[-1] if lines else done.returncode}")
    return done.returncode == 0


def environment(name):
    """The programs of a Python tool, installed when they are not; None when they cannot be."""
    pins = PINS / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / f"security-{name}-{digest}"
    if not (folder / "whole").exists():
        say(f"installing {name} into {folder} (PyPI: {pins.relative_to(PINS.parent.parent.parent)})")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        pip = [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
        if not (quietly([sys.executable, "-m", "venv", folder]) and quietly(pip)):
            return None
        (folder / "whole").touch()
    return folder / "bin"


def debian(programs):
    """Debian's packages of these programs, as root alone."""
    packages = sorted({DEBIAN[it] for it in programs if not shutil.which(it)})
    if not packages:
        return
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        say(f"there is no {', '.join(packages)}; as root, run: {' '.join(command)}")
        return
    say(f"installing Debian's {', '.join(packages)}")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    if quietly(["apt-get", "update", "-q"]):
        quietly(command)


def cargo_deny():
    """The program, built when it is not there."""
    if found := shutil.which("cargo-deny"):
        return Path(found)
    folder = cache() / f"cargo-deny-{CARGO_DENY}"
    program = folder / "bin/cargo-deny"
    if not program.exists():
        # Without optimisation: it runs for seconds, and would take a quarter of an hour of a small machine to build with.
        say(f"building cargo-deny {CARGO_DENY} into {folder} (crates.io; some minutes, once)")
        if not quietly(["cargo", "install", "--locked", "--quiet", "--debug", "--root", folder, f"cargo-deny@{CARGO_DENY}"], timeout=1800):
            return None
    return program
