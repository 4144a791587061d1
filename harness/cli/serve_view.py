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

from harness.cli.serve_lines import Part, describe_counts, line
from harness.run.live.address import Address
from harness.run.live.page import entry_data
from harness.run.live.request_log import Counts, LoggedRequest
from harness.run.serve import Summary

OPEN_SHOWN_MAX: Final = 8
"""Requests without their rows that are shown at once; more are counted."""


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

    def owed(self, left: int) -> None:
        """Says how many are left."""
        _print(self._console, [(f"ending: {left:,} requests are still to be accounted for", "")])


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

    def owed(self, left: int) -> None:
        """Nothing: each of them is told when it is complete."""

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

    def owed(self, left: int) -> None:
        """Says how many are left."""
        self._status = f"ending: {left:,} requests are still to be accounted for"

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
