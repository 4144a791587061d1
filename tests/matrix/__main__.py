"""Compares what the commands say now with what was recorded, or records it: see the package."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.backend import serve
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.rule.suite import Level
from tests.matrix.commands import OURS
from tests.matrix.outcomes import differences, merged
from tests.matrix.recorded import BEFORE, RECORDED, read, write
from tests.matrix.subjects import Given, commands, subjects


def compare(level: Level, only: str, workers: int, mode: str, program: str) -> int:
    """Runs what is chosen; how many subjects are otherwise than recorded, or could not be run."""
    path = BEFORE if program else RECORDED
    matrix = read(path)
    recorded = matrix.setdefault(level, {})
    count = wrong = 0
    serve.warm()
    with (
        running_server("embedded") as server,
        Templates(server) as templates,
        ThreadPoolExecutor(workers) as pool,
    ):
        given = Given(server, templates, (program,) if program else OURS)
        chosen = commands() if program else subjects(level)
        futures = {pool.submit(run, given): name for name, run in chosen if only in name}
        for future in as_completed(futures):
            try:
                seen = future.result()
            except Exception as error:
                wrong += 1
                on_progress(f"{futures[future]}: could not be run: {type(error).__name__}: {error}")
                continue
            for name, outcomes in seen.items():
                lines = differences(recorded[name], outcomes) if name in recorded else ["was not recorded"]
                count, wrong = count + 1, wrong + bool(lines)
                for line in lines:
                    on_progress(f"{name}: {line}")
                adds = mode == "record" and name in recorded
                recorded[name] = merged(recorded[name], outcomes) if adds else outcomes
            if mode != "compare":
                write(matrix, path)
    on_progress(f"{level}: {count} subjects, {wrong} of them otherwise than recorded")
    return wrong


def on_progress(line: str) -> None:
    """Prints a line at once: a run takes long."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """0 as recorded, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--level", type=Level, choices=tuple(Level), default=Level.SMOKE)
    parser.add_argument("--only", default="", metavar="WORD", help="subjects whose names hold this")
    parser.add_argument("--workers", type=int, default=2, help="subjects at a time")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--record", dest="mode", action="store_const", const="record", default="compare")
    kinds.add_argument("--renew", dest="mode", action="store_const", const="renew")
    parser.add_argument(
        "--program", default="", metavar="FILE", help="that of the version before: commands alone"
    )
    given = parser.parse_args()
    wrong = compare(given.level, given.only, given.workers, given.mode, given.program)
    return 1 if wrong and given.mode == "compare" else 0


if __name__ == "__main__":
    sys.exit(main())
