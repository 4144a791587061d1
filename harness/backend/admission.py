"""What the route makes of a request before its header matters: read, or refused with the measured status. Pure.

Order of checks and statuses follow the measured facts of the real route.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness import plan
from harness.backend.builds import HeaderLines, Incoming
from harness.backend.http import node_header
from harness.headers.policy import JS_TRIM

FREE_SUFFIX: Final = ":free"
FREE_MODELS: Final = frozenset({"openrouter/free"})
TOKENS_MAX: Final = 99_999_999_999
"""A max_tokens beyond this is answered with 503."""


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A request that ends before the upstream."""

    status: int
    body: dict[str, Any]


def check_path(path: str, method: str) -> None:
    """Raises Refusal unless it is a POST to one of the plan's routes."""
    if path not in plan.ROUTES:
        prefixes = tuple(route.removesuffix("chat/completions") for route in plan.ROUTES)
        status = 400 if path.startswith(prefixes) else 404
        raise Refusal(status, {"error": "Invalid path"})
    if method != "POST":
        raise Refusal(405, {"error": "Method not allowed"})


def read_incoming(
    path: str, headers: HeaderLines, names: Sequence[bytes], body: bytes, peer: tuple[str, int] | None
) -> Incoming:
    """The request behind a path that was checked, of nobody yet; raises Refusal for its body or its address."""
    document = parse_body(body)
    address = client_address(headers, peer)
    streamed = document.get("stream") is True
    return Incoming(path, headers, names, document, len(body), address, None, None, streamed)


def refusal_of(asked: Incoming) -> Refusal | None:
    """Why a request of this user is refused whatever the build: a model that costs, or too many tokens."""
    if asked.email is None and not is_free(asked.model):
        message = "Sign in to use this model."
        return Refusal(401, {"error": {"code": "PAID_MODEL_AUTH_REQUIRED", "message": message}})
    tokens = asked.document.get("max_tokens")
    if isinstance(tokens, int | float) and tokens > TOKENS_MAX:
        return Refusal(503, {"error": "max_tokens is out of range"})
    return None


def parse_body(body: bytes) -> dict[str, Any]:
    """The request's JSON object, with a model that is a string; raises Refusal 400 or 404."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, {"error": "Invalid request body"}) from None
    if isinstance(document, list):
        document = {}  # an array is an object to JavaScript: it parses, and has no model
    if not isinstance(document, dict):
        raise Refusal(400, {"error": "Invalid request body"})
    model = document.get("model")
    if not isinstance(model, str) or not model.strip(JS_TRIM):
        raise Refusal(404, {"error": {"message": "Model not found", "code": 404}})
    return document


def client_address(headers: HeaderLines, peer: tuple[str, int] | None) -> str:
    """First item of x-forwarded-for, trimmed but not normalised; without the header the socket's address.

    Raises Refusal 400 when it is empty: an empty header, or one that begins with a comma.
    """
    forwarded = node_header(headers, b"x-forwarded-for")
    if forwarded is None:
        forwarded = f"::ffff:{peer[0]}" if peer else ""
    first = forwarded.partition(",")[0].strip(JS_TRIM)
    if not first:
        raise Refusal(400, {"error": "Unable to determine client IP"})
    return first


def is_free(model: str) -> bool:
    """Whether the model costs nothing: compared in lower case, not trimmed."""
    lowered = model.lower()
    return lowered.endswith(FREE_SUFFIX) or lowered in FREE_MODELS


def prompts(document: dict[str, Any]) -> tuple[str | None, str | None]:
    """First system prompt and last user prompt that are plain text."""
    messages = [
        m for m in document.get("messages") or [] if isinstance(m, dict) and isinstance(m.get("content"), str)
    ]
    systems = [m["content"] for m in messages if m.get("role") == "system"]
    users = [m["content"] for m in messages if m.get("role") == "user"]
    return (systems[0] if systems else None, users[-1] if users else None)


def _no_constant(name: str) -> object:
    """NaN and the infinities are no JSON to JavaScript."""
    raise ValueError(name)
