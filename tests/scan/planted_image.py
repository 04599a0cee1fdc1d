"""An image archive with something wrong in it, made when it is needed: `trivy image` has to find it."""

import hashlib
import io
import json
import re
import tarfile


def planted_image(planted, path):
    """An image as an archive: root's, with a key in a file and another in its environment."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.add(planted / "secrets.env", "app/secrets.env")
    key = re.search(r"ghp_\w+", (planted / "secrets.env").read_text()).group()
    config = {"architecture": "amd64", "os": "linux", "config": {"User": "root", "Env": [f"TOKEN={key}"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]},
              "history": [{"created_by": "COPY secrets.env /app/"}]}
    parts = {"config.json": json.dumps(config).encode(), "layer.tar": layer.getvalue(),
             "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": ["planted:1"], "Layers": ["layer.tar"]}]).encode()}
    with tarfile.open(path, "w") as tar:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
