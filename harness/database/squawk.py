"""Asks squawk what it has against SQL files. Source: squawk, https://squawkhq.com/docs/rules."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from harness.errors import UnavailableError

SQUAWK_S_MAX: Final = 60.0

NOT_HERE: Final = {
    "prefer-robust-stmts": "it asks for IF NOT EXISTS, which passes over an invalid index and reports success",
    "require-statement-timeout": "one would end the concurrent build in its waits; the ALTER waits for its lock only",
    "ban-concurrent-index-creation-in-transaction": "it overlooks a build that is alone; our own rule does not",
}
"""Rules of squawk that are left out, each with its reason."""


class SquawkFault(NamedTuple):
    """One thing that squawk has against a text. `line` counts from 1."""

    text: int
    """Its number, from 0."""
    line: int
    rule: str
    message: str
    advice: str


def run_squawk(texts: Sequence[str], *, in_transaction: bool) -> tuple[SquawkFault, ...]:
    """What squawk has against each text, sent in a transaction or not. Raises UnavailableError without squawk."""
    if not texts:
        return ()
    program = Path(sys.executable).parent / "squawk"
    found = str(program) if program.is_file() else shutil.which("squawk")
    if found is None:
        raise UnavailableError("squawk is not installed; install the package squawk-cli with pip")
    command = [found, "--reporter", "json", "--config", "/dev/null"]
    command += [part for rule in NOT_HERE for part in ("--exclude", rule)]
    command += ["--assume-in-transaction"] if in_transaction else []
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.sql" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [*command, "--", *map(str, paths)],
            capture_output=True, text=True, encoding="utf-8", timeout=SQUAWK_S_MAX, check=False,
        )  # fmt: skip
    try:
        return tuple(
            SquawkFault(
                int(Path(item["file"]).stem),
                int(item["line"]) + 1,
                f"squawk/{item['rule_name']}",
                str(item["message"]).rstrip("."),
                str(item["help"] or "").rstrip("."),
            )
            for item in json.loads(done.stdout)
        )
    except (ValueError, TypeError, KeyError) as error:
        exchange = " ".join((done.stderr or done.stdout).split())[:200]
        raise UnavailableError(
            f"squawk did not answer: {exchange or error}; run it by hand on the files"
        ) from error
