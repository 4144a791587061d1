"""What `harness coverage` may be asked for."""

from dataclasses import dataclass
from typing import Annotated

from harness.run.options.definition import Option, Range
from harness.run.options.shared import JsonOption, RolloutOption, TargetDatabaseOption


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """What is looked at, and what is enough."""

    database_url: TargetDatabaseOption
    days: Annotated[int, Option("How many days to look back."), Range(1, 366)] = 7
    fail_under: Annotated[
        float | None,
        Option(
            "End with code 1 when less of the requests carry a value, with 3 when there were none. Example: "
            "--fail-under 60",
            metavar="PCT",
        ),
        Range(0, 100),
    ] = None
    watch: Annotated[
        bool,
        Option(
            "Look again every ten seconds until Ctrl-C, and show the share without an id by the client's version and "
            "by day (of the plan's rollout); needs SELECT on http_user_agent, too."
        ),
    ] = False
    json_output: JsonOption = False
    rollout: RolloutOption = None
