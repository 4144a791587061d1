"""Says at the end of a run for how many entries of the foreign catalogue the gate was right."""

import os
from typing import Any, Final

from harness.rule.suite import Level

LEVEL: Final = Level(os.environ.get("HARNESS_FOREIGN_LEVEL", "smoke"))
RIGHT: Final = "foreign entry"
"""Property of a test: whether its entry is harmful, and whether the gate was right."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A line for both rates, also where several workers ran the tests."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    seen = [value for report in reports for name, value in report.user_properties if name == RIGHT]
    if not seen:
        return
    from tests.foreign.catalogue import CATALOGUE

    faults, harmless = ([right for harmful, right in seen if harmful is sort] for sort in (True, False))
    rest = len(CATALOGUE) - len(seen)
    terminalreporter.write_line(
        f"foreign backend, {LEVEL}: {sum(faults)} of {len(faults)} faults are not GO, {sum(harmless)} of "
        f"{len(harmless)} harmless variants are; ran {len(seen)} of {len(CATALOGUE)}"
        + (f"; the other {rest}: HARNESS_FOREIGN=all tox run -e foreign" if rest else "")
    )
