"""The extension as the backend sees it: the requests that its builds send, as data.

Headers are those that real installations send today; build `after` adds the plan's header.
"""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness import plan
from harness.clients.exchange import HeaderLine, Request

FREE_MODEL: Final = "harness/stub:free"
"""A model that the reference proxy serves without an account."""
OWN_NAMES: Final = frozenset(
    b"content-type user-agent x-forwarded-for authorization x-kilocode-editorname x-kilocode-mode"
    b" x-kilocode-taskid x-kilocode-organizationid".split()
)
"""Headers that every build sends, in lower case: what a request bears beyond them is what is tested."""
JUNK_TOKEN: Final = "not-provided"  # noqa: S105 - what the real anonymous extension sends as its token


class ExtensionBuild(StrEnum):
    """Which version of the extension is in the field."""

    BEFORE = "before"
    AFTER = "after"


class Auth(StrEnum):
    """What stands in the Authorization header."""

    ANONYMOUS = "anonymous"
    JUNK = "junk token"
    SIGNED_IN = "signed in"


@dataclass(frozen=True, slots=True)
class Installation:
    """One installed extension: its machine, its editor, its user's token if there is one."""

    machine_id: str
    editor: str = "Visual Studio Code 1.96.0"
    token: str | None = None
    mode: str | None = "code"
    task_id: str | None = None
    organization_id: str | None = None


def derived_id(machine_id: str) -> str:
    """The plan's anonymous id of a machine: prefix and 16 hex digits.

    A lone surrogate hashes as U+FFFD, as Node's `hash.update(string)` has it. Source: plan, Repository 2, File 1.
    """
    # Through UTF-16 and back: two halves that meet become one character, a half without its other becomes U+FFFD.
    # `encode("utf-8", "replace")` would make "?" of both.
    text = machine_id.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    digest = hashlib.sha256((text + plan.DERIVED_SALT).encode()).hexdigest()
    return plan.DERIVED_PREFIX + digest[: plan.DERIVED_HEX_DIGITS]


def request(
    installation: Installation,
    build: ExtensionBuild,
    *,
    address: str,
    stream: bool = False,
    model: str = FREE_MODEL,
    header: tuple[HeaderLine, ...] | None = None,
    stub: dict[str, Any] | None = None,
    route: str = plan.ROUTES[0],
) -> Request:
    """One chat completion as this installation sends it, arriving from `address`.

    `header` replaces what the build would send for the plan's header (an empty tuple: nothing). `stub` is
    what the upstream stub is asked to do; a real upstream never gets one.
    """
    if header is None:
        header = plan_header(derived_id(installation.machine_id)) if build is ExtensionBuild.AFTER else ()
    document: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a coding assistant."},
            {"role": "user", "content": "Say that all is well."},
        ],
        "stream": stream,
    }
    if stub:
        document["stub"] = stub
    return Request(route, (*_headers(installation, address), *header), json.dumps(document).encode())


def plan_header(value: str | bytes) -> tuple[HeaderLine, ...]:
    """The plan's header with one value, as a tuple of one line."""
    raw = value.encode("latin-1") if isinstance(value, str) else value
    return ((plan.HEADER.encode(), raw),)


def _headers(installation: Installation, address: str) -> list[HeaderLine]:
    lines: list[tuple[str, str | None]] = [
        ("content-type", "application/json"),
        ("user-agent", "Kilo-Code/4.140.0"),
        ("x-forwarded-for", address),  # the edge in front of the backend adds it
        ("authorization", None if installation.token is None else f"Bearer {installation.token}"),
        ("X-KiloCode-EditorName", installation.editor),
        ("X-KiloCode-Mode", installation.mode),
        ("X-KiloCode-TaskId", installation.task_id),
        ("X-KiloCode-OrganizationId", installation.organization_id),
    ]
    return [(name.encode(), value.encode("latin-1")) for name, value in lines if value is not None]
