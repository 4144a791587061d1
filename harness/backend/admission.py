"""What the route makes of a request before its header matters: read, or refused with the measured status.

Order of checks and statuses follow the measured facts of the real route.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness import plan
from harness.backend.builds import HeaderLines, Incoming
from harness.backend.http import node_header
from harness.rule.policy import JS_TRIM

FREE_SUFFIX: Final = ":free"
FREE_MODELS: Final = frozenset({"openrouter/free"})
TOKENS_MAX: Final = 99_999_999_999
"""A max_tokens beyond this is answered with 503."""
UNAVAILABLE: Final = {
    "error": "Service Unavailable",
    "message": "The service is temporarily unavailable. Please try again later.",
}
_UNREADABLE: Final = {
    "error": "Invalid request",
    "message": "Could not parse request body. Please ensure it is valid JSON.",
}


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """A request that ends before the upstream."""

    status: int
    body: dict[str, Any]


def check_path(path: str, method: str, routes: Sequence[str] = plan.ROUTES) -> None:
    """Raises Refusal unless it is a POST to one of the routes."""
    if path not in routes:
        prefixes = tuple(route.removesuffix("chat/completions") for route in routes)
        status = 400 if path.startswith(prefixes) else 404
        message = "This endpoint only accepts the path `/chat/completions`."
        raise Refusal(status, {"error": "Invalid path", "message": message})
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
        message = "You need to sign in to use this model."
        return Refusal(401, {"error": {"code": "PAID_MODEL_AUTH_REQUIRED", "message": message}})
    tokens = asked.document.get("max_tokens")
    if isinstance(tokens, int | float) and tokens > TOKENS_MAX:
        return Refusal(503, UNAVAILABLE)
    return None


def parse_body(body: bytes) -> dict[str, Any]:
    """The request's JSON object, with a model that is a string; raises Refusal 400 or 404."""
    # Node decodes a body as `TextDecoder` does: a byte order mark goes, and bytes that are no UTF-8 become U+FFFD
    # instead of an error. Python's JSON would also read NaN and Infinity, which no JavaScript parser takes.
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, _UNREADABLE) from None
    if isinstance(document, list):
        document = {}  # an array is an object to JavaScript: it parses, and has no model
    if not isinstance(document, dict):
        raise Refusal(400, _UNREADABLE)
    model = document.get("model")
    if not isinstance(model, str) or not model.strip(JS_TRIM):
        message = "The requested model could not be found."
        raise Refusal(404, {"error": "Model not found", "message": message})
    return document


def client_address(headers: HeaderLines, peer: tuple[str, int] | None) -> str:
    """First item of x-forwarded-for, trimmed but not normalised; without the header the peer's, as the socket has it.

    Raises Refusal 400 when it is empty: an empty header, or one that begins with a comma.
    """
    forwarded = node_header(headers, b"x-forwarded-for")
    if forwarded is None:
        forwarded = peer[0] if peer else ""
    first = forwarded.partition(",")[0].strip(JS_TRIM)
    if not first:
        raise Refusal(400, {"error": "Unable to determine client IP"})
    return first


def is_free(model: str) -> bool:
    """Whether the model costs nothing: compared in lower case, not trimmed."""
    lowered = model.lower()
    return lowered.endswith(FREE_SUFFIX) or lowered in FREE_MODELS


def prompts(document: dict[str, Any]) -> tuple[str, str]:
    """Texts of all system prompts, a line each, and of the last user message; '' where there are none."""
    listed = document.get("messages")
    messages = [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
    systems = [_text(m.get("content")) for m in messages if m.get("role") in ("system", "developer")]
    users = [_text(m.get("content")) for m in messages if m.get("role") == "user"]
    return "\n".join(systems), users[-1] if users else ""


def _text(content: object) -> str:
    """What a message says: its text, or that of its parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _no_constant(name: str) -> object:
    """NaN and the infinities are no JSON to JavaScript."""
    raise ValueError(name)
