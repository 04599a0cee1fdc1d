"""Figures of several rounds: their middle and their spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The least, the middle and the most of some rounds."""

    least: float
    middle: float
    most: float

    def __str__(self) -> str:
        return f"{short(self.least)} – {short(self.middle)} – {short(self.most)}"

    def to_json(self) -> list[float]:
        return [self.least, self.middle, self.most]


def spread(values: Sequence[float]) -> Spread:
    if not values:
        raise ValueError("no round was measured")
    return Spread(min(values), median(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Round by round: the machine drifts, and a round's two figures drift together."""
    pairs = [one / other for one, other in zip(ours, theirs, strict=True) if other > 0]
    return spread(pairs)


def short(value: float) -> str:
    """Three digits, in full: 0.82, 17.5, 128,000."""
    if value == 0:
        return "0"
    if abs(value) < 10:
        return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
    if abs(value) < 100:
        return f"{value:.1f}"
    digits = len(str(int(abs(value)))) - 3
    return f"{round(value, -digits):,.0f}"
