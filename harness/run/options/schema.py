"""What `harness schema` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import FolderOption, Option, PlaceValue
from harness.run.options.shared import JsonOption, RolloutOption


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """What is looked at."""

    database_url: Annotated[
        str | None,
        Option(
            "The database to look at; nothing is changed in it. Example: postgresql://me@localhost/backend",
            metavar="DSN",
            variable="HARNESS_DATABASE_URL",
        ),
        PlaceValue(),
    ] = None
    migrations: Annotated[
        Path | None,
        Option(
            "A folder of migration files to lint for this rollout, with drizzle's journal if it has one. Example: "
            "--migrations src/db/migrations",
            metavar="DIR",
        ),
        FolderOption(),
    ] = None
    json_output: JsonOption = False
    rollout: RolloutOption = None
