"""Draws the coverage for a person: on a terminal in colour, in a pipe plain, a line for each fact."""

from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.checks.queries import Coverage, Day, Shared
from harness.clients.persons import ID_LENGTH_MAX
from harness.report.escape import masked, shown, visible

BAR: Final = 40
"""Characters of a bar that stands for all requests of a day."""
ID_LENGTH: Final = 40


def print_coverage(found: Coverage, console: Console) -> None:
    """Writes the share, its days, who sends most, how well ids stand for addresses, and what is out of reach."""
    if found.percent is None:
        console.print(f"no request of an anonymous user in {found.days} days: no coverage to tell")
        return
    console.print(
        f"{found.percent:.1f} % of {found.requests:,} anonymous requests in {found.days} days carry an id "
        f"({found.with_id:,})",
        soft_wrap=True,
    )
    for day in found.by_day:
        console.print(f"  {_bar(day)}", highlight=False)
    _print_table(
        console,
        "busiest anonymous users",
        ("user", "id", "requests", "cost, USD"),
        ((one.user, _id(one.value), f"{one.requests:,}", f"{one.cost_usd:.6f}") for one in found.top),
    )
    console.print(
        f"{found.ids:,} ids, {found.shared_ids:,} of them from more than one address; "
        f"{found.users:,} addresses with an id, {found.crowded_users:,} of them with more than one",
        soft_wrap=True,
    )
    _print_nobodys(found, console)
    _print_shared(console, "ids from many addresses", "addresses", found.shared, are_ids=True)
    _print_shared(console, "addresses with many ids", "ids", found.crowds, are_ids=False)
    console.print(
        f"{found.silent_requests:,} requests ({100.0 * found.silent_requests / found.requests:.1f} %) came from "
        f"{found.silent_users:,} addresses that never sent an id: clients that do not send the header; until these "
        f"are updated the coverage cannot be more than {found.reachable_percent:.1f} %",
        soft_wrap=True,
    )


def _print_nobodys(found: Coverage, console: Console) -> None:
    """Ids that lead to no person, where there are any."""
    for ids, requests, why in (
        (
            found.nobodys_ids,
            found.nobodys_requests,
            "that PostHog takes for no person's (anonymous, null, 0...)",
        ),
        (
            found.cut_ids,
            found.cut_requests,
            f"of more than {ID_LENGTH_MAX} characters, which PostHog cuts: events are under another id",
        ),
    ):
        if ids:
            share = 100.0 * requests / found.with_id
            console.print(
                f"{requests:,} requests with an id ({share:.1f} %) carry one of {ids:,} ids {why}",
                soft_wrap=True,
            )


def _bar(day: Day) -> str:
    filled = round(BAR * day.with_id / day.requests)
    return f"{day.day}  {'#' * filled}{'.' * (BAR - filled)} {day.percent:5.1f} % of {day.requests:,}"


def _print_shared(console: Console, title: str, of: str, shared: Sequence[Shared], *, are_ids: bool) -> None:
    rows = (
        (_id(one.name) if are_ids else one.name, f"{one.count:,}", f"{one.requests:,}") for one in shared[:10]
    )
    _print_table(console, title, ("id" if are_ids else "user", of, "requests"), rows)


def _print_table(console: Console, title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(names):
        table.add_column(name, overflow="fold", justify="left" if number == 0 or name == "id" else "right")
    for row in rows:
        table.add_row(*(escape(visible(masked(cell))) for cell in row))
    if table.row_count:
        console.print(table)


def _id(value: str) -> str:
    return shown(value, ID_LENGTH)
