"""What `harness migrate` may be asked for."""

from dataclasses import dataclass
from typing import Annotated

from harness.run.options.definition import Choices, Option, PlaceValue
from harness.run.options.shared import JsonOption, RolloutOption, SessionPoolerOption


@dataclass(frozen=True, slots=True)
class MigrateOptions:
    """Which database is brought to which state, and how."""

    database_url: Annotated[
        str,
        Option("The database to migrate. Example: postgresql://me@localhost/backend", metavar="DSN"),
        PlaceValue(),
    ]
    to: Annotated[
        str,
        Option(
            "State to bring it to: base, before the first step; ready, behind the last step of SQL; or the last step "
            "that is to be done, by its name or a word of it that no other has. Example: --to ready",
            metavar="STATE",
        ),
    ]
    runner: Annotated[
        str,
        Option("Who applies the files: this program, statement by statement, or the psql on PATH."),
        Choices(("statements", "psql")),
    ] = "statements"
    rollback: Annotated[bool, Option("Go back to the state; the column's values go with the column.")] = False
    with_baseline: Annotated[
        bool, Option("Build the tables of the time before the rollout first, where the database is empty.")
    ] = False
    session_pooler: SessionPoolerOption = False
    json_output: JsonOption = False
    rollout: RolloutOption = None
