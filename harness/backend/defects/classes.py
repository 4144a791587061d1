"""Faults of the rule for whole classes of header values: bytes that are let through, lengths, and parts unchecked."""

from collections.abc import Callable
from typing import Final

from harness.backend.builds import Sender
from harness.backend.defects.parts import (
    Defect,
    anonymous,
    changing,
    faulty,
    invalid,
    matching,
    with_junk_token,
)
from harness.rule.policy import Policy

BYTE: Final = 256
"""One more than a byte holds."""
NBSP: Final = "\u00a0"
NEL: Final = "\u0085"


def length_in_a_byte(policy: Policy, text: str) -> str | None:
    """The length is kept in a byte: of a longer text as much is stored as the byte says."""
    return policy.accepted(text[: len(text) % BYTE]) if len(text) >= BYTE else policy.accepted(text)


def empty_to_a_byte(policy: Policy, text: str) -> str | None:
    """A length whose lowest byte is 0 passes every limit."""
    if len(text) % BYTE == 0 and text and policy.allows(text):
        return text
    return policy.accepted(text)


def unchecked(part: Callable[[str], str]) -> Callable[[Policy, str], str | None]:
    """The whole text is stored where the policy lets a part of it through."""

    def rule(policy: Policy, text: str) -> str | None:
        if len(text) > policy.length_max or len(text) == 1:
            return policy.accepted(text)
        return text if policy.accepted(part(text)) else None

    return rule


def header_if_invalid(sender: Sender) -> str | None:
    """A signed-in user's header that the rule does not let through, in the e-mail's place."""
    if sender.email is None:
        return sender.accepted
    return sender.header if invalid(sender) else sender.email


def any_with_junk(sender: Sender) -> str | None:
    """Any header beside a token of nobody."""
    return sender.header if with_junk_token(sender) and sender.header else sender.accepted


CLASSES: Final[tuple[Defect, ...]] = (
    faulty(
        "latin-1-letters", "letters beyond ASCII pass", "V3", rule=matching(r"\A[a-zA-Z0-9_\xc0-\xff-]+\Z")
    ),
    faulty("tabs-inside", "tabs pass", "V3", rule=matching(r"\A[a-zA-Z0-9_\t-]+\Z")),
    faulty("blanks-inside", "blanks pass", "V3", rule=matching(r"\A[a-zA-Z0-9_ -]+\Z")),
    faulty(
        "base64-characters", "plus, slash and equals sign pass", "V3", rule=matching(r"\A[a-zA-Z0-9_+/=-]+\Z")
    ),
    faulty("e-mail-characters", "at sign and dot pass", "V3", rule=matching(r"\A[a-zA-Z0-9_.@-]+\Z")),
    faulty(
        "trims-nbsp", "no-break spaces at the ends go", "V3", rule=changing(lambda text: text.strip(NBSP))
    ),
    faulty(
        "trims-nel", "next-line characters at the ends go", "V3", rule=changing(lambda text: text.strip(NEL))
    ),
    faulty("strips-quotes", "quotes at the ends go", "V3", rule=changing(lambda text: text.strip("\"'"))),
    faulty("strips-comma", "a comma at the end goes", "V3", rule=changing(lambda text: text.rstrip(", "))),
    faulty("limit-512", "512 characters pass", "V2", rule=matching(r"\A[a-zA-Z0-9_-]+\Z", 512)),
    faulty("limit-4096", "4,096 characters pass", "V2", rule=matching(r"\A[a-zA-Z0-9_-]+\Z", 4096)),
    faulty(
        "length-in-a-byte", "a longer value is cut to its length's lowest byte", "V3", rule=length_in_a_byte
    ),
    faulty("multiples-of-256", "lengths that are multiples of 256 pass", "V2", rule=empty_to_a_byte),
    faulty(
        "last-unchecked", "the last character is not looked at", "V3", rule=unchecked(lambda text: text[:-1])
    ),
    faulty(
        "first-unchecked", "the first character is not looked at", "V3", rule=unchecked(lambda text: text[1:])
    ),
    faulty(
        "unchecked-signed-in",
        "an invalid header replaces a signed-in user's e-mail",
        "I1",
        value=header_if_invalid,
    ),
    faulty(
        "unchecked-junk-token",
        "beside a token of nobody any header is stored",
        "V3",
        value=anonymous(any_with_junk),
    ),
)
"""Headers of one class pass that should not."""
