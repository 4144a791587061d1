"""What `harness rollout` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import Argument, FolderOption, Option
from harness.run.options.shared import JsonOption, RolloutOption


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which rollout is shown."""

    rollout: RolloutOption = None
    json_output: JsonOption = False


@dataclass(frozen=True, slots=True)
class NewOptions:
    """What a new rollout's file is made of; what has no default is asked for on a terminal."""

    folder: Annotated[Path, Argument(), FolderOption()]
    header: Annotated[str | None, Option("The header. Example: --header x-request-origin")] = None
    path: Annotated[str | None, Option("The path of the requests that carry it. Example: --path /orders")] = (
        None
    )
    table: Annotated[str | None, Option("The table with a row for each request. Example: --table orders")] = (
        None
    )
    column: Annotated[
        str | None, Option("The new column. Example: --column request_origin", metavar="NAME")
    ] = None
    reply_column: Annotated[
        str | None,
        Option(
            "The column of that table that holds the reply's id. Example: --reply-column ref", metavar="NAME"
        ),
    ] = None
    reply_id: Annotated[
        str, Option("Where the reply's JSON holds that id. Example: --reply-id order.ref", metavar="PLACE")
    ] = "id"
    key: Annotated[str, Option("The table's primary key.", metavar="NAME")] = "id"
    match: Annotated[
        str, Option("The regular expression of JavaScript for the values that are stored.", metavar="PATTERN")
    ] = "[A-Za-z0-9_-]{1,64}"
    detail_table: Annotated[
        str | None,
        Option(
            "A second table, which gets the column instead. Example: --detail-table order_audit",
            metavar="NAME",
        ),
    ] = None
    detail_key: Annotated[
        str | None,
        Option(
            "The column of the second table that equals the key. Example: --detail-key order_id",
            metavar="NAME",
        ),
    ] = None
    json_output: JsonOption = False
