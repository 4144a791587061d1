"""Reads what the accounting needs from a model's reply: a JSON document or a stream of events."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Completion:
    """What a reply says of itself; absent fields are None or 0."""

    id: str | None
    model: str | None
    provider: str | None
    finish_reason: str | None
    input_tokens: int
    output_tokens: int


def read_completion(body: bytes, *, streamed: bool) -> Completion | None:
    """The completion in a body, or None when it cannot be read: the real backend then leaves no row.

    A stream is read chunk by chunk (`data:` lines); `[DONE]` and comments are passed over, one malformed
    chunk makes the whole unreadable. A stream cut short is read as far as it came.
    """
    texts = _events(body) if streamed else [body]
    completion = Completion(None, None, None, None, 0, 0)
    for text in texts:
        try:
            document = json.loads(text)
        except ValueError:
            return None
        if isinstance(document, dict):
            completion = _merged(completion, document)
    return completion


def _events(body: bytes) -> list[bytes]:
    text = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # each ends a line (HTML standard)
    whole = text.split(b"\n\n")[:-1]  # what follows the last blank line is a chunk cut short
    lines = [line[5:].strip() for event in whole for line in event.splitlines() if line.startswith(b"data:")]
    return [line for line in lines if line != b"[DONE]"]


def _merged(seen: Completion, document: dict[str, Any]) -> Completion:
    usage = document.get("usage") or {}
    choices = document.get("choices") or [{}]
    return Completion(
        id=seen.id or document.get("id"),
        model=seen.model or document.get("model"),
        provider=seen.provider or document.get("provider"),
        finish_reason=choices[0].get("finish_reason") or seen.finish_reason,
        input_tokens=usage.get("prompt_tokens", seen.input_tokens),
        output_tokens=usage.get("completion_tokens", seen.output_tokens),
    )
