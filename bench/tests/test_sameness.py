"""Contenders' answers are compared by their data, and what differs is found."""

import json
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from suite import sameness
from suite.contenders import Contender

OURS = [{"id": 1, "amount": "1.01", "day": "2000-01-02", "at": "2020-01-01T00:01:01.500000+00:00", "x": None}]


def same(ours: object, theirs: object) -> str | None:
    return sameness.difference(*(sameness.rows(json.dumps(it).encode()) for it in (ours, theirs)))


class Sameness(unittest.TestCase):
    def test_envelopes_and_ways_to_write_a_value_are_each_ones_own(self):
        row = {"at": "2020-01-01T02:01:01.500+02:00", "amount": 1.01, "x": None, "day": "2000-01-02", "id": 1}
        for theirs in [row], row, {"rates": [row]}:
            self.assertIsNone(same(OURS, theirs))
        self.assertIsNone(same({"message": "Hello world!"}, [{"message": "Hello world!"}]))

    def test_other_data_are_named(self):
        self.assertEqual(same(OURS, []), "0 rows, not 1")
        self.assertEqual(same(OURS, [{"id": 1}]), "row 1 has the columns id")
        for name, value in [("id", 2), ("amount", 1.02), ("day", "2000-01-03"), ("x", 0), ("x", "")]:
            self.assertIn(f"`{name}` of row 1", same(OURS, [OURS[0] | {name: value}]))
        self.assertIn("`at`", same(OURS, [OURS[0] | {"at": "2020-01-01T00:01:01.500+01:00"}]))
        self.assertIn("of row 1", same([{"n": 1}, {"n": 2}], [{"n": 2}, {"n": 1}]))

    def test_a_number_is_no_text_and_text_no_moment(self):
        self.assertEqual(sameness.value('item 1 "of" c4ca'), 'item 1 "of" c4ca')
        self.assertEqual(sameness.value(True), True)
        self.assertEqual(sameness.value(0.1 + 0.2), sameness.value("0.3"))

    def test_both_are_asked_and_the_first_difference_is_told(self):
        with (
            Answers(b'{"n":1}') as one,
            Answers(b'[{"n":1}]') as other,
            Answers(b'{"n":2}') as wrong,
            Answers(b"<p>") as page,
            tempfile.NamedTemporaryFile("w", suffix=".paths") as file,
        ):
            file.write("/a\n/b\n")
            file.flush()
            files = {"row": Path(file.name)}
            sameness.check(one.contender(), other.contender(), files)
            with self.assertRaisesRegex(sameness.Different, "GET /a: `n` of row 1 is 2.0, not 1.0"):
                sameness.check(one.contender(), wrong.contender(), files)
            with self.assertRaisesRegex(sameness.Different, "not answered with JSON"):
                sameness.check(one.contender(), page.contender(), files)


class Answers:
    """A server that answers everything with one body."""

    def __init__(self, body: bytes):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    def contender(self) -> Contender:
        return Contender("it", None, self.server.server_port, {"row"})

    def __enter__(self) -> "Answers":
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    unittest.main()
