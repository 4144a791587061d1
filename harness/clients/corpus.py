"""The old clients: requests of the shapes that extensions in the field send, none of which knows the plan's header.

The shapes stand in `fixtures/extension/field.json`: editors and their forks, with and without each header, each kind
of token, streaming or not. Written after what the extension's code sends, not captured from users. Knows no server.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness import plan
from harness.clients.exchange import HeaderLine, Request
from harness.clients.extension import FREE_MODEL, Auth
from harness.data import fixture_path

FIELD_FILE: Final = "extension/field.json"


class Token(StrEnum):
    """What stands in the Authorization header; the extension has had two junk tokens."""

    NONE = "none"
    NOT_PROVIDED = "not-provided"
    ANONYMOUS = "anonymous"
    SIGNED_IN = "signed in"

    @property
    def auth(self) -> Auth:
        """How the backend takes it on a free model."""
        if self is Token.NONE:
            return Auth.ANONYMOUS
        return Auth.SIGNED_IN if self is Token.SIGNED_IN else Auth.JUNK


@dataclass(frozen=True, slots=True)
class CorpusRequest:
    """One shape: everything of a request but the address it comes from and the user's own token."""

    name: str
    token: Token
    stream: bool
    headers: tuple[HeaderLine, ...]
    body: dict[str, Any]
    """What the body holds beyond model, messages and `stream`."""

    @property
    def auth(self) -> Auth:
        """How it is signed."""
        return self.token.auth

    def request(self, address: str, token: str, model: str = FREE_MODEL) -> Request:
        """The request as it arrives from `address`; `token` is the user's, and used only where one is signed in."""
        sent = {Token.NONE: None, Token.SIGNED_IN: token}.get(self.token, str(self.token))
        authorization = () if sent is None else ((b"authorization", f"Bearer {sent}".encode()),)
        document = {
            "model": model,
            "messages": [
                {"role": "system", "content": "You are a coding assistant."},
                {"role": "user", "content": [{"type": "text", "text": "Say that all is well."}]},
            ],
            "stream": self.stream,
            **self.body,
        }
        lines = (
            (b"content-type", b"application/json"),
            (b"x-forwarded-for", address.encode()),  # the edge in front of the backend adds it
            *authorization,
            *self.headers,
        )
        return Request(plan.ROUTES[0], lines, json.dumps(document).encode())


def corpus() -> tuple[CorpusRequest, ...]:
    """Every shape, in the file's order; names differ."""
    return tuple(_shape(document) for document in json.loads(fixture_path(FIELD_FILE).read_text("utf-8")))


def _shape(document: dict[str, Any]) -> CorpusRequest:
    return CorpusRequest(
        name=document["name"],
        token=Token(document["token"]),
        stream=document["stream"],
        headers=tuple(
            (name.encode(), value.encode("latin-1")) for name, value in document["headers"].items()
        ),
        body=document["body"],
    )
