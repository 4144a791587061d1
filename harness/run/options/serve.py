"""What `harness serve` may be asked for."""

from dataclasses import dataclass
from typing import Annotated

from harness.run.options.definition import WEEK_S, Choices, Option, Range
from harness.run.options.shared import PolicyOption, PostgresOption, RolloutOption


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the user asked for."""

    build: Annotated[
        str,
        Option(
            "Build of the backend: before, after, or a faulty one to see it marked. Example: --build limit-256",
            metavar="NAME",
        ),
    ] = "after"
    port: Annotated[int, Option("Port on 127.0.0.1; 0 for any free one."), Range(0, 65535)] = 3000
    policy: PolicyOption = "strict"
    rollout: RolloutOption = None
    postgres: PostgresOption = "embedded"
    upstream_error: Annotated[
        str | None,
        Option(
            "Let the model behind the backend fail: answer with this status, never (a minute long), or with what is no "
            "JSON. Without it every request is answered."
        ),
        Choices(("402", "500", "hang", "malformed")),
    ] = None
    slow_ms: Annotated[
        int,
        Option("Let the model wait so many milliseconds before it answers.", name="--slow", metavar="MS"),
        Range(0, 60_000),
    ] = 0
    wait_s: Annotated[
        float,
        Option(
            "A row that is not there so long after the reply is missing.",
            name="--wait-rows",
            metavar="SECONDS",
        ),
        Range(0.1, WEEK_S),
    ] = 5.0
    json_lines: Annotated[bool, Option("Print one JSON object a line, for a machine.")] = False
