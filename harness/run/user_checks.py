"""Claims of a user's own from Python files that the command line names."""

import runpy
from collections.abc import Iterable
from pathlib import Path

from harness.checks.user import user_claims
from harness.errors import UsageError


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
            words = " ".join(f"{type(error).__name__}: {error}".split())
            raise UsageError(f"--checks {file} does not run: {words}") from None
        if len(user_claims()) == known:
            raise UsageError(f"--checks {file} registers no claim; put @harness.check above a function of it")
