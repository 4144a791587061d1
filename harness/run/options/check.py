"""What `harness check` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import FolderOption, Option
from harness.run.options.shared import RolloutOption


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
    rollout: RolloutOption = None
    command: str = "harness check"
