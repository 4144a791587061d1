"""Faults that show in values of certain shapes only: what libraries, databases and good intentions make of a text."""

import base64
import re
from collections.abc import Callable
from typing import Final

from harness import plan
from harness.backend.builds import AFTER
from harness.backend.defects.parts import Defect, Rule, changed, faulty
from harness.rule.policy import Policy

CHECKED: Final = 64
"""Characters that a careless rule looks at."""
_PREFIX: Final = plan.DERIVED_PREFIX
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(e[0-9]{1,2})?")
_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_DATE: Final = re.compile(r"([0-9]{4})-?(0?[1-9]|1[0-2])-?(0?[1-9]|[12][0-9]|3[01])")
_NULLS: Final = frozenset({"null", "undefined", "none", "nan", "nil"})
_BOOLEANS: Final = frozenset({"true", "false", "yes", "no", "on", "off"})
_MEMBERS: Final = frozenset(
    {"constructor", "__proto__", "prototype", "toString", "valueOf", "hasOwnProperty"}
)


def number(text: str) -> str:
    """What a number prints as once it was read: without zeros before it, without an exponent."""
    if not _NUMBER.fullmatch(text):
        return text
    return str(int(float(text))) if "e" in text else str(int(text))


def boolean(text: str) -> str:
    """A word for true or false as JavaScript has it."""
    lowered = text.lower()
    if lowered not in _BOOLEANS:
        return text
    return "true" if lowered in {"true", "yes", "on"} else "false"


def date(text: str) -> str:
    """A date with two digits for month and day, and hyphens between."""
    date = _DATE.fullmatch(text)
    return f"{date[1]}-{int(date[2]):02}-{int(date[3]):02}" if date else text


def padded(text: str) -> str:
    """A token as base64 would end: with equals signs."""
    return text + "=" * (-len(text) % 4) if text.startswith("eyJ") else text


def decoded(text: str) -> str:
    """What base64url says, where that is printable."""
    if len(text) % 4:
        return text
    try:
        decoded = base64.urlsafe_b64decode(text).decode("ascii")
    except ValueError:
        return text
    return decoded if decoded.isprintable() else text


def only_beginning_checked(policy: Policy, text: str) -> str | None:
    """The policy's rule for the first characters, and its limit for all."""
    return text if policy.accepted(text[:CHECKED]) and len(text) <= policy.length_max else None


def _unlike(words: frozenset[str], *, fold: bool) -> Callable[[str], str | None]:
    """Nothing in the place of certain words."""
    return lambda text: None if (text.lower() if fold else text) in words else text


def _lowered_if(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: text.lower() if pattern.fullmatch(text) else text


def _cut(length: int) -> Callable[[str], str]:
    return lambda text: text[:length]


def _shape(name: str, summary: str, change: Callable[[str], str | None]) -> Defect:
    return faulty(name, summary, "V1", rule=changed(change))


def _refusing(pattern: str) -> Rule:
    refused = re.compile(pattern)

    def rule(policy: Policy, text: str) -> str | None:
        return None if refused.match(text) else AFTER.rule(policy, text)

    return rule


SHAPES: Final[tuple[Defect, ...]] = (
    _shape("coerces-numbers", "a number is stored as it prints", number),
    _shape("coerces-booleans", "a word for true or false is stored as JavaScript has it", boolean),
    _shape("normalises-dates", "a date is stored with hyphens and two digits", date),
    _shape("lower-cases-uuids", "a UUID is stored in lower case", _lowered_if(_UUID)),
    _shape("lower-cases-hex", "a hexadecimal number is stored in lower case", _lowered_if(_HEX)),
    _shape("null-words", "a word for nothing is stored as NULL", _unlike(_NULLS, fold=True)),
    _shape("member-names", "the name of an object's member is stored as NULL", _unlike(_MEMBERS, fold=False)),
    _shape(
        "collapses-separators",
        "doubled separators become one",
        lambda text: re.sub(r"([_-])\1+", r"\1", text),
    ),
    _shape("strips-separators", "separators at both ends go", lambda text: text.strip("_-") or None),
    _shape("swaps-separators", "underscores become hyphens", lambda text: text.replace("_", "-")),
    _shape("pads-base64", "a token is padded with equals signs", padded),
    _shape("decodes-base64", "what is base64url and printable is decoded", decoded),
    _shape("cut-at-64", "no more than 64 characters are stored", _cut(64)),
    _shape("cut-at-128", "no more than 128 characters are stored", _cut(128)),
    faulty(
        f"drops-{plan.LENGTH_MAX}th",
        f"the last of {plan.LENGTH_MAX} characters goes",
        "V2",
        rule=changed(_cut(plan.LENGTH_MAX - 1)),
    ),
    _shape(
        "trims-prefix",
        "the extension's prefix goes",
        lambda text: text.removeprefix(_PREFIX) or None,
    ),
    faulty(
        "refuses-upper-prefix",
        "the prefix in capitals is refused",
        "V1",
        rule=_refusing(_PREFIX.upper()),
    ),
    faulty(
        "refuses-digit-first", "a value that begins with a digit is refused", "V1", rule=_refusing(r"[0-9]")
    ),
    faulty(
        "first-64-checked", "only the first 64 characters are looked at", "V3", rule=only_beginning_checked
    ),
)
"""Values of one shape are stored otherwise, or not."""
