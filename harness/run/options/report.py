"""What `harness report` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import Argument


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The stored report."""

    file: Annotated[Path, Argument(stdin=True)]
