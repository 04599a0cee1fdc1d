"""Callers who know which answers are right.

Owns the load and its account: every request is in exactly one of the columns of `Account`. Does not own faults.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

PATIENCE_S = 30


@dataclass
class Account:
    """What became of the requests."""

    requests: int = 0
    right: int = 0
    unavailable: int = 0  # refused in a stated way: 503 with Retry-After, or 504
    wrong: int = 0
    lost: int = 0  # no answer, or half of one
    last_right: dict = field(default_factory=dict)  # by caller
    last_unavailable: float = 0.0
    codes: Counter = field(default_factory=Counter)  # of the refusals
    examples: list = field(default_factory=list)

    def was_right(self, caller):
        self.right += 1
        self.last_right[caller] = time.monotonic()

    def are_all_right(self, since):
        """Whether every caller has had a right answer since: not only those of the thread that was back first."""
        return bool(self.last_right) and all(at > since for at in list(self.last_right.values()))

    def note(self, what):
        if len(self.examples) < 5:
            self.examples.append(what)


class Caller:
    """One connection that is kept, and made anew when the service closes it."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.reader = self.writer = None

    async def ask(self, method, path, body=b""):
        """Gives the status, the header fields and the body; ConnectionError when there is no whole answer."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: chaos\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        text = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ")[1]), headers, text

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def refusal(status, headers, text, forbidden):
    """The code of a stated refusal: a problem that says when to come back, or that time was up; or that the database
    does not let the service do it, where it has been forbidden. None for any other answer."""
    if headers.get("content-type") != "application/problem+json":
        return None
    with contextlib.suppress(ValueError, KeyError):
        code = json.loads(text)["code"]
        stated = {503: ("database-unavailable", "overloaded", "outcome-unknown"), 504: ("deadline-exceeded",)}
        if forbidden:
            stated[403] = ("forbidden",)
        if code in stated.get(status, ()) and (status != 503 or "retry-after" in headers):
            return code
    return None


class Load:
    """Reads and writes that never stop, on a thread of their own."""

    def __init__(self, reads, questions, writes, readers, writers, forbidden):
        self.forbidden = forbidden
        self.reads, self.questions, self.writes = reads, questions, writes
        self.readers, self.writers = readers, writers
        self.read, self.written = Account(), Account()
        self.made, self.sent = set(), set()
        self.number = 0
        self.stopping = False
        self.seen = {}
        self.failure = None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join(PATIENCE_S + 10)
        if self.failure:
            raise self.failure

    def _run(self):
        try:
            asyncio.run(self._all())
        except Exception as why:  # raised again where the load ends
            self.failure = why

    async def _all(self):
        readers = [self._reader(it) for it in range(self.readers)]
        await asyncio.gather(*readers, *(self._writer() for _ in range(self.writers)))

    async def _one(self, account, caller, *request):
        account.requests += 1
        try:
            return await asyncio.wait_for(caller.ask(*request), PATIENCE_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as why:
            caller.close()
            account.lost += 1
            account.note(f"no answer: {why!r}")
            await asyncio.sleep(0.05)
            return None

    async def _reader(self, turn):
        caller, account = Caller(*self.reads), self.read
        account.last_right[caller] = 0.0
        while not self.stopping:
            turn += 1
            path, expected = self.questions[turn % len(self.questions)]
            if (answer := await self._one(account, caller, "GET", path)) is None:
                continue
            status, headers, text = answer
            if status == 200 and (self.seen.get(path) == text or same(text, expected)):
                self.seen[path] = text
                account.was_right(caller)
            else:
                await self._refused(account, path, status, headers, text)
        caller.close()

    async def _writer(self):
        caller, account = Caller(*self.writes), self.written
        account.last_right[caller] = 0.0
        while not self.stopping:
            self.number += 1
            number = self.number
            self.sent.add(number)
            answer = await self._one(account, caller, "POST", "/entries", json.dumps({"number": number}).encode())
            if answer is None:
                continue
            status, headers, text = answer
            if status in (200, 201) and text.strip() == str(number).encode():
                self.made.add(number)
                account.was_right(caller)
            else:
                await self._refused(account, "/entries", status, headers, text)
            await asyncio.sleep(0.005)
        caller.close()

    async def _refused(self, account, path, status, headers, text):
        if code := refusal(status, headers, text, self.forbidden):
            account.unavailable += 1
            account.codes[code] += 1
            account.last_unavailable = time.monotonic()
            await asyncio.sleep(0.05)
        else:
            account.wrong += 1
            account.note(f"{path}: {status} {text[:200]!r}")


def same(text, expected):
    """Whether an answer of /rates has these days, counts and means."""
    try:
        rates = json.loads(text)["rates"]
        if len(rates) != len(expected):
            return False
        for entry, (day, count, mean) in zip(rates, expected, strict=True):
            if entry["day"] != day or entry["count"] != count or (entry["price"] is None) != (mean is None):
                return False
            if mean is not None and abs(entry["price"] - mean) > 1e-9 * max(1.0, abs(mean)):
                return False
    except (ValueError, KeyError, TypeError):
        return False
    return True
