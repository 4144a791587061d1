"""An error that nobody foresaw: no verdict was reached, so it ends in 3, with one line and a file of details."""

import os
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from harness.cli.streams import command_line
from harness.data import state_path
from harness.report.document import harness_version
from harness.report.escape import masked, visible


def message_of(error: BaseException) -> str:
    """The line for standard error; the details are written, without secrets, to a file that it names."""
    kind = type(error).__name__
    words = visible(" ".join(masked(str(error)).split()))[:200]
    begin = (
        f"an error that was not foreseen ended this without an answer ({kind}{': ' + words if words else ''})"
    )
    file = _written(error)
    return (
        f"{begin}; details, without secrets: {file}"
        if file
        else f"{begin}; no file could be written for details"
    )


def _written(error: BaseException) -> Path | None:
    now = datetime.now(UTC)
    lines = [f"harness {harness_version()}, {now:%Y-%m-%dT%H:%M:%SZ}", command_line(), ""]
    text = masked("\n".join(lines) + "".join(traceback.format_exception(error)))
    for folder in (state_path("errors"), Path(tempfile.gettempdir())):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"harness-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
            with file.open("x", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
            return file
    return None
