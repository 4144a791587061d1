"""What the further parts of a report hold, read from their JSON. Pure.

A part that is missing is None or empty; one of another shape than is written here counts as unknown, and is shown
as it is: a report always renders. Each part is written by whoever judged it; here it is only read.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from harness.report.document import Report
from harness.report.parts import Audited, Machine, Move, Orders, Place, SelfTest, Trial
from harness.report.tables import Table
from harness.verdict import Status

ROWS_MAX: Final = 500
"""Rows shown of a list; a gate journals thousands of requests."""


_Part = TypeVar("_Part")


def orders(report: Report) -> Orders | None:
    """The section `orders`."""
    return _part(report, "orders", _orders)


def timeline(report: Report) -> str:
    """The section `timeline`: the text of one SVG document; empty when there is none."""
    return _part(report, "timeline", _svg) or ""


def selftest(report: Report) -> SelfTest | None:
    """The section `selftest`."""
    return _part(report, "selftest", _selftest)


def audit(report: Report) -> tuple[Audited, ...]:
    """The section `audit`: a list of items."""
    return _part(report, "audit", _audit) or ()


def tables(report: Report) -> dict[str, Table]:
    """Every section that is a table, by name.

    That is one with title, columns, rows and notes; a list of objects; or, as `requests` is, one such list among facts.
    """
    found = {name: _part(report, name, _table) for name in report.sections if name not in _DRAWN}
    return {name: table for name, table in found.items() if table is not None}


_DRAWN: Final[Mapping[str, Callable[[Report], object]]] = {
    "orders": orders,
    "timeline": timeline,
    "selftest": selftest,
    "audit": audit,
}


def others(report: Report) -> dict[str, Any]:
    """The sections that are shown as they are: unknown ones, and those of another shape."""
    drawn = {name for name, read in _DRAWN.items() if read(report)} | tables(report).keys()
    return {name: part for name, part in report.sections.items() if part and name not in drawn}


def as_text(part: Any) -> str:
    """Any section as indented JSON; a text as it is."""
    return part if isinstance(part, str) else json.dumps(part, indent=2, ensure_ascii=False, default=str)


def _part(report: Report, name: str, read: Callable[[Any], _Part]) -> _Part | None:
    part = report.sections.get(name)
    if not part:
        return None
    try:
        return read(part)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _orders(part: dict[str, Any]) -> Orders:
    rule = part.get("rule") or {}
    counts = [
        f"{part['orders']['enumerated']:,} of {part['orders']['total']:,} orders enumerated",
        f"{part['stages']['stood_up']:,} of {part['stages']['total']:,} stages stood up",
        f"{part['steps']['taken_in_flight']:,} of {part['steps']['total']:,} steps taken with requests in flight",
        f"{part['swaps']:,} replicas replaced under traffic",
        f"{part['requests']:,} requests of probes and in flight, {part['requests_traffic']:,} of traffic",
    ]
    if rule:
        counts.append(f"{rule['safe_orders']:,} orders are safe")
    return Orders(
        tuple(counts),
        str(rule.get("words", "")),
        str(rule.get("beside_the_plan", "")),
        _texts(part["minimal_unsafe_order"]),
        _texts((*part["forbidden_stages"], *part["forbidden_steps"])),
        str(part["diagram"]),
        tuple(_machine(machine) for machine in part.get("machines", ())),
        tuple(_place(place) for place in part.get("places", ())),
    )


def _machine(part: dict[str, Any]) -> Machine:
    moves = (
        Move(str(one["from"]), str(one["step"]), str(one["to"]), bool(one["roll_back"]))
        for one in part["moves"]
    )
    return Machine(str(part["name"]), _texts(part["states"]), tuple(moves))


def _place(part: dict[str, Any]) -> Place:
    return Place(
        str(part["schema"]),
        _texts(part["replicas"]),
        str(part["extension"]),
        bool(part["seen"]),
        _texts(part["harm"]),
    )


def _svg(part: Any) -> str:
    if not (isinstance(part, str) and part.lstrip().startswith("<svg")):
        raise TypeError("a timeline is the text of an SVG document")
    return part


def _selftest(part: dict[str, Any]) -> SelfTest:
    trials = (
        Trial(
            str(one["name"]),
            str(one.get("words", "")),
            str(one["meant"] or ""),
            str(one["verdict"]),
            _texts(one["refuted"]),
            bool(one["right"]),
        )
        for one in part["trials"]
    )
    return SelfTest(_texts(part["claims"]), tuple(trials))


def _audit(part: list[dict[str, Any]]) -> tuple[Audited, ...]:
    return tuple(
        Audited(
            id=str(item["id"]),
            sentence=str(item["sentence"]),
            quote=str(item["quote"]),
            section=str(item["section"]),
            status=Status(item["status"]),
            expected=Status(item["expected"]),
            evidence=str(item["evidence"]),
            workaround=str(item["workaround"]),
        )
        for item in part
    )


def _table(part: Any) -> Table:
    if isinstance(part, list):
        return _listed("", part)
    if "columns" not in part:
        (rows,) = (value for value in part.values() if isinstance(value, list))
        facts = [f"{name} {_cell(value)}" for name, value in part.items() if value is not rows]
        return _listed(", ".join(facts), rows)
    table = Table(
        str(part["title"]), _texts(part["columns"]), tuple(map(_texts, part["rows"])), _texts(part["notes"])
    )
    if any(len(row) != len(table.columns) for row in table.rows):
        raise ValueError("a row has a cell for each column")
    return table


def _listed(title: str, part: list[dict[str, Any]]) -> Table:
    columns = tuple(dict.fromkeys(key for one in part for key in one.keys()))  # noqa: SIM118 - objects only
    rows = (tuple(_cell(one.get(column)) for column in columns) for one in part[:ROWS_MAX])
    left = len(part) - ROWS_MAX
    return Table(title, columns, tuple(rows), (f"{left:,} more are in the JSON",) if left > 0 else ())


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    return "" if value is None else str(value) if isinstance(value, str | int | float) else as_text(value)


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError("a list of texts, not a text")
    return tuple(str(value) for value in values)
