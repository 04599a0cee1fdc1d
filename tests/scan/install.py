"""Installs the checking tools outside the tree, in pinned versions, and says so before it does."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parent / "tools"
DCLINT = "dclint@3.1.0"


def say(text):
    print(f"scan: {text}", flush=True)


def cache():
    base = os.environ.get("HOWDAH_SCAN_CACHE") or (Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah")
    return Path(base)


def quietly(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        say(f"that did not work: {lines[-1] if lines else done.returncode}")
    return done.returncode == 0


def tools_path():
    """The folders of the programs, for PATH. What cannot be installed is missing, and its tool is then NOT CHECKED."""
    pins = sorted(PINS.glob("*.txt"))
    digest = hashlib.sha256(b"".join(p.read_bytes() for p in pins) + DCLINT.encode() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / f"scan-{digest}"
    venv, apart, node, done = folder / "venv", folder / "apart", folder / "node", folder / "whole"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole = True
        say(f"installing the tools into {folder} (a minute or two, once)")
        quietly([sys.executable, "-m", "venv", str(venv)])
        pip = [str(venv / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        for line in (PINS / "binaries.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                say(f"  PyPI, by digest: {line.split()[0]}")
                one = folder / "one.txt"
                one.write_text(line.replace(" --hash", " \\\n --hash") + "\n")
                whole &= quietly([*pip, "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(one)])
        say("  PyPI: checkov, compose-lint, kubernetes-validate, yamllint, zizmor, actionlint (tests/scan/tools/python.txt)")
        whole &= quietly([*pip, "-r", str(PINS / "python.txt")])
        say("  PyPI: detect-secrets (tests/scan/tools/detect-secrets.txt)")
        quietly([sys.executable, "-m", "venv", str(apart)])
        whole &= quietly([str(apart / "bin/pip"), *pip[1:], "-r", str(PINS / "detect-secrets.txt")])
        say(f"  npm, without its install scripts: {DCLINT}")
        try:
            whole &= quietly(["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(node), DCLINT])
        except FileNotFoundError:
            say("that did not work: there is no npm")
            whole = False
        if whole:
            done.touch()
    return os.pathsep.join([str(apart / "bin"), str(venv / "bin"), str(node / "node_modules/.bin")])
