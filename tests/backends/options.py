"""How an independent backend is started, says where it listens, and notices that nobody needs it any more.

Must not know what the backends do. Run as `python -m tests.backends.<kind>_backend`, with the DSN in BACKEND_DSN.
"""

import argparse
import itertools
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from tests.backends.defects import MODES, Kind, defect_names

DIED = 70
"""Exit code of a process that was started to die after so many requests."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What is wrong with one listener; nothing when both are None."""

    defect: str | None
    mode: str | None


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener, as it is told to whoever started the process."""

    defect: str | None
    mode: str | None
    url: str
    token: str
    email: str
    free_model: str


@dataclass(frozen=True, slots=True)
class Options:
    """What a process was started with; one listener for each variant."""

    dsn: str
    variants: tuple[Variant, ...]
    late_ms: tuple[int, int]
    seed: int


def options(kind: Kind, late_ms: tuple[int, int]) -> Options:
    """The options of this process.

    `--defect` and `--mode` may be repeated: each combination gets a listener. `none` stands for no defect.
    """
    parser = argparse.ArgumentParser(description=f"The independent backend `{kind}`, for tests of the gate.")
    parser.add_argument("--defect", action="append", choices=("none", *defect_names(kind)))
    parser.add_argument("--mode", action="append", type=_mode)
    parser.add_argument("--late-ms", nargs=2, type=int, default=late_ms, metavar=("LEAST", "MOST"))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    defects = [None if name == "none" else name for name in given.defect or ("none",)]
    variants = tuple(Variant(*pair) for pair in itertools.product(defects, given.mode or (None,)))
    least, most = given.late_ms
    return Options(os.environ["BACKEND_DSN"], variants, (least, most), given.seed)


def _mode(name: str) -> str:
    if name in MODES or re.fullmatch(r"die-after-[0-9]+", name):
        return name
    raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(MODES)}")


def announce(listeners: Sequence[Listener]) -> None:
    """Writes one line of JSON to standard output: where to find each listener."""
    sys.stdout.write(json.dumps([asdict(listener) for listener in listeners]) + "\n")
    sys.stdout.flush()


def when_unneeded(end: Callable[[], None]) -> None:
    """Calls `end` from a thread once standard input is closed, as it is when whoever started us has ended."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        end()

    threading.Thread(target=wait, daemon=True).start()
