"""Claims that a test registers."""

from collections.abc import Iterator

import pytest

from harness.checks.registry import registered_for_now


@pytest.fixture
def own_registry() -> Iterator[None]:
    """What a test registers is forgotten with it."""
    with registered_for_now():
        yield
