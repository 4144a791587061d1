"""Keeps tests that hold whole catalogues out of the default run: it has the first entry of each, or as marked.

`tox run -e catalogue` has every fourth of the others, or all (`every=1`). The default has none of what takes long and
is seen there (`in_default=False`), and neither has any of what `tox run -e proof` proves (`in_proof=True`). With
HARNESS_CATALOGUE=all it has all of all. `tox run -e foreign` has the other backend's.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest

APART: Final = ("foreign", "packaging", "docs")
"""Run only where asked for by their mark."""
CATALOGUE: Final = "catalogue"
ENTRIES_TO_ONE: Final = 4
"""Entries of a catalogue's test to one that is run where its mark is asked for, unless the mark says another."""

_LEFT: Final = pytest.StashKey[str]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what was not asked for, which pytest counts in its last line."""
    expression = config.getoption("markexpr") or ""
    left = [
        item
        for item in items
        if any(mark not in expression and item.get_closest_marker(mark) for mark in APART)
    ]
    every = [item for item in items if item.get_closest_marker(CATALOGUE)]
    usual = {item for item, number in _numbered(every) if not number and _is_usual(item)}
    if CATALOGUE not in expression:
        left += [item for item in every if item not in usual]
    elif os.environ.get("HARNESS_CATALOGUE") != "all":
        proven = {item for item in every if _mark(item).get("in_proof")} - usual
        others = {
            item for item, number in _numbered(every) if number % _mark(item).get("every", ENTRIES_TO_ONE)
        }
        elsewhere = usual | proven | others
        left += [item for item in every if item in elsewhere]
        words = (
            f"ran {len(every) - len(elsewhere)} of {len(every)} entries; tox run -e py has {len(usual)}, "
            f"tox run -e proof proves {len(proven)}; all: HARNESS_CATALOGUE=all tox run -e catalogue"
        )
        config.stash[_LEFT] = words
        if hasattr(config, "workeroutput"):  # a worker of xdist: whoever reports has collected nothing
            config.workeroutput["left"] = words
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker of xdist has left out; all have left out the same."""
    if words := getattr(node, "workeroutput", {}).get("left"):
        node.config.stash[_LEFT] = words


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what a catalogue's run left out."""
    if _LEFT in config.stash:
        terminalreporter.write_line(config.stash[_LEFT])


def _mark(item: pytest.Item) -> Mapping[str, Any]:
    """What the catalogue's mark of a test says."""
    mark = item.get_closest_marker(CATALOGUE)
    return mark.kwargs if mark else {}


def _is_usual(item: pytest.Item) -> bool:
    """Whether the default run has the first entry."""
    mark = _mark(item)
    return hasattr(item, "callspec") and mark.get("in_default", True) and not mark.get("in_proof")


def _numbered(items: list[pytest.Item]) -> list[tuple[pytest.Item, int]]:
    """Each test with its place among the entries of its function."""
    seen: Counter[str] = Counter()
    found = []
    for item in items:
        function = item.nodeid.partition("[")[0]
        found.append((item, seen[function]))
        seen[function] += 1
    return found
