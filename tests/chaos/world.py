"""A PostgreSQL that is there to be broken, and two services over it: `rates`, which is read, and a ledger, which is
written to.

Owns the processes, the roles and the networks. With root it lives in namespaces of its own, where nothing outside
can be met; without, it goes without what they are for.
"""

import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import time
from datetime import date, timedelta
from pathlib import Path

from stage import ROOT, NotThere, Stage, call, free_port, must, postgres_programs

CONNECTIONS = 50
FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1")
NEAR, FAR = "10.77.0.1", "10.77.0.2"  # the database's end and the service's
DOOR, ROOM = "10.78.0.1", "10.78.0.2"  # the callers' end and the service's


def is_ready(session):
    """Whether the server takes a query now. Who has signed in may still be refused, for the last places are kept."""
    said = b""
    while more := session.recv(4096):
        said += more
        while len(said) >= 5 and len(said) > (length := struct.unpack(">I", said[1:5])[0]):
            if said[:1] in b"ZE":
                return said[:1] == b"Z"
            said = said[1 + length:]
    return False


class World(Stage):
    def __init__(self, folder, binary, confined):
        super().__init__(folder, binary)
        self.confined = confined
        self.bin = postgres_programs()
        self.user = "postgres" if os.geteuid() == 0 else None
        self.home = self.folder / "postgres"
        self.home.mkdir()
        if self.user:
            shutil.chown(self.home, self.user)
        self.passwords = {it: secrets.token_hex(16) for it in ("rates", "ledger")}
        self.held = []
        self.address = "127.0.0.1"
        if confined:
            self._network()
        self._cluster()

    # PostgreSQL, as an administrator handles it

    def as_user(self, *command):
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"] if self.user else []
        return [*prefix, *command]

    def pg_ctl(self, *arguments, environment=None):
        must(self.as_user(self.bin / "pg_ctl", "-D", self.home / "data", "-s", "-w", "-t", "60", "-l", self.home / "log", *arguments), cwd="/",
             env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})})

    def _cluster(self):
        must(self.as_user(self.bin / "initdb", "-D", self.home / "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth-local=trust",
                          "--auth-host=scram-sha-256"), cwd="/")
        self.pg_port, self.socket, self.psql_program = free_port(), self.home, self.bin / "psql"
        listen = f"127.0.0.1,{NEAR}" if self.confined else "127.0.0.1"
        with (self.home / "data/postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = '{listen}'\nport = {self.pg_port}\nunix_socket_directories = '{self.home}'\n"
                           f"max_connections = {CONNECTIONS}\nfsync = off\nshared_buffers = '64MB'\n")
        if self.confined:
            with (self.home / "data/pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {FAR}/32 scram-sha-256\n")
        # Stops the server when this process is gone, however it went.
        self.watchdog = subprocess.Popen(self.as_user("sh", "-c", 'cat >/dev/null; "$@"', "watchdog", str(self.bin / "pg_ctl"), "-D", str(
            self.home / "data"), "-s", "-m", "immediate", "stop"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", start_new_session=True)
        self.pg_ctl("start")
        # The serving roles own nothing, so that they can be dropped: their rights are their group's.
        for name in ("rates", "ledger"):
            self.psql(f"CREATE ROLE {name}_owner;\nCREATE ROLE {name}_users;\nCREATE DATABASE {name} OWNER {name}_owner")
            self.make_role(name)
        for path in [*sorted((ROOT / "services/rates/migrations").glob("*.sql")), *sorted((ROOT / "services/rates/seed").glob("*.sql"))]:
            self.psql("SET ROLE rates_owner;\n" + path.read_text(), "rates")
        self.psql("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO rates_users", "rates")
        place = ""
        if self.confined:
            small = self.home / "small"
            small.mkdir()
            must(["mount", "-t", "tmpfs", "-o", "size=256m,mode=0777", "tmpfs", small])
            self.small = small
            (small / "space").mkdir()
            shutil.chown(small / "space", self.user)
            (small / "space").chmod(0o700)
            self.psql(f"CREATE TABLESPACE small LOCATION '{small}/space'")
            place = " TABLESPACE small"
        self.psql(f"CREATE TABLE entries (number bigint, filler text){place}; ALTER TABLE entries ALTER filler SET STORAGE PLAIN; "
                  "GRANT SELECT, INSERT ON entries TO ledger_users", "ledger")

    def psql(self, sql, database="postgres", user="postgres"):
        """As an administrator; who may have to ask again when every place is taken, also for a moment."""
        end = time.monotonic() + 30
        while True:
            try:
                return super().psql(sql, database, user)
            except NotThere as why:
                if "too many clients" not in str(why) or time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def make_role(self, name):
        self.psql(f"CREATE ROLE {name} LOGIN PASSWORD '{self.passwords[name]}' IN ROLE {name}_users")

    def terminate(self):
        """Ends the services' sessions."""
        self.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('rates', 'ledger')")

    def postmaster(self):
        return int((self.home / "data/postmaster.pid").read_text().split()[0])

    def processes_of_postgres(self):
        """The postmaster and its children."""
        first = self.postmaster()
        children = call(["ps", "-o", "pid=", "--ppid", str(first)]).stdout.split()
        return [first, *map(int, children)]

    def start_again(self):
        """Starts the server once nothing of its predecessor is left, which it insists on."""
        end = time.monotonic() + 30
        while True:
            try:
                return self.pg_ctl("start")
            except NotThere:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def hold_connection(self):
        """One more session, which does nothing; gives whether there was room for it."""
        session = socket.socket(socket.AF_UNIX)
        session.settimeout(10)
        try:
            session.connect(str(self.home / f".s.PGSQL.{self.pg_port}"))
            body = struct.pack(">I", 196608) + b"user\0hog\0database\0postgres\0\0"
            session.sendall(struct.pack(">I", len(body) + 4) + body)
            if is_ready(session):
                self.held.append(session)
                return True
        except OSError:
            pass
        session.close()
        return False

    def let_go(self):
        for session in self.held:
            session.close()
        self.held = []

    # Networks

    def _network(self):
        """A namespace for the service, with a cable to the database and one to the callers."""
        must(["ip", "link", "set", "lo", "up"])
        self.nest = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.nest.pid}/ns/net") == own:
            time.sleep(0.01)
        for cable, here, there in (("db", NEAR, FAR), ("door", DOOR, ROOM)):
            must(["ip", "link", "add", cable, "type", "veth", "peer", "name", f"{cable}-in", "netns", self.nest.pid])
            must(["ip", "address", "add", f"{here}/24", "dev", cable])
            must(["ip", "link", "set", cable, "up"])
            self.inside("ip", "address", "add", f"{there}/24", "dev", f"{cable}-in")
            self.inside("ip", "link", "set", f"{cable}-in", "up")
        self.inside("ip", "link", "set", "lo", "up")

    def inside(self, *command):
        must(["nsenter", "-t", str(self.nest.pid), "-n", *map(str, command)])

    # Services

    def serve_one(self, name, folder, away=False, environment=None):
        """Serves a folder; gives where. `away`: beyond the cables."""
        service = name.partition("-")[0]
        ready, password = self.folder / f"{name}.ready", self.folder / f"{service}.password"
        password.write_text(self.passwords[service])
        settings = {
            "DB_HOST": NEAR if away else "127.0.0.1", "DB_PORT": str(self.pg_port), "DB_NAME": service, "DB_USER": service,
            "DB_PASSWORD_FILE": str(password), "HOWDAH_LISTEN_HTTP": f"{ROOM if away else '127.0.0.1'}:0", "HOWDAH_LISTEN_ADMIN": "127.0.0.1:0",
            "HOWDAH_ALLOW_ROOT": "true", "HOWDAH_LOG_LEVEL": "warn", **(environment or {})}
        prefix = ["nsenter", "-t", str(self.nest.pid), "-n"] if away else []
        process = self.start(name, [*prefix, self.binary, "serve", folder, "--ready-file", ready], settings)
        self.until(process, lambda: ready.exists() and ready.read_text().endswith("\n"))
        host, _, port = json.loads(ready.read_text())["http"].rpartition(":")
        return host, int(port)

    def questions(self):
        """Addresses of /rates and what their answers have to say, reckoned here from the rows themselves."""
        rows = self.psql("COPY (SELECT orig_code, dest_code, day, price FROM prices) TO STDOUT", "rates").splitlines()
        prices = {}
        for row in rows:
            orig, dest, day, price = row.split("\t")
            prices.setdefault((orig, dest), {}).setdefault(day, []).append(int(price))
        busiest = sorted(prices, key=lambda route: (-sum(map(len, prices[route].values())), route))[:20]
        asked = []
        for orig, dest in busiest:
            for first, days in ((date(2021, 1, 1), 31), (date(2016, 1, 10), 15), (date(2021, 1, 20), 3)):
                expected = []
                for back in range(days):
                    day = (first + timedelta(days=days - 1 - back)).isoformat()
                    that_day = prices[orig, dest].get(day, [])
                    mean = sum(that_day) / len(that_day) if len(that_day) >= 3 else None
                    expected.append((day, len(that_day) or None, mean))
                last = (first + timedelta(days=days - 1)).isoformat()
                asked.append((f"/rates?date_from={first}&date_to={last}&orig_code={orig}&dest_code={dest}", expected))
        return asked

    def entries(self):
        """How often each number was written."""
        rows = self.psql("SELECT number || ' ' || count(*) FROM entries GROUP BY number", "ledger").splitlines()
        return {int(number): int(count) for number, count in (row.split() for row in rows)}

    def stop(self):
        self.let_go()
        super().stop()
        call(self.as_user(self.bin / "pg_ctl", "-D", self.home / "data", "-s", "-m", "immediate", "stop"), cwd="/")
        self.watchdog.stdin.close()
        self.watchdog.wait(30)
        if self.confined:
            self.nest.kill()
            self.nest.wait()
            call(["umount", self.small])


def faketime_library():
    return next((it for it in FAKETIME if Path(it).exists()), None)
