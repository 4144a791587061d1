"""Claims that users bring: each a function over a request with its reply and its rows. Registered as ours are."""

import re
import runpy
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.checks.evidence import finding
from harness.checks.registry import Inconclusive, Outcomes, check, checks_over
from harness.checks.row_checks import CheckedExchange
from harness.errors import UsageError
from harness.sut.observation import Observation
from harness.verdict import Claim

UserFunction = Callable[[Observation], str | None]
"""What is wrong with a request, its reply and its rows; None where nothing is."""

_ID: Final = re.compile(r"X[1-9][0-9]{0,3}")


def user_check(claim: str, sentence: str, *, least: int = 1) -> Callable[[UserFunction], UserFunction]:
    """Registers a claim of a user's own, judged on every request that has its rows, by gate and prove.

    `claim` is X and a number, `sentence` what is claimed, `least` the fewest requests that prove it. The function is
    given a request with its reply and its rows, and returns what is wrong in a few words, or None. It must not wait,
    since it is called thousands of times; where it raises, the claim is unknown. Raises UsageError for an id that is
    taken, or no such id.
    """
    if not _ID.fullmatch(claim):
        raise UsageError(f"claim {claim!r}: a claim of your own is X and a number, for example X1")
    if claim in {each.id for each in user_claims()}:
        raise UsageError(f"claim {claim} is registered already; give this one a number of its own")

    def registered(function: UserFunction) -> UserFunction:
        @check(Claim(claim, sentence, "", "", least), over=CheckedExchange)
        def judged(exchange: CheckedExchange) -> Outcomes:
            observation = exchange.observation
            # A request without its rows is R1's finding. A user's function would have to guard against it on each
            # line, and one that forgets would turn a lost row into an error of its own.
            if not any(row.whole for row in observation.rows):
                return
            try:
                wrong = function(observation)
            except Exception as error:  # whatever a user's function raises is told, and is not ours to mend
                yield Inconclusive(claim, f"its check failed: {_words(error)}")
            else:
                # Without a line to replay: that would judge our claims alone, and say that nothing refutes.
                found = finding(claim, observation, wrong) if wrong else None
                yield claim, replace(found, replay="") if found else None

        return function

    return registered


def user_claims() -> tuple[Claim, ...]:
    """The claims that users have registered."""
    return tuple(claim for each in checks_over(CheckedExchange) for claim in each.brought)


def load_checks(files: Iterable[Path]) -> None:
    """Runs each file, whose `@harness.check` functions register themselves.

    Raises UsageError for a file that is not there, does not run, or registers nothing.
    """
    for file in files:
        known = len(user_claims())
        try:
            runpy.run_path(str(file), run_name=file.stem)
        except UsageError:
            raise
        except OSError as error:
            raise UsageError(f"--checks {file}: {error.strerror}; name a Python file") from None
        except Exception as error:
            raise UsageError(f"--checks {file} does not run: {_words(error)}") from None
        if len(user_claims()) == known:
            raise UsageError(f"--checks {file} registers no claim; put @harness.check above a function of it")


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
