"""What `harness check` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import FolderOption, Option, PlaceValue
from harness.run.options.shared import REPORT, PostgresOption, RolloutOption


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What is looked at."""

    backend: Annotated[
        Path | None,
        Option(
            "A checkout of the backend's repository; nothing is written into it. Example: --backend ../cloud",
            metavar="DIR",
        ),
        FolderOption(),
    ] = None
    extension: Annotated[
        Path | None,
        Option(
            "A checkout of the extension's repository; nothing is written into it. Example: --extension ../extension",
            metavar="DIR",
        ),
        FolderOption(),
    ] = None
    database_url: Annotated[
        str | None,
        Option(
            "Tell also what drizzle would do in this very database, which is only read. Example: --database-url "
            "postgresql://me@localhost/backend",
            metavar="DSN",
        ),
        PlaceValue(),
    ] = None
    prepare: Annotated[
        bool,
        Option(
            "Fetch once what the backend's files are run with, drizzle-orm and zod, from npm into the cache, and do "
            "nothing else: after it no network is needed. Without it, it is done when it is first needed."
        ),
    ] = False
    postgres: PostgresOption = "embedded"
    rollout: RolloutOption = None
    sarif: Annotated[
        Path | None,
        Option(
            "Write the findings as SARIF 2.1.0 for code scanning. Example: --sarif check.sarif",
            metavar="FILE",
            group=REPORT,
        ),
    ] = None
    command: str = "harness check"
