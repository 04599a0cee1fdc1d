"""What each tool is asked, and how its answer is read.

Several tools end with 0 whatever they find, so nothing here goes by an exit status: the findings are
read, and an answer that cannot be read is a failure. Paths are relative to the scanned copy of the tree.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from planted_image import planted_image


class NotChecked(Exception):
    """The tool cannot do its work here; why."""


class Blind(Exception):
    """The tool did not find what was planted, or did not answer; its result is worth nothing."""


@dataclass(frozen=True)
class Finding:
    rule: str
    path: str
    line: int
    text: str
    hidden: str = ""  # what an accepted entry may be narrowed by, and nobody prints: it may hold the secret


def run(command, folder, **more):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, **more)


def read_json(done, text=None):
    try:
        return json.loads(done.stdout if text is None else text)
    except ValueError:
        why = (done.stderr or done.stdout).strip().splitlines()
        raise Blind(f"no answer that could be read: {why[-1] if why else done.returncode}") from None


def relative(path, root):
    path = str(path)
    if path.startswith(str(root)):
        path = path[len(str(root)):]
    return path.removeprefix("./").lstrip("/")


@dataclass
class Scanner:
    """One tool. `find` gets a folder and the names of the files that are the tool's."""

    name: str
    program: list
    find: callable
    wants: callable
    planted: set
    unit: str = "files"
    ask_version: list = field(default_factory=lambda: ["--version"])

    def version(self):
        if not shutil.which(self.program[0]):
            raise NotChecked(f"{self.program[0]} could not be installed here")
        done = run([*self.program, *self.ask_version], "/")
        found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout + done.stderr)
        if not found:
            raise NotChecked(f"{' '.join(self.program)} does not run: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
        return found.group()

    def names(self, folder):
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and self.wants(p.relative_to(folder), folder))

    def prove(self, planted, scratch):
        rules = {finding.rule for finding in self.find(planted, self.names(planted))}
        if blind := self.planted - rules:
            raise Blind(f"did not find what was planted: {', '.join(sorted(blind))}")

    def scan(self, root, tree, names, scratch):
        own = self.names(tree)
        if not own:
            raise NotChecked("there is nothing of its kind in the tree")
        return f"{len(own)} {self.unit}", self.find(tree, own)


def hadolint(folder, names):
    done = run(["hadolint", "--format", "json", "--disable-ignore-pragma", *names], folder)
    return [Finding(f["code"], f["file"], f["line"], f["message"]) for f in read_json(done)]


def checkov(folder, names):
    # It reads Dockerfiles by their name only, and passes over a Containerfile in silence.
    twins = []
    for name in names:
        if Path(name).name == "Containerfile":
            twin = folder / name.replace("Containerfile", "Dockerfile")
            twin.write_bytes((folder / name).read_bytes())
            twins.append(twin)
    try:
        done = run(
            ["checkov", "-d", ".", "--framework", "dockerfile", "kubernetes", "github_actions", "secrets", "--enable-secret-scan-all-files",
             "--skip-download", "--compact", "--quiet", "--output", "json"], folder)
    finally:
        for twin in twins:
            twin.unlink()
    answer = read_json(done)
    found = []
    for report in answer if isinstance(answer, list) else [answer]:
        results = report.get("results", {})
        if results.get("parsing_errors"):
            raise Blind(f"could not read {results['parsing_errors']}")
        for check in results.get("failed_checks", []):
            path = check["file_path"].lstrip("/").replace("Dockerfile", "Containerfile")
            found.append(Finding(check["check_id"], path, check["file_line_range"][0], check["check_name"]))
    return found


def compose_lint(folder, names):
    done = run(["compose-lint", "check", "--format", "json", *names], folder)
    return [Finding(f["rule_id"], relative(f["file"], folder), f["line"] or 0, f["message"]) for f in read_json(done)["findings"]]


def dclint(folder, names):
    # Into a file: into a pipe it stops after 64 KiB.
    answer = folder / ".dclint-answer"
    done = run(["dclint", "--formatter", "json", "--output-file", str(answer), *names], folder)
    if not answer.exists():
        raise Blind(f"no answer: {done.stderr.strip()}")
    text = answer.read_text()
    answer.unlink()
    return [Finding(m["rule"], relative(f["filePath"], folder), m["line"], m["message"]) for f in read_json(done, text) for m in f["messages"]]


OFFLINE = ["--offline-scan", "--skip-check-update", "--skip-version-check", "--quiet", "--format", "json"]


def trivy_results(answer, folder, name=None):
    found = []
    for result in answer.get("Results", []):
        target = name or relative(result["Target"], folder)
        for m in result.get("Misconfigurations") or []:
            if m["Status"] == "FAIL":
                found.append(Finding(m["ID"], target, m.get("CauseMetadata", {}).get("StartLine", 0), m["Title"], m["Message"]))
        for s in result.get("Secrets") or []:
            found.append(Finding(s["RuleID"], target, s["StartLine"], s["Title"]))
    return found


def trivy_tree(folder, names):
    return trivy_results(read_json(run(["trivy", "fs", "--scanners", "misconfig,secret", *OFFLINE, "."], folder)), folder)


def detect_secrets(folder, names):
    answer = read_json(run(["detect-secrets", "scan", "--all-files", "."], folder))
    return [Finding(s["type"], relative(path, folder), s["line_number"], "looks like a secret") for path, all in answer["results"].items() for s in all]


def gitleaks(folder, names, mode="dir"):
    done = run(["gitleaks", mode, ".", "--no-banner", "--log-level", "error", "--ignore-gitleaks-allow",
                "--report-format", "json", "--report-path", "-"], folder)
    return [Finding(f["RuleID"], relative(f["File"], folder), f["StartLine"], f"{f['Description']} {f['Commit'][:10]}".strip(), f["Match"]) for f in read_json(done)]


def parsed_lines(done, pattern):
    found = []
    for line in done.stdout.splitlines():
        if match := re.match(pattern, line):
            found.append(Finding(match["rule"], match["path"].removeprefix("./"), int(match["line"]), match["text"]))
        elif line.strip():
            raise Blind(f"no answer that could be read: {line}")
    if done.returncode not in (0, 1, 2) or (done.returncode and not found):
        raise Blind(f"no answer: {done.stderr.strip()}")
    return found


def yamllint(folder, names):
    config = str(Path(__file__).resolve().parent / "yamllint.yaml")
    done = run(["yamllint", "--config-file", config, "--format", "parsable", *names], folder)
    return parsed_lines(done, r"(?P<path>.*?):(?P<line>\d+):\d+: \[\w+\] (?P<text>.*) \((?P<rule>[\w-]+)\)$")


def shellcheck(folder, names):
    answer = read_json(run(["shellcheck", "--external-sources", "--format", "json", *names], folder))
    return [Finding(f"SC{f['code']}", f["file"], f["line"], f["message"]) for f in answer]


def kubernetes(folder, names):
    found = []
    for name in names:
        done = run(["kubernetes-validate", "--strict", "--no-warn", name], folder)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        wrong = [line for line in lines if line.startswith("ERROR")]
        found += [Finding("schema", name, 1, line) for line in wrong]
        if done.returncode and not wrong:
            raise Blind(f"{name}: {lines[-1:]}")
    return found


def actionlint(folder, names):
    answer = read_json(run(["actionlint", "-format", "{{json .}}", *names], folder)) or []
    return [Finding(f["kind"], f["filepath"], f["line"], f["message"]) for f in answer]


def zizmor(folder, names):
    answer = read_json(run(["zizmor", "--offline", "--format", "json", *names], folder))
    return [Finding(f["ident"], names[0] if len(names) == 1 else ".github", 0, f["desc"]) for f in answer]


INLINE = re.compile(r"(hadolint ignore=|shellcheck disable=|checkov:skip=|trivy:ignore:|gitleaks:allow|pragma: allowlist|zizmor: ignore|yamllint disable)")


def inline(folder, names):
    """Suppressions in the files themselves: each says why, after a further `#`."""
    found = []
    for name in names:
        for number, line in enumerate((folder / name).read_text(errors="replace").splitlines(), 1):
            if (match := INLINE.search(line)) and "#" in line[: match.start()] and not re.search(r"# *\S+ +\S+", line[match.end():]):
                found.append(Finding("no-reason", name, number, "a suppression without a reason behind it"))
    return found


class Inline(Scanner):
    def version(self):
        return "-"


class History(Scanner):
    """gitleaks over every commit; what was committed once is published, deleted or not."""

    def prove(self, planted, scratch):
        folder = scratch / "history"
        folder.mkdir()
        git = ["git", "-c", "user.name=planted", "-c", "user.email=planted@howdah.invalid", "-c", "commit.gpgsign=false"]
        run([*git, "init", "--quiet", "."], folder)
        shutil.copy(planted / "secrets.env", folder)
        run([*git, "add", "secrets.env"], folder)
        run([*git, "commit", "--quiet", "-m", "planted"], folder)
        run([*git, "rm", "--quiet", "secrets.env"], folder)
        run([*git, "commit", "--quiet", "-m", "taken out again"], folder)
        if blind := self.planted - {f.rule for f in gitleaks(folder, [], "git")}:
            raise Blind(f"did not find what was planted: {', '.join(sorted(blind))}")

    def scan(self, root, tree, names, scratch):
        commits = run(["git", "rev-list", "--count", "HEAD"], root).stdout.strip()
        return f"{commits} commits", gitleaks(root, [], "git")


class Image(Scanner):
    """trivy over the image's files, configuration and history."""

    def look(self, archive, name):
        done = run(["trivy", "image", "--input", str(archive), "--scanners", "secret,misconfig", "--image-config-scanners", "misconfig,secret",
                    "--skip-db-update", "--skip-java-db-update", *OFFLINE], "/")
        answer = read_json(done)
        if not answer.get("Metadata"):
            raise Blind("it saw no image")
        return trivy_results(answer, Path("/"), name)

    def prove(self, planted, scratch):
        archive = scratch / "planted.tar"
        planted_image(planted, archive)
        if blind := self.planted - {f.rule for f in self.look(archive, "image")}:
            raise Blind(f"did not find what was planted: {', '.join(sorted(blind))}")

    def scan(self, root, tree, names, scratch):
        image = os.environ.get("HOWDAH_IMAGE", "localhost/howdah:local")
        if not (shutil.which("podman") and shutil.which("skopeo")):
            raise NotChecked("there is no podman or skopeo here (make containers-setup)")
        if run(["podman", "image", "exists", image], root).returncode:
            raise NotChecked(f"there is no image {image} (make image)")
        archive = scratch / "image.tar"
        done = run(["skopeo", "copy", "--quiet", "--insecure-policy", f"containers-storage:{image}", f"docker-archive:{archive}"], root)
        if done.returncode:
            raise Blind(done.stderr.strip())
        return "1 image", self.look(archive, "image")


class Vulnerabilities(Scanner):
    """trivy against the list of known vulnerabilities, where that can be had."""

    def prove(self, planted, scratch):
        from install import cache
        self.store = cache() / "trivy"
        done = run(["timeout", "60", "trivy", "image", "--download-db-only", "--cache-dir", str(self.store), "--quiet"], "/")
        if done.returncode:
            raise NotChecked("the database of vulnerabilities could not be fetched")
        self.planted_lock(planted)

    def planted_lock(self, planted):
        old = planted / "old"
        old.mkdir(exist_ok=True)
        (old / "Cargo.lock").write_text('version = 3\n[[package]]\nname = "time"\nversion = "0.1.42"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n')
        if not self.look(old):
            raise Blind("did not find the vulnerabilities of time 0.1.42")

    def look(self, folder):
        answer = read_json(run(["trivy", "fs", "--scanners", "vuln", "--skip-db-update", "--cache-dir", str(self.store), *OFFLINE, "."], folder))
        return [Finding(v["VulnerabilityID"], relative(r["Target"], folder), 0, f"{v['PkgName']} {v['InstalledVersion']}: {v.get('Title', '')}")
                for r in answer.get("Results", []) for v in r.get("Vulnerabilities") or []]

    def scan(self, root, tree, names, scratch):
        own = self.names(tree)
        return f"{len(own)} lock files", self.look(tree)


class Deny(Scanner):
    """cargo deny, without its advisories, which take the network: licences, bans, sources."""

    def version(self):
        if not shutil.which("cargo-deny"):
            raise NotChecked("there is no cargo-deny here (cargo install --locked cargo-deny takes some minutes)")
        return super().version()

    def look(self, root, config):
        done = run(["cargo", "deny", "--offline", "--format", "json", "--config", str(config), "check", "licenses", "bans", "sources"], root)
        found, summary = [], False
        for line in done.stderr.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            summary |= event.get("type") == "summary"
            fields = event.get("fields", {})
            if event.get("type") == "diagnostic" and fields.get("severity") == "error":
                found.append(Finding(fields.get("code") or "error", "Cargo.lock", 0, fields.get("message", "")))
        if not summary:
            raise Blind(f"no answer: {done.stderr.strip().splitlines()[-1:]}")
        return found

    def prove(self, planted, scratch):
        root = Path(__file__).resolve().parent.parent.parent
        if blind := self.planted - {f.rule for f in self.look(root, planted / "deny.toml")}:
            raise Blind(f"did not find what was planted: {', '.join(sorted(blind))}")

    def scan(self, root, tree, names, scratch):
        crates = (tree / "Cargo.lock").read_text().count("[[package]]")
        return f"{crates} crates", self.look(root, root / "deny.toml")


def containerfile(path, folder):
    return path.name in ("Containerfile", "Dockerfile")


def compose(path, folder):
    return path.name in ("compose.yaml", "compose.yml")


def every(path, folder):
    return True


def yaml(path, folder):
    return path.suffix in (".yaml", ".yml")


def shell(path, folder):
    with (folder / path).open("rb") as file:
        return bool(re.match(rb"#!.*\b(ba|da)?sh\b", file.readline(200)))


def manifest(path, folder):
    return yaml(path, folder) and path.parts[0] == "deploy" and re.search(r"(?m)^apiVersion:(?! *kustomize)", (folder / path).read_text()) is not None


def workflow(path, folder):
    return yaml(path, folder) and path.parts[:2] == (".github", "workflows")


SCANNERS = [
    Scanner("hadolint", ["hadolint"], hadolint, containerfile, {"DL3002", "DL3007"}),
    Scanner("checkov", ["checkov"], checkov, every, {"CKV_DOCKER_7", "CKV_K8S_16", "CKV_SECRET_2", "CKV2_GHA_1"}),
    Scanner("compose-lint", ["compose-lint"], compose_lint, compose, {"CL-0001", "CL-0002"}),
    Scanner("dclint", ["dclint"], dclint, compose, {"no-duplicate-container-names"}),
    Scanner("trivy", ["trivy"], trivy_tree, every, {"DS-0002", "KSV-0017", "aws-access-key-id"}),
    Image("trivy-image", ["trivy"], None, every, {"github-pat", "DS-0002"}),
    Vulnerabilities("trivy-vulnerabilities", ["trivy"], None, lambda path, folder: path.name == "Cargo.lock", set()),
    Scanner("detect-secrets", ["detect-secrets"], detect_secrets, every, {"AWS Access Key", "GitHub Token"}),
    Scanner("gitleaks", ["gitleaks"], gitleaks, every, {"aws-access-token", "github-pat"}, ask_version=["version"]),
    History("gitleaks-history", ["gitleaks"], None, every, {"aws-access-token", "github-pat"}, ask_version=["version"]),
    Scanner("yamllint", ["yamllint"], yamllint, yaml, {"key-duplicates"}),
    Scanner("shellcheck", ["shellcheck"], shellcheck, shell, {"SC2086", "SC2115"}),
    Scanner("kubernetes-validate", ["kubernetes-validate"], kubernetes, manifest, {"schema"}),
    Scanner("actionlint", ["actionlint"], actionlint, workflow, {"expression"}),
    Scanner("zizmor", ["zizmor"], zizmor, workflow, {"template-injection", "dangerous-triggers"}),
    Deny("cargo-deny", ["cargo-deny"], None, every, {"banned", "rejected"}),
    Inline("inline", [], inline, every, {"no-reason"}),
]
