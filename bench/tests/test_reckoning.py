"""Middles, spreads, ratios, verdicts and plots."""

import unittest
from xml.etree import ElementTree

from suite import reasons, report
from suite.extras import Extras, Moved, attempt
from suite.howdah import Refused
from suite.load import Load
from suite.rounds import Turns
from suite.statistics import Spread, ratios, short, spread
from suite.svg import bars, lines
from suite.targets import TARGETS, Measured, Target, judge


def turns(*per_second: float) -> Turns:
    loads = [Load(it, 1, 2, 3, 0, 100) for it in per_second]
    rounds = len(per_second)
    return Turns(loads, [7.0] * rounds, [15.0] * rounds, [5_000_000] * rounds)


class Statistics(unittest.TestCase):
    def test_the_middle_is_the_median(self):
        self.assertEqual(spread([3, 1, 2]), Spread(1, 2, 3))
        self.assertEqual(spread([1, 2]), Spread(1, 1.5, 2))
        with self.assertRaises(ValueError):
            spread([])

    def test_ratios_are_of_one_round_each(self):
        # The machine was twice as fast in the second round: the ratio is the same.
        self.assertEqual(ratios([10, 20], [5, 10]), Spread(2, 2, 2))
        with self.assertRaises(ValueError):
            ratios([1, 2], [1])

    def test_figures_have_three_digits(self):
        for value, said in [(0, "0"), (0.823, "0.82"), (17.46, "17.5"), (128_345, "128,000")]:
            self.assertEqual(short(value), said)


class Verdicts(unittest.TestCase):
    def test_the_middle_is_judged(self):
        least = Target("w", "a", 2.0, "×", lambda it: Spread(1, 2, 3))
        self.assertTrue(least.met(Spread(1, 2, 3)))
        self.assertFalse(least.met(Spread(1, 1.9, 3)))
        most = Target("w", "a", 2.0, "ms", lambda it: Spread(1, 2, 3), most=True)
        self.assertTrue(most.met(Spread(1, 2, 9)))
        self.assertFalse(most.met(Spread(1, 2.1, 3)))

    def test_what_was_not_measured_is_said_with_its_reason(self):
        extras = Extras()
        attempt(extras, ["bulk"], refuse)
        self.assertEqual(extras.missing, {"bulk": "unknown key `copy`"})
        results = {"none": {"Howdah": turns(100, 100)}, "row": {}, "rates": {}, "items": {}}
        measured = Measured(results, {}, extras, {"hyper": "left out"}, {})
        rows = {(it.target.workload, it.target.against): it for it in judge(measured)}
        self.assertEqual(len(rows), len(TARGETS))
        hyper = rows["no database", "hyper, by hand"]
        self.assertEqual(hyper.verdict, "NOT MEASURED: left out")
        bulk = rows["50,000 rows in, NDJSON", r"psql \copy"]
        self.assertEqual(bulk.verdict, "NOT MEASURED: unknown key `copy`")
        self.assertEqual(rows["no database", "processor time"].verdict, "met")


class Reasons(unittest.TestCase):
    def test_each_written_reason_is_of_a_target(self):
        named = {f"{it.workload} | {it.against}" for it in TARGETS}
        self.assertEqual(set(reasons.written()) - named, set())
        self.assertEqual(set(reasons.NAMES) - {it.against for it in TARGETS}, set())

    def test_what_is_not_met_says_why(self):
        results = {"none": {"Howdah": turns(50), "hyper": turns(100)}, "row": {}, "rates": {}, "items": {}}
        measured = Measured(results, {}, Extras(), {}, {"binary MB": 15.0})
        rows = {reasons.name_of(it): it for it in judge(measured)}
        slow, large = rows["no database | hyper, by hand"], rows["binary | size"]
        ours, theirs = "7.00 + 15.0 µs of the processors, server and PostgreSQL", "theirs 7.00 + 15.0 µs"
        times = f"a request takes {ours}; {theirs}"
        self.assertEqual(reasons.why(slow, measured, {}), times)
        known = {reasons.name_of(slow): "so it is"}
        self.assertEqual(reasons.why(slow, measured, known), f"so it is; {times}")
        self.assertEqual(reasons.why(large, measured, {}), "not known yet")
        self.assertEqual(reasons.why(rows["no database | processor time"], measured, {}), "")
        results["none"]["Howdah"].load_us.append(3.0)
        times = f"a request takes {ours}, and 3.00 µs the load generator's; {theirs}"
        self.assertEqual(reasons.why(slow, measured, {}), times)
        results["none"]["Howdah"].server_us.append(20.0)
        results["none"]["Howdah"].server_us.append(20.0)
        late = {reasons.name_of(it): it for it in judge(measured)}["no database | processor time"]
        self.assertEqual(reasons.why(late, measured, {}), "not known yet")
        results["none"]["Howdah"].kernel_us.append(5.0)
        why = "5.00 µs of it are the kernel's, for the calls that a request takes"
        why += "; the service by hand took 7.00 µs without a database"
        self.assertEqual(reasons.why(late, measured, {}), why)
        results["none"]["Howdah"].server_us[1:] = []
        results["none"]["Howdah"].others.append(0.4)
        self.assertEqual(reasons.why(slow, measured, {}), f"{times}; other work took 40 % of the processors")
        self.assertEqual(reasons.why(large, measured, {}), "not known yet")


class Tables(unittest.TestCase):
    def test_growth_has_a_row_for_each_count_and_contender(self):
        grown = {"Howdah": {1: turns(10, 30), 16: turns(100)}, "axum": {1: turns(5), 16: turns(50)}}
        said = report.growth(grown).splitlines()[2:]
        self.assertEqual(said[0], "| 1 | Howdah | 20.0 | 1.00 | 2.00 | 3.00 | 7.00 | 15.0 | 5.00 |")
        named = [[each.strip() for each in it.split("|")[1:3]] for it in said]
        self.assertEqual(named, [["1", "Howdah"], ["", "axum"], ["16", "Howdah"], ["", "axum"]])

    def test_failed_requests_are_told(self):
        self.assertEqual(report.failed(turns(10)), "")
        lost = Turns([Load(10, 1, 2, 3, 2, 100)])
        self.assertEqual(report.failed(lost), " (2 of 100 failed)")

    def test_many_rows_have_their_speed(self):
        extras = Extras()
        extras.move("2,000 rows out", "psql", Moved(2000, 0.5, 1.5, 2.5, 3_000_000))
        said = report.moved(Measured({}, {}, extras, {}, {})).splitlines()[2:]
        self.assertEqual(said, ["| 2,000 rows out | psql | 4,000 | 0.50 | 1.50 | 2.50 | 3.00 |"])


def refuse() -> None:
    raise Refused("unknown key `copy`")


class Plots(unittest.TestCase):
    def test_plots_are_well_formed_whatever_the_names(self):
        ElementTree.fromstring(bars("a < b & c", [("Howdah", 10, "10"), ('"x"', 0, "<0>")]))
        ElementTree.fromstring(bars("nothing", []))
        grown = {"Howdah": [(1, 10.0), (1024, 20.0)], "<&>": [(1, 0.0)], "none": []}
        ElementTree.fromstring(lines("growth", "connections", grown))
        ElementTree.fromstring(lines("nothing", "", {}))
        ElementTree.fromstring(lines("one point", "", {"a": [(1, 0.0)]}))


if __name__ == "__main__":
    unittest.main()
