"""Claims that a test registers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.checks.registry import _BY_TYPE, _import_all


@contextmanager
def registered_for_now() -> Iterator[None]:
    """Forgets at its end what was registered in it."""
    _import_all()  # what it would register inside is registered once in a process, and would be forgotten
    before = {kind: list(checks) for kind, checks in _BY_TYPE.items()}
    try:
        yield
    finally:
        _BY_TYPE.clear()
        _BY_TYPE.update(before)


@pytest.fixture
def own_registry() -> Iterator[None]:
    """What a test registers is forgotten with it."""
    with registered_for_now():
        yield
