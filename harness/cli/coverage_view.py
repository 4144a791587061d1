"""Draws the coverage for a person: on a terminal in colour, in a pipe plain, a line for each fact."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.report.escape import masked, shown, visible
from harness.run.coverage_queries import Coverage, Day, Shared
from harness.sut.client_versions import ClientDay, busiest

BAR: Final = 40
"""Characters of a bar that stands for all requests of a day."""
VALUE_LENGTH: Final = 40
CLIENTS_SHOWN: Final = 12
DAYS_SHOWN: Final = 7


def print_coverage(found: Coverage, console: Console) -> None:
    """Writes the share, its days, who sends most, how well values stand for users, and what is out of reach."""
    whose = f"{found.identity} " if found.identity else ""
    if found.percent is None:
        console.print(f"no {whose}request in {found.days} days: no coverage to tell")
        return
    console.print(
        f"{found.percent:.1f} % of {found.requests:,} {whose}requests in {found.days} days carry a value "
        f"({found.with_id:,})",
        soft_wrap=True,
    )
    for day in found.by_day:
        console.print(f"  {_bar(day)}", highlight=False)
    _print_table(
        console,
        "most frequent",
        ("user", "value", "requests"),
        ((linked.user or "-", _value(linked.value), f"{linked.requests:,}") for linked in found.top),
    )
    _print_nobodys(found, console)
    if not found.has_users:
        console.print(
            f"{found.ids:,} values; the rollout's file has no store.main.user: nothing is told of users"
        )
        return
    console.print(
        f"{found.ids:,} values, {found.shared_ids:,} of them from more than one user; "
        f"{found.users:,} users with a value, {found.crowded_users:,} of them with more than one",
        soft_wrap=True,
    )
    _print_shared(console, "values from many users", "users", found.shared, are_values=True)
    _print_shared(console, "users with many values", "values", found.crowds, are_values=False)
    console.print(
        f"{found.silent_requests:,} requests ({100.0 * found.silent_requests / found.requests:.1f} %) came from "
        f"{found.silent_users:,} users that never sent a value: clients that do not send the header; until these "
        f"are updated the coverage cannot be more than {found.reachable_percent:.1f} %",
        soft_wrap=True,
    )


def print_client_days(found: Sequence[ClientDay], console: Console) -> None:
    """Writes the share without an id, a line for each of the busiest clients, a column for each of the last days."""
    days = sorted({each.day for each in found})[-DAYS_SHOWN:]
    by_place = {(each.client, each.day): each for each in found}
    rows = []
    for client in busiest(found, CLIENTS_SHOWN):
        cells = [by_place.get((client, day)) for day in days]
        shares = [f"{cell.null_percent:.1f} of {cell.requests:,}" if cell else "-" for cell in cells]
        rows.append((client or "(no user agent)", *shares))
    _print_table(console, "% without an id, of requests", ("client", *map(str, days)), rows)


def _print_nobodys(found: Coverage, console: Console) -> None:
    """Values that the service which reads them cannot use, where there are any."""
    for values, requests, why in (
        (found.nobodys_ids, found.nobodys_requests, "that whoever reads them takes for nobody's"),
        (
            found.cut_ids,
            found.cut_requests,
            f"of more than {found.kept_max} characters, of which only these are kept",
        ),
    ):
        if values:
            share = 100.0 * requests / found.with_id
            console.print(
                f"{requests:,} requests with a value ({share:.1f} %) carry one of {values:,} values {why}",
                soft_wrap=True,
            )


def _bar(day: Day) -> str:
    filled = round(BAR * day.with_id / day.requests)
    return f"{day.day}  {'#' * filled}{'.' * (BAR - filled)} {day.percent:5.1f} % of {day.requests:,}"


def _print_shared(
    console: Console, title: str, of: str, shared: Sequence[Shared], *, are_values: bool
) -> None:
    rows = (
        (_value(one.name) if are_values else one.name, f"{one.count:,}", f"{one.requests:,}")
        for one in shared[:10]
    )
    _print_table(console, title, ("value" if are_values else "user", of, "requests"), rows)


def _print_table(console: Console, title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(names):
        table.add_column(name, overflow="fold", justify="left" if number == 0 or name == "value" else "right")
    for row in rows:
        table.add_row(*(escape(visible(masked(cell))) for cell in row))
    if table.row_count:
        console.print(table)


def _value(value: str) -> str:
    return shown(value, VALUE_LENGTH)
