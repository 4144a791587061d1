"""The extension's code under Node."""

from collections.abc import Iterator

import pytest

from harness.clients.extension_host import ExtensionHost, extension_host


@pytest.fixture(scope="module")
def host() -> Iterator[ExtensionHost]:
    """A Node process that runs the extension's code, window by window."""
    with extension_host() as running:
        yield running
