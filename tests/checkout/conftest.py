"""What the tests of the handler need beside this repository."""

import os

import pytest

from harness.errors import UnavailableError
from harness.run.check_prepare import prepare


@pytest.fixture(scope="session")
def packages() -> None:
    """drizzle-orm and zod in the cache, or the reason why these tests can't run."""
    try:
        prepare()
    except UnavailableError as error:
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_NPM") == "1" else pytest.skip
        refuse(str(error))
