"""Builds the request of a shape: the header lines and the body that a real client would send. Sends nothing."""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from harness import plan
from harness.clients.exchange import HeaderLine, Request
from harness.clients.shape import (
    Agent,
    Body,
    Connection,
    Editor,
    ExtensionMode,
    Extra,
    Feature,
    Forwarded,
    Model,
    Shape,
)

TASK_ID: Final = "0192d4e8-6f3a-7c21-9b4e-5a1f8c3d7e60"
MACHINE_ID: Final = "5e2d8c0f7b14a69d3c8e05b7a4f91d6328e0cb57fa1d94e639d3f0c6f2a7be41"
ORGANIZATION_ID: Final = "7d0f6c1e-52ab-4e0d-9a3f-1f5b8c2d4e6a"
PROJECT_ID: Final = "github.com/example/project"
VERSION: Final = "4.140.0"
LONG_TEXT: Final = "Some file of the project, as context. " * 900
"""More than 32 KiB: above what many servers read at once."""
TOOLS: Final = (
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Reads a file of the project.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        },
    },
)

_SYSTEM = {"role": "system", "content": "You are a coding assistant."}
_ASKED = {"role": "user", "content": "Say that all is well."}
_TALK = [
    _SYSTEM,
    {"role": "user", "content": "How are you?"},
    {"role": "assistant", "content": "All is well."},
    _ASKED,
]
_PARTS = [{"role": "user", "content": [{"type": "text", "text": "Say that all is well, in fran\u00e7ais."}]}]
_BODIES: Final[dict[Body, dict[str, Any]]] = {
    Body.PLAIN: {"messages": [_SYSTEM, _ASKED]},
    Body.TOOLS: {"messages": [_SYSTEM, _ASKED], "tools": TOOLS, "tool_choice": "auto"},
    Body.LONG: {"messages": [_SYSTEM, {"role": "user", "content": LONG_TEXT + str(_ASKED["content"])}]},
    Body.TALK: {"messages": _TALK},
    Body.PARTS: {"messages": _PARTS},
    Body.LIMITED: {"messages": [_SYSTEM, _ASKED], "max_tokens": 256, "temperature": 0},
    Body.MODELS: {
        "messages": [_SYSTEM, _ASKED],
        "models": ["openrouter/free"],
        "transforms": ["middle-out"],
    },
    Body.USER: {
        "messages": [_SYSTEM, _ASKED],
        "user": "user-of-the-body",
        "metadata": {"user_id": "user-of-the-body", "distinct_id": "id-of-the-body"},
    },
}
_COOKIES = "; ".join(
    f"{name}=id-of-the-cookie"
    for name in (
        "session",
        "ph_distinct_id",
        "distinct_id",
        plan.COLUMN,
        plan.HEADER,
        "ph_phc_0a1b2c_posthog",
    )
)
_EXTRA: Final[dict[Extra, tuple[tuple[str, str], ...]]] = {
    Extra.NONE: (),
    Extra.COOKIE: (("cookie", _COOKIES),),
    Extra.EDGE: (
        ("x-vercel-ip-city", "Berlin"),
        ("x-vercel-ip-country", "DE"),
        ("x-vercel-ip-latitude", "52.5"),
        ("x-vercel-ip-longitude", "13.4"),
        ("x-vercel-ja4-digest", "t13d1516h2_8daaf6152771_02713d6af862"),
    ),
    Extra.TRACE: (
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-request-id", "3f8a1c5e-0d27-4b6e-9a14-7c2f5d8b3e60"),
        ("baggage", "distinct_id=id-of-the-baggage"),
    ),
}


def shaped_request(
    shape: Shape,
    *,
    address: str,
    token: str | None,
    model: str,
    header: tuple[HeaderLine, ...] = (),
    mark: str = "",
    stub: dict[str, Any] | None = None,
) -> Request:
    """One chat completion of this shape from an address; `header` are the lines under test, sent last but one.

    `token` is what goes into Authorization; which one fits the shape's caller is the business of whoever asks. `mark`
    is a product that is added to the extension's own user agent; another agent is sent as it is. `stub` is what the
    upstream stub is asked to do; a real upstream never gets one.
    """
    first, rest, closes = _lines_around(shape, token, mark)
    asked = model if shape.model is Model.GIVEN else shape.model.value
    body = _body(shape.body, asked, shape.stream)
    if stub is not None:
        body = json.dumps(json.loads(body) | {"stub": stub}).encode()
    listed = f"{address}, 10.0.0.1" if shape.forwarded in _LISTED else address
    forwarded = (b"x-forwarded-for", listed.encode())
    return Request(shape.path, (*first, forwarded, *rest, *header, *closes), body)


@lru_cache(maxsize=64)
def _body(body: Body, model: str, stream: bool) -> bytes:
    return json.dumps({"model": model, **_BODIES[body], "stream": stream}, ensure_ascii=False).encode()


_LISTED: Final = (Forwarded.IPV6_LIST, Forwarded.IPV4_LIST)


@lru_cache(maxsize=512)  # a control and its probes are of one shape
def _lines_around(shape: Shape, token: str | None, mark: str) -> tuple[tuple[HeaderLine, ...], ...]:
    """What is sent before the address, after it, and behind the header under test."""
    closes = ((b"connection", b"close"),) if shape.connection is Connection.CLOSED else ()
    return _encoded(_first_lines(shape, mark)), _encoded(_further_lines(shape, token)), closes


def _encoded(lines: Iterable[tuple[str, str]]) -> tuple[HeaderLine, ...]:
    return tuple((name.encode(), value.encode("latin-1")) for name, value in lines)


def _first_lines(shape: Shape, mark: str) -> Iterator[tuple[str, str]]:
    yield "content-type", "application/json"
    if shape.agent is not Agent.NONE:
        yield (
            "user-agent",
            f"Kilo-Code/{VERSION} {mark}".rstrip() if shape.agent is Agent.EXTENSION else "node",
        )


def _further_lines(shape: Shape, token: str | None) -> Iterator[tuple[str, str]]:
    if token is not None:
        yield "authorization", f"Bearer {token}"
    if shape.editor is not Editor.NONE:
        yield "X-KiloCode-EditorName", shape.editor.value
    if shape.mode is not ExtensionMode.NONE:
        yield "X-KiloCode-Mode", shape.mode.value
    if shape.task:
        yield "X-KiloCode-TaskId", TASK_ID
    if shape.machine:
        yield "X-KiloCode-MachineId", MACHINE_ID
    if shape.feature is not Feature.NONE:
        yield "X-KiloCode-Feature", shape.feature.value
    if shape.version:
        yield "X-KiloCode-Version", VERSION
    if shape.organization:
        yield "X-KiloCode-OrganizationId", ORGANIZATION_ID
    if shape.project:
        yield "X-KiloCode-ProjectId", PROJECT_ID
    yield from _EXTRA[shape.extra]
