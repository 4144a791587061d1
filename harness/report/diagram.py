"""The machines of the rollout as one SVG: arcs from state to state, drawn from the model's tables. Pure.

The states of a machine stand in a row, in the order of their table. A move forward is an arc above the row, a move
back one below it, higher the farther it goes, so that labels do not meet. Colours are classes of the page around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from harness.report.contents import Machine, Move
from harness.report.escape import visible

BOX: Final = (118, 34)
"""Width and height of a state, pixels."""
GAP_MIN: Final = 52
"""Least room between two states, pixels."""
LETTER: Final = 6.4
"""Width of a letter of a label, pixels; a label must fit between the middles of two neighbours."""
RISE: Final = 36
"""How much higher an arc is for each state that it goes on, pixels."""
WIDTH_MIN: Final = 1040
"""As wide as a page is on a desk: machines stand beside each other up to here, pixels."""
MARGIN: Final = 40
"""Left of the first state: room for the mark of the start."""
CAPTION: Final = 26
"""Room for the name of a machine, and for the label of its highest arc."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the states and arcs of one machine lie, in pixels from its upper left corner."""

    machine: Machine

    @property
    def step(self) -> float:
        """From the middle of one state to that of the next."""
        longest = max((len(move.step) for move in self.machine.moves), default=0)
        return max(BOX[0] + GAP_MIN, longest * LETTER + 24)

    @property
    def width(self) -> float:
        return MARGIN + self.step * (len(self.machine.states) - 1) + BOX[0] + 16

    @property
    def row(self) -> float:
        """Upper edge of the boxes."""
        return 2.0 * CAPTION + RISE * self._reach(forward=True)

    @property
    def height(self) -> float:
        return self.row + BOX[1] + RISE * self._reach(forward=False) + CAPTION + 12

    def middle(self, state: str) -> float:
        """Raises ValueError when a move leads to a state that the table does not have."""
        return MARGIN + BOX[0] / 2 + self.step * self.machine.states.index(state)

    def span(self, move: Move) -> int:
        """How many states on a move leads; less than 0 for one back."""
        return self.machine.states.index(move.to) - self.machine.states.index(move.start)

    def _reach(self, *, forward: bool) -> int:
        spans = (self.span(move) if forward else -self.span(move) for move in self.machine.moves)
        return max((span for span in spans if span > 0), default=0)


def diagram(machines: Sequence[Machine], title: str) -> str:
    """The picture as an SVG element for a page: the first machine on top, the others in rows below it.

    Raises ValueError when there is no machine, or a move leads nowhere.
    """
    if not machines:
        raise ValueError("there is no machine to draw")
    layouts = [_Layout(machine) for machine in machines]
    width = max(WIDTH_MIN, *(layout.width for layout in layouts))
    drawn: list[str] = []
    left = top = tall = 0.0
    for layout in layouts:
        if left and left + layout.width > width:
            left, top, tall = 0.0, top + tall, 0.0
        drawn.append(f'<g transform="translate({left:.0f} {top:.0f})">')
        drawn += _machine(layout)
        drawn.append("</g>")
        left, tall = left + layout.width, max(tall, layout.height)
    height = top + tall
    return "\n".join(
        [
            f'<svg class="machines" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
            f' role="img" aria-label={quoteattr(visible(title))}>',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
            ' markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
            *drawn,
            "</svg>",
        ]
    )


def _machine(layout: _Layout) -> Iterator[str]:
    machine = layout.machine
    yield f'<text class="name" x="{MARGIN}" y="16">{_text(machine.name)}</text>'
    row, (width, height) = layout.row, BOX
    for move in machine.moves:
        yield _arc(layout, move)
    for move in machine.moves:  # after all arcs: a label has a ground of its own, and hides what is behind it
        yield _label(layout, move)
    yield f'<circle class="start" cx="{MARGIN - 30}" cy="{row + height / 2:.0f}" r="5"/>'
    yield f'<path class="arc" d="M{MARGIN - 24} {row + height / 2:.0f}H{MARGIN - 2}" marker-end="url(#tip)"/>'
    for state in machine.states:
        middle = layout.middle(state)
        yield (
            f'<rect class="state" x="{middle - width / 2:.0f}" y="{row:.0f}" width="{width}" height="{height}"'
            ' rx="8"/>'
        )
        yield f'<text class="state" x="{middle:.0f}" y="{row + height / 2 + 4:.0f}">{_text(state)}</text>'


def _arc(layout: _Layout, move: Move) -> str:
    side, edge, begin, end = _ends(layout, move)
    pull = (
        edge - side * RISE * abs(layout.span(move)) / 0.75
    )  # a cubic's apex is at three quarters of its handles
    return (
        f'<path class="{_kind(move)}" d="M{begin:.0f} {edge:.0f}C{begin:.0f} {pull:.0f} {end:.0f} {pull:.0f}'
        f' {end:.0f} {edge:.0f}" marker-end="url(#tip)"/>'
    )


def _label(layout: _Layout, move: Move) -> str:
    side, edge, begin, end = _ends(layout, move)
    apex = edge - side * RISE * abs(layout.span(move))
    y = apex - 6 if side > 0 else apex + 14
    return f'<text class="{_kind(move)}" x="{(begin + end) / 2:.0f}" y="{y:.0f}">{_text(move.step)}</text>'


def _ends(layout: _Layout, move: Move) -> tuple[int, float, float, float]:
    """1 for above or -1 for below, the edge of the row there, and where an arc begins and ends on it."""
    side = 1 if layout.span(move) > 0 else -1
    edge = layout.row if side > 0 else layout.row + BOX[1]
    quarter = side * BOX[0] / 4
    return side, edge, layout.middle(move.start) + quarter, layout.middle(move.to) - quarter


def _kind(move: Move) -> str:
    return "arc back" if move.roll_back else "arc"


def _text(value: str) -> str:
    return escape(visible(value))
