"""The collector of garbage leaves alone what is imported for the tests: it stays, and is a million objects."""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing is walked while the tests are imported, and what they have imported is not walked again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
