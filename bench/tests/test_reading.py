"""What other programs say is read right, and what they did not say is an error."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from suite import contenders, instructions, load, pgbench, processes, sizes


class Reading(unittest.TestCase):
    def test_wrk(self):
        said = (
            "Running 1s test @ http://x\n  2 threads and 64 connections\n"
            '{"requests":1000,"duration_us":2000000,"p50_us":100,"p99_us":1500,"p999_us":2000,'
            '"socket_errors":3,"status_errors":10}\n'
        )
        known = load.parse_wrk(said)
        self.assertEqual(known, load.Load(495.0, 0.1, 1.5, 2.0, 13, 1000))
        with self.assertRaises(ValueError):
            load.parse_wrk("unable to connect")
        with self.assertRaises(ValueError):
            load.parse_wrk(said.replace("2000000", "0"))

    def test_wrk_takes_whole_seconds_and_at_least_one(self):
        command = load.wrk_command("http://x", "f", 1, 0.2, ["A: b"])
        self.assertEqual(command[command.index("-d") + 1], "1s")
        self.assertEqual(command[command.index("-t") + 1], "1")
        self.assertEqual(command[command.index("-H") + 1], "A: b")

    def test_pgbench(self):
        said = "latency average = 0.105 ms\ntps = 76123.5 (without initial connection time)\n"
        self.assertEqual(load.parse_pgbench(said), (76123.5, 0.105))
        with self.assertRaises(ValueError):
            load.parse_pgbench("pgbench: error: could not connect")

    def test_pgbench_scripts_have_its_own_parameters(self):
        for workload in pgbench.STATEMENTS:
            script = pgbench.script(workload)
            self.assertNotIn("$", script)
            self.assertTrue(script.endswith(";\n"))

    def test_stat_of_a_process_with_any_name(self):
        fields = "S 42 7 7 0 -1 4194560 1 0 0 0 250 50 30 20 20 0 3 0 6300"
        ticks = processes.TICKS
        self.assertEqual(processes.parse_stat(f"7 (a ) (b) {fields}"), (42, 300 / ticks, 50 / ticks))
        self.assertEqual(processes.parse_kernel(f"7 (a ) (b) {fields}"), 50 / ticks)

    def test_busy_is_all_but_idle_and_waiting(self):
        text = "cpu  100 20 30 1000 500 4 5 6 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
        self.assertEqual(processes.parse_busy(text), 165 / processes.TICKS)

    def test_a_tree_is_all_that_a_process_started(self):
        known = {1: (0, 0, 0), 2: (1, 0, 0), 3: (2, 0, 0), 4: (1, 0, 0), 5: (9, 0, 0)}
        self.assertEqual(processes.tree(2, known), {2, 3})
        self.assertEqual(processes.tree(1, known), {1, 2, 3, 4})
        self.assertEqual(processes.tree(8, known), set())

    def test_callgrind(self):
        self.assertEqual(instructions.collected("==1== Collected : 12345\n"), 12345)
        with self.assertRaises(ValueError):
            instructions.collected("==1== nothing")
        self.assertEqual(instructions.per_request(1_000_000, 3_000_000, 2000), 1000)

    def test_an_image_has_a_size_and_perhaps_a_revision(self):
        self.assertEqual(sizes.parse_image("14971426 e812cc31e877-dirty\n"), (14971426, "e812cc31e877-dirty"))
        self.assertEqual(sizes.parse_image("14971426 <no value>\n"), (14971426, "unknown"))
        self.assertEqual(sizes.parse_image("14971426\n"), (14971426, "unknown"))
        with self.assertRaises(ValueError):
            sizes.parse_image("Error: no such image\n")

    def test_what_is_not_there_weighs_nothing_and_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "it"
            self.assertEqual(sizes.binary("a", file).why, "not installed")
            file.write_bytes(b"12345")
            self.assertEqual(sizes.binary("a", file).size, 5)
            (Path(folder) / "link").symlink_to(file)
            self.assertEqual(sizes.folder("a", "", Path(folder)).size, 5)
            self.assertIsNone(sizes.folder("a", "", file).size)


class Sqlpage(unittest.TestCase):
    """What becomes of its build, which is long."""

    def build(self, cargo: str, minutes: float = 1, build: bool = True) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "cargo"
            program.write_text(f"#!/bin/sh\n{cargo}\n")
            program.chmod(0o755)
            path = f"{folder}:{os.environ['PATH']}"
            with (
                mock.patch.object(contenders, "INSTALLED", Path(folder)),
                mock.patch.object(contenders, "SQLPAGE_MINUTES", minutes),
                mock.patch.object(contenders, "_say", lambda _: None),
                mock.patch.dict(os.environ, PATH=path),
            ):
                return contenders.install_sqlpage(build)

    def test_it_is_built_by_long_runs_alone_and_what_fails_is_told(self):
        self.assertIn("BENCH=default", self.build("exit 0", build=False))
        self.assertIsNone(self.build("exit 0"))
        self.assertIn("error: no", self.build("echo 'error: no such thing' >&2; exit 101"))
        self.assertIn("sqlpage.log", self.build("exit 1"))

    def test_a_build_without_an_end_is_ended(self):
        self.assertIn("did not end", self.build("sleep 600", minutes=0.001))


class Growth(unittest.TestCase):
    def test_five_percent_is_the_border(self):
        baseline = {"row": 1000, "none": 100}
        self.assertEqual(instructions.compare(baseline, {"row": 1050, "none": 90}), [])
        self.assertEqual(len(instructions.compare(baseline, {"row": 1051})), 1)
        self.assertEqual(len(instructions.compare(baseline, {"new": 1})), 1)


if __name__ == "__main__":
    unittest.main()
