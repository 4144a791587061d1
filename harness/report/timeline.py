"""The latency of writes over time with the span of each statement, as SVG: one panel for each way to migrate. Pure.

All panels have the same scales, so that they compare at a glance. Latency is logarithmic: a stall is a hundred times
what is usual.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 960
PANEL: Final = 206
"""Height of a panel with its captions."""
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 46, 40
"""Margins around the plot of a panel: room for its scales and captions."""
FLOOR_MS: Final = 0.5
"""Lowest latency shown; faster writes lie on the bottom line."""
BANDS: Final = ("#b4500f", "#1f5fbf", "#3f7a2c", "#6f42a8", "#7a5f00")
"""Colours of the spans, in their order; each has a contrast of 4.5 on white (WCAG 2.2, 1.4.3)."""
QUIET, HELD = "#5b6b7b", "#c0262d"
"""Colours of writes outside and inside the spans."""
WORDS, BUDGET = "#444", "#7a0019"
"""Colours of scales and captions, and of the line that no write may pass."""


@dataclass(frozen=True, slots=True)
class Band:
    """A statement's span; those of one label share their colour. Times in milliseconds."""

    label: str
    began_ms: float
    ended_ms: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One way to migrate: each write by its scheduled time and its latency, both in milliseconds."""

    title: str
    summary: str
    writes: tuple[tuple[float, float], ...]
    bands: tuple[Band, ...]


def timeline(panels: Sequence[Panel], title: str, budget_ms: float | None = None) -> str:
    """The picture as one SVG document, which needs no fonts, scripts or styles from elsewhere.

    `budget_ms` is a stall's limit, drawn as a line across every panel; it is above 0.
    Raises ValueError when there is no write in any panel.
    """
    if not any(panel.writes for panel in panels):
        raise ValueError("a timeline needs writes; there are none")
    end_ms = max(at + latency for panel in panels for at, latency in panel.writes)
    top_ms = max(latency for panel in panels for _, latency in panel.writes)
    scale = _Scale(end_ms, max(1.5 * top_ms, 1.5 * (budget_ms or 0.0), 10.0))
    height = PANEL * len(panels) + 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' role="img" font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        lines.append(f'<g transform="translate(0 {30 + PANEL * number})">')
        lines += _panel(panel, scale)
        if budget_ms is not None:
            lines += _budget(budget_ms, scale)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a time and a latency lie in a panel, in pixels."""

    end_ms: float
    top_ms: float

    def x(self, at_ms: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at_ms, 0.0), self.end_ms) / self.end_ms

    def y(self, latency_ms: float) -> float:
        share = math.log10(max(latency_ms, FLOOR_MS) / FLOOR_MS) / math.log10(self.top_ms / FLOOR_MS)
        return PANEL - BOTTOM - (PANEL - TOP - BOTTOM) * share


def _panel(panel: Panel, scale: _Scale) -> Iterator[str]:
    yield (
        f'<text x="{LEFT}" y="14"><tspan font-weight="bold">{escape(panel.title)}</tspan>'
        f'<tspan fill="{WORDS}" dx="8">{escape(panel.summary)}</tspan></text>'
    )
    labels = dict.fromkeys(band.label for band in panel.bands)
    colours = {label: BANDS[number % len(BANDS)] for number, label in enumerate(labels)}
    yield f'<text x="{LEFT}" y="32">'
    for number, (label, colour) in enumerate(colours.items()):
        words = _in_words(label, [band for band in panel.bands if band.label == label])
        yield f'<tspan fill="{colour}" dx="{10 if number else 0}">\u25a0 {escape(words)}</tspan>'
    yield "</text>"
    for band in panel.bands:
        left, right = scale.x(band.began_ms), scale.x(band.ended_ms)
        yield (
            f'<rect x="{left:.1f}" y="{TOP}" width="{max(right - left, 1.5):.1f}" height="{PANEL - TOP - BOTTOM}"'
            f' fill="{colours[band.label]}" fill-opacity="0.22"/>'
        )
    yield from _axes(scale)
    inside = [write for write in panel.writes if _meets(write, panel.bands)]
    outside = [write for write in panel.writes if not _meets(write, panel.bands)]
    for writes, colour in ((outside, QUIET), (inside, HELD)):
        if writes:
            dots = "".join(f"M{scale.x(at):.1f} {scale.y(latency):.1f}h0" for at, latency in writes)
            yield f'<path d="{dots}" stroke="{colour}" stroke-width="2.4" stroke-linecap="round" fill="none"/>'


def _axes(scale: _Scale) -> Iterator[str]:
    latency = 1.0
    while latency <= scale.top_ms:
        y = scale.y(latency)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#000" stroke-opacity="0.12"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{WORDS}">{latency:,.0f} ms</text>'
        latency *= 10
    step = _round_up(scale.end_ms / 8)
    for tick in range(int(scale.end_ms // step) + 1):
        x = scale.x(tick * step)
        yield f'<path d="M{x:.1f} {PANEL - BOTTOM}v4" stroke="#555"/>'
        yield (
            f'<text x="{x:.1f}" y="{PANEL - BOTTOM + 15}" text-anchor="middle" fill="{WORDS}">'
            f"{tick * step / 1000:g} s</text>"
        )
    yield f'<path d="M{LEFT} {PANEL - BOTTOM}H{WIDTH - RIGHT}" stroke="#555"/>'
    yield (
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{PANEL - BOTTOM + 30}" text-anchor="middle" fill="{WORDS}">'
        "time since the start</text>"
    )
    middle = (TOP + PANEL - BOTTOM) / 2
    yield (
        f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle" fill="{WORDS}">'
        "latency of a write</text>"
    )


def _budget(budget_ms: float, scale: _Scale) -> Iterator[str]:
    y = scale.y(budget_ms)
    yield f'<path class="budget" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{BUDGET}" stroke-dasharray="6 3"/>'
    yield (
        f'<text x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end" fill="{BUDGET}">'
        f"budget {budget_ms:,.6g} ms</text>"
    )


def _round_up(value: float) -> float:
    """The next number that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= value)


def _meets(write: tuple[float, float], bands: Sequence[Band]) -> bool:
    at, latency = write
    return any(at <= band.ended_ms and at + latency >= band.began_ms for band in bands)


def _in_words(label: str, bands: Sequence[Band]) -> str:
    longest = max(band.ended_ms - band.began_ms for band in bands)
    times = f"{len(bands)} times, at most " if len(bands) > 1 else ""
    return f"{label}: {times}{longest:,.0f} ms"
