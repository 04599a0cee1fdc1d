"""What the tools are pointed at: a PostgreSQL, the five services, one of them behind TLS, and their twins.

Everything listens on the loopback alone, lives in one folder, and dies with this process.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ("about", "catalog", "rates", "status", "toolbox")
WITH_DATABASE = ("catalog", "rates", "status")


class NotThere(Exception):
    """What is needed to begin cannot be had; why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(command, timeout=120, **more):
    """Runs a program to its end, within a time; gives what it said and how it ended."""
    return subprocess.run([str(it) for it in command], capture_output=True, text=True, errors="replace", timeout=timeout, **more)


def must(command, **more):
    done = call(command, **more)
    if done.returncode:
        raise NotThere(f"{command[0]}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def answers(url, timeout=5, context=None):
    """The status that a GET is answered with, 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0


class Stage:
    def __init__(self, folder, binary):
        self.folder, self.binary = Path(folder), Path(binary)
        self.processes = []
        self.urls = {}
        self.folder.chmod(0o755)

    def start(self, name, command, environment=None, user=None):
        """Starts a program that ends when this process does, however that ends."""
        wrapped = ["setpriv", "--pdeathsig", "KILL"]
        if user:
            wrapped += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*wrapped, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})})
        process.name = name
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def said(self, name, lines=5):
        return " | ".join((self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()[-lines:])

    def until(self, process, what, seconds=60):
        """Waits for `what()`, which is what the process promises."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := what():
                return found
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise NotThere(f"{process.name} does not start: {self.said(process.name)}")

    # PostgreSQL

    def postgres(self):
        """A server with a database and a login for each service that has one."""
        folder = self.folder / "postgres"
        folder.mkdir()
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        bin_dir = postgres_programs()
        self.psql_program = bin_dir / "psql"
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        must([*as_user, bin_dir / "initdb", "-D", folder / "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync",
              "--auth-local=trust", "--auth-host=scram-sha-256"], cwd="/")
        self.pg_port, self.socket = free_port(), folder
        server = self.start("postgres-server", [
            bin_dir / "postgres", "-D", folder / "data", "-p", self.pg_port, "-k", folder, "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=off", "-c", "max_connections=200"], user=user)
        self.until(server, lambda: call([self.psql_program, "-h", folder, "-p", self.pg_port, "-U", "postgres", "-c", "SELECT 1"]).returncode == 0)
        self.passwords = {}
        for name in (*WITH_DATABASE, "twin"):
            self.passwords[name] = secrets.token_hex(16)
            self.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{self.passwords[name]}'")
            self.psql(f"CREATE DATABASE {name} OWNER {name}")
        for path in sorted((ROOT / "services/rates").glob("migrations/*.sql")) + sorted((ROOT / "services/rates").glob("seed/*.sql")):
            self.psql(path.read_text(), "rates", "rates")
        for kind in ("migrations/0001_tables.sql", "seed/0001_regions_and_ports.sql"):
            self.psql((ROOT / "services/rates" / kind).read_text(), "twin", "twin")

    def psql(self, sql, database="postgres", user="postgres"):
        return must([self.psql_program, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.socket, "-p", self.pg_port, "-U", user,
                     "-d", database], input=sql).strip()

    # Howdah

    def serve(self, name, service=None, **environment):
        """Serves a service; gives its address."""
        service = service or name
        ready = self.folder / f"{name}.ready"
        settings = {"HOWDAH_LISTEN_HTTP": "127.0.0.1:0", "HOWDAH_LISTEN_ADMIN": "127.0.0.1:0", "HOWDAH_ALLOW_ROOT": "true"}
        if service in WITH_DATABASE:
            password = self.folder / f"{name}.password"
            password.touch(0o600)
            password.write_text(self.passwords[service])
            file = {"status": "DB_PASS_FILE"}.get(service, "DB_PASSWORD_FILE")
            settings |= {"DB_HOST": "127.0.0.1", "DB_PORT": str(self.pg_port), "DB_NAME": service, "DB_USER": service, file: str(password)}
        process = self.start(name, [self.binary, "serve", ROOT / "services" / service, "--ready-file", ready], settings | environment)
        self.until(process, lambda: ready.exists() and ready.read_text().endswith("\n"))
        address = json.loads(ready.read_text())
        admin = f"http://{address['admin']}/ready"
        self.until(process, lambda: answers(admin) == 200)
        scheme = "https" if "HOWDAH_TLS_CERTIFICATE" in environment else "http"
        self.urls[name] = f"{scheme}://{address['http']}"
        return self.urls[name]

    def openapi(self, service):
        """The service's OpenAPI document, as the binary generates it now, in a file."""
        target = self.folder / f"{service}.openapi.json"
        environment = {"PATH": os.environ["PATH"]}
        if service in WITH_DATABASE:
            file = {"status": "DB_PASS_FILE"}.get(service, "DB_PASSWORD_FILE")
            environment |= {"DB_HOST": "127.0.0.1", "DB_PORT": str(self.pg_port), "DB_NAME": service, "DB_USER": service,
                            file: str(self.folder / f"{service}.password")}
        target.write_text(must([self.binary, "describe", "--openapi", ROOT / "services" / service], env=environment))
        return target

    # TLS

    def certificates(self):
        """An authority, and a certificate for localhost that says where revocation is told."""
        folder = self.folder
        extensions = folder / "extensions"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost,DNS:howdah.test,IP:127.0.0.1\n"
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\ncrlDistributionPoints=URI:http://crl.howdah.test/ca.crl\n"
            "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        must(["openssl", "req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", "80", "-subj", "/CN=Check authority",
              "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
        must(["openssl", "req", *curve, "-keyout", folder / "tls.key", "-out", folder / "tls.csr", "-subj", "/CN=localhost"])
        must(["openssl", "x509", "-req", "-in", folder / "tls.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
              "-days", "80", "-sha256", "-extfile", extensions, "-out", folder / "leaf.pem"])
        (folder / "tls.crt").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())

    def sealed(self):
        """`toolbox` behind TLS, as it is put before the public."""
        self.certificates()
        return self.serve("sealed", "toolbox", HOWDAH_TLS_CERTIFICATE=str(self.folder / "tls.crt"), HOWDAH_TLS_KEY=str(self.folder / "tls.key"),
                          HOWDAH_HEADERS_STRICT_TRANSPORT_SECURITY="max-age=31536000")

    # What has to be found

    def twin(self, python):
        """The vulnerable twin of `toolbox`, against the same PostgreSQL."""
        port = free_port()
        process = self.start("twin", [python, ROOT / "tests/security/twin/app.py", "--i-know-that-it-is-vulnerable", str(port)], {
            "DB_URL": f"postgresql://twin:{self.passwords['twin']}@127.0.0.1:{self.pg_port}/twin"})
        self.urls["twin"] = f"http://127.0.0.1:{port}"
        self.until(process, lambda: answers(f"{self.urls['twin']}/"))
        return self.urls["twin"]

    def weak_tls(self):
        """A TLS server with old versions and weak suites, and a certificate that nobody signed."""
        port = free_port()
        must(["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", self.folder / "weak.key", "-out", self.folder / "weak.pem",
              "-days", "4000", "-sha1", "-subj", "/CN=weak"])
        process = self.start("weak-tls", ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", self.folder / "weak.key", "-cert",
                                          self.folder / "weak.pem", "-www", "-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-legacy_renegotiation"])
        with contextlib.suppress(OSError):
            self.until(process, lambda: listens(port))
        self.urls["weak-tls"] = f"https://127.0.0.1:{port}"
        return self.urls["weak-tls"]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def postgres_programs():
    """Where the newest PostgreSQL's programs are."""
    if named := os.environ.get("HOWDAH_POSTGRES_BIN"):
        return Path(named)
    found = [it for it in Path("/usr/lib/postgresql").glob("*/bin") if (it / "initdb").exists()]
    if found:
        return max(found, key=lambda it: int(it.parent.name))
    if onpath := shutil.which("initdb"):
        return Path(onpath).resolve().parent
    raise NotThere("PostgreSQL's programs are not there (make setup)")
