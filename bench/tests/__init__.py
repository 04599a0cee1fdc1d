"""Tests of the suite's reading and reckoning. Nothing here measures."""
