"""Faults in other columns: the rows are there and hold the right value, and the header has changed something else."""

import uuid
from collections.abc import Callable, Mapping
from typing import Final

from harness.backend.builds import Sender
from harness.backend.defects.parts import OTHER_COLUMNS, Class, Defect, accepted, faulty, header_sent

Values = Mapping[str, object]
Changes = Callable[[Sender, Values], Values]


def where(asked: Class, change: Changes) -> Changes:
    """The change in a class of requests."""
    return lambda sender, values: change(sender, values) if asked(sender) else {}


def to(name: str, value: object) -> Changes:
    """Always the same value."""
    return lambda _sender, _values: {name: value}


def one_token_more(_sender: Sender, values: Values) -> Values:
    """The header is counted as a token of the prompt."""
    tokens = values["input_tokens"]
    assert isinstance(tokens, int), "the accounting statement has a count"
    return {"input_tokens": tokens + 1}


def bare_model(_sender: Sender, values: Values) -> Values:
    """The model's name in lower case and without what follows the colon."""
    return {"model": str(values["model"] or "").lower().partition(":")[0]}


def organization(sender: Sender, values: Values) -> Values:
    """An organization made from the value, where the request has none."""
    made = str(uuid.uuid5(uuid.NAMESPACE_OID, sender.accepted or ""))
    return {"organization_id": values["organization_id"] or made}


def value_in(name: str) -> Changes:
    """The value also stands in another column."""
    return lambda sender, _values: {name: sender.accepted}


def _column(name: str, summary: str, change: Changes, asked: Class = accepted) -> Defect:
    return faulty(name, summary, OTHER_COLUMNS, changes=where(asked, change))


COLUMNS: Final[tuple[Defect, ...]] = (
    _column("costs-with-header", "a request with the header costs a millionth of a dollar", to("cost", 1)),
    _column("token-for-header", "the header is counted as an input token", one_token_more, header_sent),
    _column("bare-model", "the model is stored in lower case and without its suffix", bare_model),
    _column("tools-with-header", "has_tools is true where the header is", to("has_tools", True)),
    _column("prompt-from-header", "user_prompt_prefix holds the value", value_in("user_prompt")),
    _column(
        "status-with-header", "status_code is 202 where the header is", to("status_code", 202), header_sent
    ),
    _column("organization-from-header", "organization_id is made from the value", organization),
    _column("project-from-header", "project_id holds the value", value_in("project_id")),
    _column("agent-from-header", "the user agent's look-up holds the value", value_in("user_agent")),
    _column("editor-lost", "the editor's name is lost where the header is", to("editor_name", None)),
    _column(
        "stream-flag-lost",
        "streamed is false where a stream has the header",
        to("streamed", False),
        header_sent,
    ),
    _column(
        "error-with-invalid",
        "has_error is true where the header is invalid",
        to("has_error", True),
        lambda sender: bool(sender.header) and not accepted(sender),
    ),
)
"""What the header changes beside the planned column."""
