"""Shows on a terminal, or in a pipe, what `harness serve` sees. Bytes are escaped; nothing is taken for markup."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from types import TracebackType
from typing import Final, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from harness.report.escape import shown
from harness.run.live.address import Address
from harness.run.live.page import entry_data, value_shown
from harness.run.live.request_log import Counts, LoggedRequest, State
from harness.run.serve import Summary
from harness.sut.observation import Row

HEADER_SHOWN_MAX: Final = 60
"""Bytes of a value in a line."""
OPEN_SHOWN_MAX: Final = 8
"""Requests without their rows that are shown at once; more are counted."""
Part = tuple[str, str]
"""Text and its style."""


class PlainView:
    """For a pipe: one line a request, once its row is there or none is due."""

    def __enter__(self) -> Self:
        self._console = Console()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Nothing is held."""

    def ready(self, address: Address, _counts: Counts) -> None:
        """Prints where the stack is."""
        _print_address(self._console, address)

    def changed(self, entry: LoggedRequest) -> None:
        """Prints a request that is complete."""
        if entry.ended:
            _print(self._console, [(f"#{entry.number}  ", ""), *line(entry)])

    def ending(self) -> None:
        """Says what is waited for."""
        _print(self._console, [("ending: open requests and their rows are waited for", "")])


class JsonView:
    """For a machine: one JSON object a line, with the member `event`: stack, request, ending or summary."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Nothing is held."""

    def ready(self, address: Address, _counts: Counts) -> None:
        """Prints where the stack is."""
        self._print("stack", address.facts() | {"words": address.description})

    def changed(self, entry: LoggedRequest) -> None:
        """Prints a request that is complete."""
        if entry.ended:
            self._print("request", entry_data(entry))

    def ending(self) -> None:
        """Says that open requests are waited for."""
        self._print("ending", {})

    def summary(self, summary: Summary) -> None:
        """Prints what the whole run saw."""
        counts = asdict(summary.counts) | {"coverage": summary.counts.coverage}
        self._print("summary", counts | {"database_rows": summary.rows, "faultless": summary.faultless})

    def _print(self, event: str, data: Mapping[str, object]) -> None:
        click.echo(json.dumps({"event": event} | dict(data)))


class LiveView:
    """For a terminal: a request's line stands at the bottom until it is complete, then above for good."""

    def __enter__(self) -> Self:
        self._console = Console()
        self._open: dict[int, LoggedRequest] = {}
        self._counts = Counts()
        self._status = "Ctrl-C ends it"
        self._live = Live(self, console=self._console, refresh_per_second=8, transient=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def ready(self, address: Address, counts: Counts) -> None:
        """Prints where the stack is, and begins to show requests below."""
        self._counts = counts
        _print_address(self._console, address)
        self._live.start()

    def changed(self, entry: LoggedRequest) -> None:
        """Shows a request that is new or has changed."""
        if entry.ended:
            self._open.pop(entry.number, None)
            _print(self._console, line(entry))
        else:
            self._open[entry.number] = entry

    def ending(self) -> None:
        """Says what is waited for."""
        self._status = "ending: open requests are waited for; Ctrl-C cuts them off"

    def __rich__(self) -> Group:
        """What stands at the bottom now."""
        entries = [*self._open.values()]
        lines = [_text(line(entry), short=True) for entry in entries[:OPEN_SHOWN_MAX]]
        if len(entries) > OPEN_SHOWN_MAX:
            lines.append(Text(f"... and {len(entries) - OPEN_SHOWN_MAX:,} more", "dim"))
        status = (
            f"{describe_counts(self._counts)} · {self._status}" if self._counts.requests else self._status
        )
        bottom = Text(status, "dim", no_wrap=True, overflow="ellipsis")
        return Group(*lines, bottom)


def arrival(entry: LoggedRequest) -> list[Part]:
    """What is known of a request when it comes: when, from where, its header, and what the rule makes of it."""
    parts = [(f"{entry.arrived.astimezone():%H:%M:%S.%f}"[:-3], "dim"), (f"  {entry.client}", "")]
    if not entry.usual:
        parts.append((f"  {entry.asked}", "dim"))
    if entry.lines:
        values = " and ".join(shown(value, HEADER_SHOWN_MAX) for value in entry.lines)
        parts.append((f"  {values}  ", "bold"))
        parts.append((entry.ruling, "yellow") if entry.ruling else _accepted_part(entry))
    else:
        parts.append((f"  {entry.ruling if entry.status in (400, 431) else 'no header'}", "dim"))
    if entry.hint:
        parts.append((f"  {entry.hint}", "yellow"))
    return parts


def _accepted_part(entry: LoggedRequest) -> Part:
    """What has become of a value that the rule accepts: green only once the request was served."""
    if entry.accepted:
        return "accepted", "green"
    return ("valid, request not served", "yellow") if entry.ended else ("valid", "")


def line(entry: LoggedRequest) -> list[Part]:
    """A request with whatever has become of it so far."""
    parts = arrival(entry)
    if entry.due is not None and entry.due.email is not None:
        parts.append((f"  signed in as {entry.due.email}", ""))
    if entry.answered_ms is not None:
        parts.append((f"  {entry.status or 'no reply'} in {entry.answered_ms:,.0f} ms", ""))
    parts.append((f"  {outcome(entry)}", _STYLES[entry.state]))
    parts += [(f"  {describe_row(row)}", "dim") for row in entry.rows]
    if entry.note:
        parts.append((f"  ({entry.note})", "dim"))
    parts += [(f"  ✗ {fault}", "bold red") for fault in entry.faults]
    return parts


_STYLES: Final = {
    State.OPEN: "cyan",
    State.ANSWERED: "cyan",
    State.STORED: "green",
    State.NULL: "yellow",
    State.LOST: "bold red",
    State.NO_ROW: "dim",
}


def outcome(entry: LoggedRequest) -> str:
    """What its row holds, or why there is none."""
    if entry.state is State.STORED:
        assert entry.value is not None
        return "stored as sent" if entry.as_sent else f"stored {value_shown(entry.value, HEADER_SHOWN_MAX)}"
    return {
        State.OPEN: "being answered",
        State.ANSWERED: "row pending",
        State.NULL: "stored NULL",
        State.LOST: "NO ROW",
        State.NO_ROW: "no row due",
    }[entry.state]


def describe_row(row: Row) -> str:
    """The ids of its rows: one where both have the same."""
    if row.usage_id == row.metadata_id:
        return f"row {row.usage_id}"
    return f"usage row {row.usage_id or 'missing'}, metadata row {row.metadata_id or 'missing'}"


def describe_counts(counts: Counts) -> str:
    """The counts in a line."""
    parts = [
        f"{counts.requests:,} request{'s' * (counts.requests != 1)}",
        f"{counts.stored:,} stored",
        f"{counts.null:,} NULL",
        f"{counts.lost:,} lost",
    ]
    if counts.waiting:
        parts.append(f"{counts.waiting:,} waiting")
    if counts.coverage is not None:
        parts.append(f"coverage {counts.coverage:.1f} %")
    if counts.faulty:
        parts.append(f"{counts.faulty:,} would fail the gate")
    return " · ".join(parts)


def summary_lines(summary: Summary) -> list[str]:
    """What a whole run saw: requests, rows, what they hold, and what would fail the gate."""
    counts = summary.counts
    lines = [
        f"requests  {counts.requests:,}, of which {counts.none_due:,} without a row due",
        f"rows      {summary.rows:,} in the database: {counts.stored:,} stored, {counts.null:,} NULL",
        f"lost      {counts.lost:,}",
    ]
    if counts.coverage is not None:
        share = f"{counts.covered:,} of {counts.anonymous:,} anonymous requests"
        lines.append(f"coverage  {counts.coverage:.1f} %, {share}")
    if summary.rows != counts.rows:
        lines.append(
            f"gate      would fail: {summary.rows:,} rows for {counts.rows:,} requests that have one"
        )
    elif counts.faulty:
        lines.append(
            f"gate      would fail: {counts.faulty:,} request{'s' * (counts.faulty != 1)} shown in red"
        )
    elif counts.requests:
        lines.append("gate      nothing seen that would fail it")
    return lines


def _print_address(console: Console, address: Address) -> None:
    width = max(map(len, address.facts()))
    _print(console, [(f"Reference stack: {address.description}", "bold")])
    for name, value in address.facts().items():
        # A socket's DSN has a ? and an &, which a shell takes for its own.
        copied = shlex.quote(value) if name == "DSN" else value
        _print(console, [(f"  {name:<{width}}  ", "dim"), (copied, "")])
    _print(console, [("Try it:", "bold")])
    _print(console, [(f"  {address.curl}", "")])
    _print(console, [("Each request is shown as it comes. Ctrl-C ends it.", "dim")])


def _text(parts: list[Part], *, short: bool = False) -> Text:
    text = Text.assemble(*parts)
    if short:
        text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _print(console: Console, parts: list[Part]) -> None:
    """One line, however long: a terminal wraps it, and what is copied has no line end in it."""
    console.print(_text(parts), soft_wrap=True, highlight=False)
