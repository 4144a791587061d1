"""CPU seconds of a command and all that it starts: `python -m tests.bench.cpu -- COMMAND...` prints a line of JSON.

Source: Linux, prctl(2): orphans of a subreaper become its children, and getrusage(2) counts those it has waited for.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

ORPHANS_S_MAX: Final = 60.0
"""How long what is still running after the command may take to end."""
_PR_SET_CHILD_SUBREAPER: Final = 36
_ROOT: Final = Path(__file__).parents[2]


class Cost(NamedTuple):
    """What a command took, and the exit code that it ended with."""

    cpu_s: float
    """User and system, of the command and of everything it has started."""
    wall_s: float
    peak_bytes: int
    """Of its largest process."""
    code: int


def cost_of(command: Sequence[str]) -> Cost:
    """Runs a command; its output is dropped."""
    measure = (sys.executable, "-m", "tests.bench.cpu", "--", *command)
    # Modules are compiled once, as an installation has them, whoever runs this.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    printed = subprocess.run(
        measure, cwd=_ROOT, capture_output=True, check=True, text=True, env=environment
    ).stdout
    return Cost(*json.loads(printed))


def _measured(command: Sequence[str]) -> Cost:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    ended = subprocess.run(
        command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    wall_s = time.monotonic() - began
    _await_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss * 1024, ended.returncode)


def _await_orphans() -> None:
    deadline = time.monotonic() + ORPHANS_S_MAX
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return
    raise SystemExit(f"something is still running {ORPHANS_S_MAX:.0f} s after the command has ended")


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[2:])))
