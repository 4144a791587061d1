"""Keeps tests that hold whole catalogues out of the default run; `tox run -e catalogue,foreign` has them."""

from typing import Final

import pytest

ASKED_FOR: Final = ("foreign", "catalogue")
"""Marks whose tests run only where `-m` names them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what was not asked for, which pytest counts in its last line."""
    expression = config.getoption("markexpr") or ""
    marks = [mark for mark in ASKED_FOR if mark not in expression]
    left = [item for item in items if any(item.get_closest_marker(mark) for mark in marks)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
