"""The benchmark suite: what it starts, how it loads it, what it makes of the figures."""
