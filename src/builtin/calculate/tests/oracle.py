"""Evaluates one expression a line with CPython; prints its repr, or `!` when there is none."""
import math
import sys
import warnings

warnings.simplefilter("ignore")
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
names = {"abs": abs, "round": round, "min": min, "max": max, "pow": pow, "ln": lambda x: math.log(x)}
for name in """sqrt cbrt exp log log2 log10 sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh
        atanh hypot degrees radians floor ceil trunc factorial comb perm gcd lcm isqrt pi e tau inf
        nan""".split():
    if hasattr(math, name):
        names[name] = getattr(math, name)
for line in sys.stdin:
    try:
        value = eval(line.rstrip("\n"), {"__builtins__": {}}, names)
        print(repr(value) if type(value) in (bool, int, float) else "!")
    except NameError:
        print("?")  # a function that this Python does not have yet, such as cbrt before 3.11
    except Exception:
        print("!")
