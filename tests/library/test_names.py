"""What a user imports: every name is there, and importing starts and loads nothing."""

import subprocess
import sys

import pytest

import harness

QUIET = """
import sys, threading, os
before = set(sys.modules)
files = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
import harness
ours = {name for name in set(sys.modules) - before if name.startswith("harness")}
after = set(os.listdir("/proc/self/fd")) if files else set()
print(sorted(ours), threading.active_count(), len(after) - len(files))
"""


def test_every_public_name_is_there() -> None:
    assert all(getattr(harness, name) is not None for name in harness.__all__)
    assert set(harness.__all__) <= set(dir(harness))
    assert harness.__all__ == sorted(harness.__all__)
    assert harness.__all__ == sorted(harness._PLACES)


def test_a_name_that_is_not_there_is_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'stages_of_man'"):
        harness.stages_of_man  # noqa: B018 - asked for its refusal


def test_importing_loads_and_starts_nothing() -> None:
    ended = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=True)
    assert ended.stdout == "['harness'] 1 0\n"
