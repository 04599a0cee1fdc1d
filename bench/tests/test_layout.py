"""Which functions run, and the linker that puts them beside each other."""

import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from suite import layout

PROFILE = """\
fn=one
0 10
cfn=two
calls=3 0
0 900

fn=two
+3 5
fn=two'2
* 2
"""


class Profiles(unittest.TestCase):
    def test_a_call_costs_who_is_called_and_not_who_calls(self):
        self.assertEqual(layout.costs(PROFILE.splitlines()), {"one": 10, "two": 7})

    def test_only_functions_have_a_size(self):
        said = "0000 0010 T one\n0010 00ff r words\n0020 0020 i ifunc\n                 U missing\n"
        self.assertEqual(layout.sizes(said), {"one": 16, "ifunc": 32})


class Order(unittest.TestCase):
    def test_requests_come_before_the_start_and_the_busiest_byte_first(self):
        known = {"large": 1000, "small": 100, "main": 50, "never": 10, "landlock_add": 20}
        start = {"main": 70_000, "large": 5_000}
        profile = {"main": 70_100, "large": 25_000, "small": 20_000, "unknown": 9_000}
        self.assertEqual(layout.ordered(start, [profile], known), ["small", "large", "landlock_add", "main"])

    def test_what_a_workload_has_once_counts_as_in_it(self):
        known = {"json": 100, "csv": 100}
        one, other = {"json": 90_000, "csv": 10_000}, {"csv": 4_000}
        self.assertEqual(layout.ordered({}, [one, other], known), ["csv", "json"])


class Linker(unittest.TestCase):
    """`scripts/ordered-cc`, with a compiler that says which order it was given."""

    def linked(self, output: str, order: list[str]) -> tuple[list[str], str]:
        hashes = {"3run": ["aa"], "4same": ["ab", "ac"]}
        names = [f"_ZN1a{name}17h00000000000000{end}E" for name, ends in hashes.items() for end in ends]
        names.append("_RNvMs_NtCs1aB_4core3numy4sqrt")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "deps").mkdir()
            (folder / "a.c").write_text("".join(f"void {it}(void) {{}}\n" for it in names))
            subprocess.run(["cc", "-c", folder / "a.c", "-o", folder / "a.o"], check=True)
            (folder / "ordered-cc").write_text((layout.ORDER.parent / "ordered-cc").read_text())
            (folder / "functions.order").write_text("".join(f"{it}\n" for it in order))
            compiler = folder / "compiler"
            says = 'for it; do case $it in *ordering-file=*) cat "${it#*file=}" ;; esac; done'
            compiler.write_text(f"#!/bin/sh\n{says}\n")
            compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
            command = ["bash", str(folder / "ordered-cc"), str(folder / "a.o"), "-o", str(folder / output)]
            environment = {**os.environ, "HOWDAH_CC": str(compiler)}
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            return done.stdout.split(), done.stderr

    def test_symbols_that_are_there_are_taken_as_they_are(self):
        order = ["_ZN1a4same17h00000000000000acE", "memcpy", "_ZN1a3run17h00000000000000aaE"]
        self.assertEqual(self.linked("deps/howdah-1", order), (order, ""))

    def test_another_hash_is_the_same_name(self):
        order = ["_ZN1a4same17hffffffffffffffffE", "_ZN1a3run17heeeeeeeeeeeeeeeeE"]
        given, said = self.linked("deps/howdah-1", order)
        same = ["_ZN1a4same17h00000000000000abE", "_ZN1a4same17h00000000000000acE"]
        self.assertEqual((sorted(given[:2]), given[2:]), (same, ["_ZN1a3run17h00000000000000aaE"]))
        self.assertEqual(said, "")

    def test_so_it_is_in_the_newer_form(self):
        given, said = self.linked("deps/howdah-1", ["_RNvMs_NtCsZ9y_4core3numy4sqrt"])
        self.assertEqual((given, said), (["_RNvMs_NtCs1aB_4core3numy4sqrt"], ""))

    def test_a_list_of_another_program_is_told(self):
        order = [f"_ZN1z{at}17h00000000000000aaE" for at in range(9)]
        _, said = self.linked("deps/howdah-1", [*order, "_ZN1a3run17h00000000000000aaE"])
        self.assertIn("1 of 10 functions are there", said)

    def test_a_program_for_the_build_is_linked_as_it_is(self):
        self.assertEqual(self.linked("build/script", ["_ZN1a3run17h00000000000000aaE"]), ([], ""))


if __name__ == "__main__":
    unittest.main()
