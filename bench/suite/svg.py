"""Plots as SVG: bars of ratios, lines of growth. No script, no font of its own."""

import math
from html import escape

WIDTH, LEFT, RIGHT, TOP = 760, 200, 90, 46
FONT = 'font-family="system-ui, sans-serif"'
COLOURS = ["#1f6feb", "#8a8f98", "#d97706", "#16a34a", "#9333ea", "#dc2626", "#0891b2", "#78716c"]


def _open(height: float, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
        f'<text x="16" y="26" {FONT} font-size="16" font-weight="600" fill="#111">{escape(title)}</text>',
    ]


def bars(title: str, rows: list[tuple[str, float, str]]) -> str:
    """A bar for each row: its name, its length, and what stands behind it."""
    height = TOP + 26 * len(rows) + 12
    out = _open(height, title)
    most = max((value for _, value, _ in rows), default=0) or 1
    room = WIDTH - LEFT - RIGHT
    for at, (name, value, said) in enumerate(rows):
        y = TOP + 26 * at
        colour = COLOURS[0] if name == "Howdah" else COLOURS[1]
        length = max(1.0, room * value / most)
        out.append(
            f'<text x="{LEFT - 8}" y="{y + 14}" {FONT} font-size="13" text-anchor="end" fill="#111">'
            f"{escape(name)}</text>"
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="18" fill="{colour}"/>'
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}" {FONT} font-size="13" fill="#333">'
            f"{escape(said)}</text>"
        )
    return "\n".join([*out, "</svg>", ""])


def lines(title: str, across: str, series: dict[str, list[tuple[float, float]]]) -> str:
    """A line for each series over a logarithmic axis; both coordinates are above zero."""
    series = {name: points for name, points in series.items() if points}
    height, left, bottom, right = 380, 84, 56, 150
    out = _open(height, title)
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    if not xs:
        return "\n".join([*out, "</svg>", ""])
    low, high = math.log10(min(xs)), math.log10(max(xs))
    top = max(ys) * 1.05 or 1

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(x) - low) / ((high - low) or 1)
        return (
            left + share * (WIDTH - left - right),
            height - bottom - y / top * (height - bottom - TOP),
        )

    for x in sorted(set(xs)):
        px, py = place(x, 0)
        out.append(
            f'<line x1="{px:.1f}" y1="{TOP}" x2="{px:.1f}" y2="{py:.1f}" stroke="#eee"/>'
            f'<text x="{px:.1f}" y="{py + 18:.1f}" {FONT} font-size="12" text-anchor="middle" '
            f'fill="#333">{x:,.0f}</text>'
        )
    for step in range(5):
        value = top / 1.05 * step / 4
        px, py = place(min(xs), value)
        out.append(
            f'<line x1="{left}" y1="{py:.1f}" x2="{WIDTH - right}" y2="{py:.1f}" stroke="#eee"/>'
            f'<text x="{left - 8}" y="{py + 4:.1f}" {FONT} font-size="12" text-anchor="end" '
            f'fill="#333">{value:,.0f}</text>'
        )
    for at, (name, points) in enumerate(series.items()):
        colour = COLOURS[at % len(COLOURS)]
        placed = [place(x, y) for x, y in points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        y = TOP + 20 * at + 8
        out.append(
            f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
            + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed)
            + f'<rect x="{WIDTH - right + 12}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{WIDTH - right + 28}" y="{y}" {FONT} font-size="12" fill="#111">{escape(name)}</text>'
        )
    out.append(
        f'<text x="{(left + WIDTH - right) / 2:.0f}" y="{height - 12}" {FONT} font-size="12" '
        f'text-anchor="middle" fill="#333">{escape(across)}</text>'
    )
    return "\n".join([*out, "</svg>", ""])
