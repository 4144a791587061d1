"""What harness serve says of a request, of its counts and of a whole run, in words with their styles."""

from typing import Final

from harness.report.escape import shown
from harness.run.live.page import value_shown
from harness.run.live.request_log import Counts, LoggedRequest, State
from harness.run.serve import Summary
from harness.sut.observation import Row

HEADER_SHOWN_MAX: Final = 60
"""Bytes of a value in a line."""

Part = tuple[str, str]
"""Text and its style."""


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
