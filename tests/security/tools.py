"""What each tool is asked, how its answer is read, and what it has to find before its silence counts.

Several tools end with 0 whatever they find, so nothing here goes by an exit status: the answer is read, and one
that cannot be read is a failure.
"""

import contextlib
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import frames
import install
from stage import ROOT, SERVICES, call


class NotChecked(Exception):
    """The tool cannot do its work here; why."""


class Blind(Exception):
    """The tool did not find what is there, or gave no answer; its silence is worth nothing."""


def operations(document):
    """Each operation of an OpenAPI document as its path, its query and its path's parameters, by their examples."""
    for path, methods in json.loads(document.read_text())["paths"].items():
        for method, operation in methods.items():
            if method not in ("get", "post"):
                continue
            query, inner = {}, {}
            for it in operation.get("parameters", []):
                value = str(it.get("example", it["schema"].get("default", "1")))
                (inner if it["in"] == "path" else query)[it["name"]] = value
            yield method, path, query, inner


def address(base, path, query, inner=None):
    for name, value in (inner or {}).items():
        path = path.replace("{" + name + "}", value)
    return base + path + ("?" + urllib.parse.urlencode(query, safe="*") if query else "")


PRICES = json.dumps([{"orig_code": "CNGGZ", "dest_code": "EETLL", "day": "2030-01-01", "price": 1}])
TWIN = {"/": ("name", "Ada"), "/ping": ("ip", "127.0.0.1"), "/calculate": ("expr", "2"), "/ports": ("name", "Tallinn"), "/file": ("path", "hosts")}


class Check:
    """One tool. `prove` says what it found where something is; `look` gives what it found in a target."""

    name = ""
    where = "the vulnerable twin"

    def __init__(self, stage, quick):
        self.stage, self.quick = stage, quick

    def prepare(self):
        """Has the tool installed, or raises NotChecked."""

    def prove(self):
        raise NotImplementedError

    def targets(self):
        raise NotImplementedError

    def look(self, target):
        """What was checked, in words, and the findings."""
        raise NotImplementedError

    def python(self, name):
        if not (programs := install.environment(name)):
            raise NotChecked(f"{name} could not be installed here")
        return programs

    def program(self, name):
        install.debian([name])
        if not (found := shutil.which(name)):
            raise NotChecked(f"there is no {name} here (Debian: {install.DEBIAN[name]})")
        return found


class Schemathesis(Check):
    name = "schemathesis"

    def prepare(self):
        self.tool = self.python("schemathesis") / "schemathesis"

    def ask(self, document, url, examples):
        report = self.stage.folder / "schemathesis.json"
        report.unlink(missing_ok=True)
        done = call([self.tool, "--config-file", ROOT / "tests/security/schemathesis.toml", "run", document, "--url", url, "--checks", "all",
                     "--max-examples", examples, "--generation-deterministic", "--no-color", "--report", "json", "--report-json-path", report,
                     "--suppress-health-check", "all", "--request-timeout", 10], timeout=420, cwd=self.stage.folder)
        if not report.exists():
            raise Blind(f"no report: {(done.stderr or done.stdout)[-300:]}")
        answer = json.loads(report.read_text())
        found = [f"{f['title']} ({f['count']}): {', '.join(f['operations'])}" for f in answer["failures"]]
        found += [f"error: {json.dumps(it)[:200]}" for it in answer["errors"]]
        if not answer["complete"] or answer["operations"]["tested"] != answer["operations"]["total"] or (done.returncode and not found):
            raise Blind(f"it did not come to its end: {done.stdout[-300:]}")
        if found:
            (self.stage.folder / "schemathesis.out").write_text(done.stdout)
        return f"{answer['operations']['tested']} operations, {answer['test_cases']['generated']} cases, every check", found

    def prove(self):
        _, found = self.ask(self.stage.openapi("toolbox"), self.stage.urls["twin"], 10)
        return found

    def targets(self):
        return SERVICES

    def look(self, target):
        return self.ask(self.stage.openapi(target), self.stage.urls[target], 25 if self.quick else 150)


class Sqlmap(Check):
    name = "sqlmap"

    def prepare(self):
        self.tool = self.python("sqlmap") / "sqlmap"

    def ask(self, url, *more):
        done = call([self.tool, "-u", url, "--batch", "--disable-coloring", "--flush-session", "--dbms", "postgresql",
                     "--output-dir", self.stage.folder / "sqlmap", *more], timeout=300)
        found = [f"{it} of {url}" for it in re.findall(r"(?m)^Parameter: (.*)$", done.stdout)]
        if not found and "do not appear to be injectable" not in done.stdout:
            raise Blind(f"no answer about {url}: {done.stdout.strip().splitlines()[-3:]}")
        return found

    def prove(self):
        return self.ask(f"{self.stage.urls['twin']}/ports?name=Tallinn")

    def targets(self):
        return SERVICES

    def look(self, target):
        found, parameters = [], 0
        thorough = ["--level", "1"] if self.quick else ["--level", "2", "--risk", "2"]
        base = self.stage.urls[target]
        for method, path, query, inner in operations(self.stage.openapi(target)):
            more = list(thorough)
            marked = {name: value + "*" for name, value in inner.items()}
            if method == "post":
                more += ["--data", PRICES, "--headers", "Content-Type: application/json"]
                parameters += 4
            elif not (query or inner):
                # Nothing is declared: the fields that are read anyway.
                more = ["--level", "3", "-p", "user-agent,referer,host"]
                if self.quick:
                    continue
            parameters += len(query) + len(inner)
            found += self.ask(address(base, path, query, marked), *more)
        return f"{parameters} parameters" + ("" if self.quick else "; header fields where there are none"), found


class Wapiti(Check):
    name = "wapiti"
    # Those that attack parameters. Not spring4shell: it takes a 400 for proof, and that is what an unknown
    # parameter is answered with.
    MODULES = "exec,file,sql,timesql,xss,permanentxss,crlf,redirect,ssrf,xxe,ldap,log4shell,shellshock,methods,upload,backup,htaccess,cookieflags"

    # Seconds for finding addresses, and for each module. With more, the whole run over five services takes hours.
    CRAWL_S, MODULE_S = 60, 45

    def prepare(self):
        self.tool = self.python("wapiti") / "wapiti"

    def ask(self, base, starts, document=None, modules=MODULES):
        report = self.stage.folder / "wapiti.json"
        report.unlink(missing_ok=True)
        command = [self.tool, "-u", f"{base}/", "--scope", "domain", "-m", modules, "--flush-session", "--no-bugreport", "-f", "json", "-o", report,
                   "--store-session", self.stage.folder / "wapiti", "--store-config", self.stage.folder / "wapiti", "-v", "1",
                   "--max-scan-time", str(self.CRAWL_S), "--max-attack-time", str(self.MODULE_S)]
        for start in starts:
            command += ["-s", start]
        if document:
            command += ["--swagger", document]
        # Every module may use up its time, and a request that is under way is waited for.
        longest = self.CRAWL_S + (modules.count(",") + 1) * (self.MODULE_S + 10) + 60
        done = call(command, timeout=longest, cwd=self.stage.folder)
        if not report.exists():
            raise Blind(f"no report: {(done.stderr or done.stdout)[-300:]}")
        answer = json.loads(report.read_text())
        self.cut = len(re.findall(r"[Mm]ax attack time was reached", done.stdout + done.stderr))
        found = []
        for kind in ("vulnerabilities", "anomalies"):
            found += [
                f"{title}: {it['path']} {it['parameter']}"
                for title, all_of_it in answer[kind].items()
                for it in all_of_it
                if not (title == "LDAP Injection" and self.is_refused(base, it["http_request"]))
            ]
        return answer["infos"]["crawled_pages_nbr"], found

    @staticmethod
    def is_refused(base, request):
        """Whether what was sent is answered with 400, so that nothing was asked with it. The module for LDAP compares pages,
        and takes those for proof that differ: each problem differs from the last by its request's id."""
        method, target, *_ = request.split(None, 2)
        asked = urllib.request.Request(base + target, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=10):
                return False
        except urllib.error.HTTPError as answer:
            return answer.code == 400

    def prove(self):
        starts = [address(self.stage.urls["twin"], path, dict([pair])) for path, pair in TWIN.items()]
        _, found = self.ask(self.stage.urls["twin"], starts, modules="exec,file,sql,xss")
        for title in ("Command execution", "Path Traversal", "Reflected Cross Site Scripting", "SQL Injection"):
            if not any(it.startswith(title) for it in found):
                raise Blind(f"did not find {title}")
        return found

    def targets(self):
        return SERVICES

    def look(self, target):
        document, base = self.stage.openapi(target), self.stage.urls[target]
        starts = [address(base, path, query, inner) for method, path, query, inner in operations(document) if method == "get"]
        modules = "exec,file,sql,xss,crlf,redirect,ssrf" if self.quick else self.MODULES
        pages, found = self.ask(base, starts, document, modules)
        cut = f", {self.cut} of them stopped after {self.MODULE_S} s" if self.cut else ""
        return f"{pages} addresses, {modules.count(',') + 1} modules{cut}", found


class Canaries(Check):
    """Arguments that come back as 1337 where something evaluates them."""

    name = "canaries"
    PAYLOADS = (";echo $((7*191))", "$(echo $((7*191)))", "|expr 7 \\* 191", "{{7*191}}", "${7*191}", "#{7*191}", "<%= 7*191 %>",
                "__import__('os').popen('echo $((7*191))').read()", "str(7*191)", "' || (7*191) || '", "' UNION SELECT (7*191)::text, '' --",
                "1) UNION SELECT (7*191)::text --")
    TELLTALES = re.compile(r"1337|psycopg|syntax error at|SQLSTATE|Traceback|panicked|pg_catalog|/etc/|root:x:")

    def send(self, url):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode(errors="replace")
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode(errors="replace")

    def attack(self, base, path, query, inner):
        found, sent = [], 0
        for name, value in [*query.items(), *inner.items()]:
            for payload in (it for lone in self.PAYLOADS for it in (lone, value + lone)):
                sent += 1
                given = urllib.parse.quote(payload, safe="")
                url = address(base, path, query | {name: payload}, inner) if name in query else address(base, path, query, inner | {name: given})
                # What is only repeated is not evaluated.
                text = self.send(url).replace(payload, "")
                if match := self.TELLTALES.search(text):
                    found.append(f"{path} {name}: {match.group()} for {payload}")
        return sent, found

    def prove(self):
        found = []
        for path in ("/", "/ping", "/calculate", "/ports"):
            one = self.attack(self.stage.urls["twin"], path, dict([TWIN[path]]), {})[1]
            if not one:
                raise Blind(f"did not find the hole in {path}")
            found += one
        return found

    def targets(self):
        return [it for it in SERVICES if it in ("rates", "toolbox")]

    def look(self, target):
        found, requests = [], 0
        for method, path, query, inner in operations(self.stage.openapi(target)):
            if method == "get":
                sent, one = self.attack(self.stage.urls[target], path, query, inner)
                found, requests = found + one, requests + sent
        return f"{requests} requests", found


class SlowHttpTest(Check):
    name = "slowhttptest"
    DEADLINE_S = 2.0
    NORMAL = "/ports/EETLL"
    # What is asked for, and how: a body where bodies are read, a long answer to read slowly.
    ATTACKS = {
        "slow head": (NORMAL, ["-H"]),
        "slow body": ("/prices", ["-B", "-f", "text/csv", "-s", "100000"]),
        "ranges": (NORMAL, ["-R", "-a", "10", "-b", "3000"]),
        "slow read": ("/ports?limit=1000", ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"]),
    }

    def prepare(self):
        self.tool = self.program("slowhttptest")

    def attack(self, attacked, normal, seconds, options):
        """Gives how many requests a normal client made meanwhile, the slowest, and how many were not answered in time."""
        stop, times = threading.Event(), []

        def ask():
            while not stop.is_set():
                start = time.monotonic()
                try:
                    with urllib.request.urlopen(normal, timeout=self.DEADLINE_S) as answer:
                        right = answer.status == 200
                except OSError:
                    right = False
                took = time.monotonic() - start
                times.append((took, right and took < self.DEADLINE_S))
                stop.wait(0.05)

        client = threading.Thread(target=ask)
        client.start()
        try:
            done = call([self.tool, *options, "-c", "500", "-r", "250", "-i", "5", "-l", seconds, "-p", "3", "-u", attacked], timeout=seconds + 60,
                        cwd=self.stage.folder)
        finally:
            stop.set()
            client.join()
        if "slow HTTP test status" not in done.stdout:
            raise Blind(f"no answer: {(done.stderr or done.stdout)[-200:]}")
        return len(times), max(it for it, _ in times), sum(not right for _, right in times)

    def prove(self):
        # One attack will do: it answers one caller at a time.
        url = self.stage.urls["twin"] + "/?name=a"
        _, slowest, late = self.attack(url, url, 6, self.ATTACKS["slow head"][1])
        return [f"{late} requests late, the slowest {slowest:.1f} s"] if late else []

    def targets(self):
        return ("rates",)

    def look(self, target):
        found, words = [], []
        for name, (path, options) in self.ATTACKS.items():
            base = self.stage.urls[target]
            requests, slowest, late = self.attack(base + path, base + self.NORMAL, 8 if self.quick else 16, options)
            words.append(f"{name} {slowest * 1000:.0f} ms")
            if late:
                found.append(f"{name}: {late} of {requests} requests of a normal client not within {self.DEADLINE_S} s")
        return f"500 connections each; slowest normal request: {', '.join(words)}", found


class H2load(Check):
    name = "h2load"
    where = "a server without HTTP/2"

    def prepare(self):
        self.tool = self.program("h2load")

    def ask(self, url, requests):
        done = call([self.tool, "-n", requests, "-c", "16", "-m", "32", "-T", "10", url], timeout=180)
        counts = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", done.stdout)
        if not counts:
            raise Blind(f"no answer: {(done.stderr or done.stdout)[-200:]}")
        total, finished, right, *_ = map(int, counts.groups())
        found = [] if right == total == finished else [counts.group()]
        if "Application protocol: h2" not in done.stdout:
            found.append("it did not speak HTTP/2")
        return f"{total} requests on 16 connections, 32 at a time each: {right} right", found

    def prove(self):
        return self.ask(self.stage.urls["weak-tls"] + "/", 64)[1]

    def targets(self):
        return ("sealed",)

    def look(self, target):
        return self.ask(self.stage.urls[target] + "/?name=Ada", 4000 if self.quick else 20000)


class Frames(Check):
    name = "frames"
    where = "a server that believes everything"

    def prove(self):
        port, close = frames.credulous(self.stage.folder / "tls.crt", self.stage.folder / "tls.key")
        patience, frames.PATIENCE_S = frames.PATIENCE_S, 1
        try:
            found = frames.check(port)
        finally:
            frames.PATIENCE_S = patience
            close()
        if blind := [it for it in frames.CASES if not any(one.startswith(it) for one in found)]:
            raise Blind(f"took for right: {', '.join(blind)}")
        return found

    def targets(self):
        return ("sealed",)

    def look(self, target):
        port = int(self.stage.urls[target].rsplit(":", 1)[1])
        process = next(it for it in self.stage.processes if it.name == target)
        before = resident(process.pid)
        found = frames.check(port)
        after = resident(process.pid)
        if process.poll() is not None:
            found.append("the process has ended")
        if after - before > 64 * 1024:
            found.append(f"its memory has grown from {before} to {after} KiB")
        return f"{len(frames.CASES)} malformed, {len(frames.ALLOWED)} odd and allowed; memory {before // 1024} to {after // 1024} MiB", found


def resident(pid):
    with contextlib.suppress(OSError):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))
    return 0


class Sslyze(Check):
    name = "sslyze"
    where = "weak TLS"

    def prepare(self):
        self.tool = self.python("sslyze") / "sslyze"

    def ask(self, url):
        at = url.replace("https://127.0.0.1", "localhost")
        done = call([self.tool, "--mozilla_config=intermediate", "--certinfo_ca_file", self.stage.folder / "ca.pem", at], timeout=120)
        said = done.stdout.partition("COMPLIANCE AGAINST")[2]
        found = re.findall(r"(?m)^\s+\* (.{1,120})", said)
        if f"{at}: OK - Compliant" in said and not found:
            return []
        if not found:
            raise Blind(f"no answer: {(done.stderr or done.stdout)[-200:]}")
        return found

    def prove(self):
        found = self.ask(self.stage.urls["weak-tls"])
        for rule in ("ciphers", "rsa_key_size", "certificate_signatures"):
            if not any(it.startswith(rule) for it in found):
                raise Blind(f"did not find {rule}")
        return found

    def targets(self):
        return ("sealed",)

    def look(self, target):
        return "Mozilla's intermediate profile", self.ask(self.stage.urls[target])


class Testssl(Check):
    name = "testssl"
    where = "weak TLS"
    # Each with its reason; what is not met any more is a failure.
    ACCEPTED = {"DNS_CAArecord": "a CAA record belongs to a public name, and this is the loopback"}

    def prepare(self):
        self.tool = self.program("testssl")

    def ask(self, url, *options):
        report = self.stage.folder / "testssl.json"
        report.unlink(missing_ok=True)
        done = call([self.tool, "--quiet", "--color", "0", "--warnings", "off", "--ip", "one", "--nodns", "min", "--add-ca", self.stage.folder / "ca.pem",
                     "--jsonfile", report, *options, url.replace("127.0.0.1", "localhost")], timeout=420, cwd=self.stage.folder)
        try:
            answer = json.loads(report.read_text())
        except (OSError, ValueError):
            raise Blind(f"no report: {(done.stderr or done.stdout)[-200:]}") from None
        if len(answer) < 10:
            raise Blind(f"it looked at next to nothing: {[it['id'] for it in answer]}")
        return len(answer), [it for it in answer if it["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")]

    def prove(self):
        return [it["id"] for it in self.ask(self.stage.urls["weak-tls"], "--std", "--server-defaults")[1]]

    def targets(self):
        return ("sealed",)

    def look(self, target):
        options = ["--protocols", "--std", "--server-defaults", "--server-preference", "--headers"] if self.quick else []
        looked, found = self.ask(self.stage.urls[target], *options)
        left = [f"{it['id']} {it['severity']}: {it['finding'][:100]}" for it in found if it["id"] not in self.ACCEPTED]
        accepted = [it["id"] for it in found if it["id"] in self.ACCEPTED]
        return f"{looked} tests" + (f"; accepted: {', '.join(accepted)}" if accepted else ""), left


class CargoDeny(Check):
    name = "cargo-deny"
    where = "rules that forbid a crate and a licence"

    def prepare(self):
        if not shutil.which("cargo"):
            raise NotChecked("there is no cargo here")
        if not (tool := install.cargo_deny()):
            raise NotChecked("cargo-deny could not be built here")
        self.tool = tool

    def ask(self, config, *checks, offline=True):
        command = [self.tool, "--manifest-path", ROOT / "Cargo.toml", "--config", config, *(["--offline"] if offline else []), "--format", "json"]
        command += ["check", *checks]
        done = call(command, timeout=120, cwd=ROOT)
        found, summary = [], False
        for line in done.stderr.splitlines():
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                summary |= event.get("type") == "summary"
                fields = event.get("fields", {})
                if event.get("type") == "diagnostic" and fields.get("severity") == "error":
                    found.append(f"{fields.get('code') or 'error'}: {fields.get('message', '')}")
        if not summary:
            raise Blind(f"no answer: {done.stderr.strip().splitlines()[-1:]}")
        return found

    def prove(self):
        found = self.ask(ROOT / "tests/scan/planted/deny.toml", "licenses", "bans", "sources")
        for code in ("banned", "rejected"):
            if not any(it.startswith(code) for it in found):
                raise Blind(f"did not find {code}")
        return found

    def targets(self):
        return ("Cargo.lock", "advisories")

    def look(self, target):
        if target == "Cargo.lock":
            return "licences, bans, sources", self.ask(ROOT / "deny.toml", "licenses", "bans", "sources")
        try:
            return "known vulnerabilities", self.ask(ROOT / "deny.toml", "advisories", offline=False)
        except (Blind, subprocess.TimeoutExpired):
            raise NotChecked("the list of advisories cannot be fetched from here") from None


CHECKS = (Schemathesis, Sqlmap, Wapiti, Canaries, SlowHttpTest, H2load, Frames, Sslyze, Testssl, CargoDeny)
