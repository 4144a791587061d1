"""What the tables of a rollout's file are made of: texts and numbers with what is expected of them. Pure.

A text that is expected to be more than a text has its noun and its form beside it, for the line that refuses another.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct


def _text(noun: str, expected: str, pattern: str) -> Any:
    return Meta(pattern=f"^(?:{pattern})$", description=expected, extra={"noun": noun})


Name = Annotated[str, _text("name", "lower-case letters, digits and hyphens, 1 to 64", "[a-z0-9-]{1,64}")]

Title = Annotated[str, _text("name", "one line of 1 to 80 characters", r"[^\x00-\x1f\x7f]{1,80}")]

Token = Annotated[
    str, _text("header name", "a token of HTTP (RFC 9110, 5.6.2)", r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
]

UrlPath = Annotated[str, _text("path", "printable ASCII that starts with /", r"/[!-~]*")]

JsonPath = Annotated[
    str, _text("path", "names joined by dots, such as order.ref", r"[^.\[\]$\s]+(?:\.[^.\[\]$\s]+)*")
]

Identifier = Annotated[
    str, _text("identifier", "a name in the database of 1 to 63 bytes", r"[^\x00-\x1f\x7f\"]{1,63}")
]

TypeName = Annotated[
    str, _text("type", "a type of PostgreSQL, such as text", r"[A-Za-z][A-Za-z0-9_ (),.\[\]]*")
]

FileName = Annotated[
    str,
    _text(
        "file name", "a path below the folder, with / between its parts", r"(?!/)(?!.*(?:^|/)\.\.(?:/|$)).+"
    ),
]

Variable = Annotated[str, _text("variable", "capital letters, digits and _", r"[A-Z][A-Z0-9_]*")]

ClaimId = Annotated[str, _text("claim id", "a letter and a number, such as V1", r"[A-Z][0-9]{1,3}")]

ValueName = Annotated[
    str,
    _text(
        "value",
        "organization_id, editor_name or project_id",
        "organization_id|editor_name|project_id",
    ),
]

Status = Annotated[int, Meta(ge=200, le=599)]

Take = Annotated[int, Meta(ge=1, le=100_000)]

Replicas = Annotated[int, Meta(ge=1, le=5)]

Least = Annotated[int, Meta(ge=1)]

HexDigits = Annotated[int, Meta(ge=1, le=64)]


class FileTable(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the file."""
