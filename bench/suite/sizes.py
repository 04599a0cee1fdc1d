"""What each weighs on disk: its binary, its image, or the folder that it was installed into."""

import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from .contenders import INSTALLED
from .howdah import BINARY

IMAGE = "localhost/howdah:local"


@dataclass(frozen=True)
class Weight:
    """A size in bytes, or why there is none."""

    name: str
    what: str
    size: int | None
    why: str = ""

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def parse_image(said: str) -> tuple[int, str]:
    """Size and revision, from what `podman image inspect` was asked for."""
    size, _, revision = said.strip().partition(" ")
    return int(size), revision if revision and not revision.startswith("<") else "unknown"


def image() -> Weight:
    name, what = "Howdah", f"the image {IMAGE}"
    if shutil.which("podman") is None:
        return Weight(name, what, None, "podman is not installed")
    form = '{{.Size}} {{index .Labels "org.opencontainers.image.revision"}}'
    command = ["podman", "image", "inspect", IMAGE, "--format", form]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            return Weight(name, what, None, "there is none; scripts/image builds it")
        size, revision = parse_image(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Weight(name, what, None, str(error))
    return Weight(name, f"{what}, of commit {revision[:7]}", size)


def binary(name: str, path: Path) -> Weight:
    what = "the binary"
    if not path.is_file():
        return Weight(name, what, None, "not installed")
    return Weight(name, what, path.stat().st_size)


def folder(name: str, what: str, path: Path) -> Weight:
    if not path.is_dir():
        return Weight(name, what, None, "not installed")
    found = (it for it in path.rglob("*") if it.is_file() and not it.is_symlink())
    return Weight(name, what, sum(it.stat().st_size for it in found))


def weigh() -> list[Weight]:
    python = "the packages of both, without Python itself"
    return [
        binary("Howdah", BINARY),
        image(),
        binary("hyper", INSTALLED / "rust" / "release" / "hyper"),
        binary("axum", INSTALLED / "rust" / "release" / "axum"),
        binary("SQLPage", INSTALLED / "sqlpage" / "bin" / "sqlpage"),
        folder("Fastify", "its packages, without Node.js itself", INSTALLED / "node" / "node_modules"),
        folder("Flask, FastAPI", python, INSTALLED / "python" / "lib"),
    ]
