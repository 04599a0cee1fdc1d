"""What other programs say is read right, and what they did not say is an error."""

import unittest

from suite import instructions, load, pgbench, processes


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


class Growth(unittest.TestCase):
    def test_five_percent_is_the_border(self):
        baseline = {"row": 1000, "none": 100}
        self.assertEqual(instructions.compare(baseline, {"row": 1050, "none": 90}), [])
        self.assertEqual(len(instructions.compare(baseline, {"row": 1051})), 1)
        self.assertEqual(len(instructions.compare(baseline, {"new": 1})), 1)


if __name__ == "__main__":
    unittest.main()
