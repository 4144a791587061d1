"""The extension as the backend sees it: the requests that its builds send, as data.

Headers are those that real installations send today; build `after` adds the plan's header.
"""

from enum import StrEnum
from typing import Final

from harness import plan
from harness.clients.exchange import HeaderLine

FREE_MODEL: Final = "harness/stub:free"
"""A model that the reference proxy serves without an account."""


class ExtensionBuild(StrEnum):
    """Which version of the extension is in the field."""

    BEFORE = "before"
    AFTER = "after"


class Auth(StrEnum):
    """What stands in the Authorization header."""

    ANONYMOUS = "anonymous"
    JUNK = "junk token"
    SIGNED_IN = "signed in"


def plan_header(value: str | bytes) -> tuple[HeaderLine, ...]:
    """The plan's header with one value, as a tuple of one line."""
    raw = value.encode("latin-1") if isinstance(value, str) else value
    return ((plan.HEADER.encode(), raw),)
