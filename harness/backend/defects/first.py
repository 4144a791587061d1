"""The faults that were thought of first, in every part of the backend: rule, value, user, rows and reply."""

import re
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness import plan
from harness.backend.builds import (
    AFTER,
    BEFORE,
    UNWIRED,
    Build,
    HeaderLines,
    Memory,
    Sender,
    email_or_header,
)
from harness.backend.defects.parts import SHORT_HEADER, Defect, Rule, Value, changing, invalid, matching
from harness.rule.policy import Policy


def lower_cased(policy: Policy, text: str) -> str | None:
    """The policy's rule; what it lets through is stored in lower case."""
    accepted = policy.accepted(text)
    return None if accepted is None else accepted.lower()


def first_duplicate(headers: HeaderLines) -> str | None:
    """The first of several headers instead of all of them."""
    name = plan.HEADER.encode()
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def other_name(headers: HeaderLines) -> str | None:
    """A header that nobody sends."""
    return next((value.decode("latin-1") for key, value in headers if key == SHORT_HEADER), None)


def header_first(sender: Sender) -> str | None:
    """The header even where the e-mail belongs."""
    return sender.accepted or sender.email


def never_email(sender: Sender) -> str | None:
    """Nothing for a signed-in user."""
    return sender.accepted if sender.email is None else None


def no_email_beside_empty(sender: Sender) -> str | None:
    """Nothing for a signed-in user whose header is empty."""
    return None if sender.email and sender.header == "" else email_or_header(sender)


def empty_for_null(sender: Sender) -> str | None:
    """The empty string where NULL belongs."""
    return email_or_header(sender) or ""


def only_streamed(sender: Sender) -> str | None:
    """Nothing from a request that does not stream: that path was forgotten."""
    return email_or_header(sender) if sender.streamed or sender.email else None


def only_unstreamed(sender: Sender) -> str | None:
    """Nothing from a request that streams: that path was forgotten."""
    return email_or_header(sender) if not sender.streamed or sender.email else None


def from_header(sender: Sender) -> str:
    """An anonymous id made from the header."""
    return plan.ANONYMOUS_PREFIX + (sender.accepted or sender.asked.address)


def for_all(memory: Memory, sender: Sender) -> str | None:
    """The last value that was accepted of anybody, where none is accepted now."""
    if sender.accepted is not None:
        memory.kept["value"] = sender.accepted
    return memory.kept.get("value")


def unknown_header(sender: Sender) -> int:
    """400 where the plan's header was sent at all, by a build that does not read it."""
    return 400 if sender.other(plan.HEADER.encode()) is not None else 0


def echo(sender: Sender) -> HeaderLines:
    """The accepted value, sent back."""
    return [(plan.HEADER.encode(), sender.accepted.encode("latin-1"))] if sender.accepted else []


def _row(name: str, summary: str, writes: Callable[[Sender], int]) -> Build:
    return replace(AFTER, name=name, summary=summary, writes=writes)


def _rule(name: str, summary: str, rule: Rule) -> Build:
    return replace(AFTER, name=name, summary=summary, rule=rule)


def _limit(most: int, summary: str) -> Build:
    return _rule(f"limit-{most}", summary, matching(r"\A[a-zA-Z0-9_-]+\Z", most))


def _value(name: str, summary: str, value: Value) -> Build:
    return replace(AFTER, name=name, summary=summary, value=value)


FIRST: Final = (
    Defect(_limit(plan.LENGTH_MAX - 1, "one character too strict"), "V2"),
    Defect(_limit(plan.LENGTH_MAX + 1, "one character too lax"), "V2"),
    Defect(_rule("no-limit", "any length", matching(r"\A[a-zA-Z0-9_-]+\Z", 1 << 20)), "V2"),
    Defect(_rule("truncates", "cuts at the limit", changing(lambda text: text[: plan.LENGTH_MAX])), "V2"),
    Defect(_rule("no-start", "pattern without ^", matching(r"[a-zA-Z0-9_-]+\Z")), "V3"),
    Defect(_rule("no-end", "pattern without $", matching(r"\A[a-zA-Z0-9_-]+")), "V3"),
    Defect(_rule("with-dot", "a dot in the class", matching(r"\A[a-zA-Z0-9_.-]+\Z")), "V3"),
    Defect(_rule("A-to-z", "A-z instead of A-Za-z", matching(r"\A[A-z0-9_-]+\Z")), "V3"),
    Defect(_rule("without-underscore", "no _ in the class", matching(r"\A[a-zA-Z0-9-]+\Z")), "V1"),
    Defect(_rule("without-hyphen", "no - in the class", matching(r"\A[a-zA-Z0-9_]+\Z")), "V1"),
    Defect(_rule("without-9", "0-8 instead of 0-9", matching(r"\A[a-zA-Z0-8_-]+\Z")), "V1"),
    Defect(_rule("unicode-word", r"Unicode's \w", matching(r"\A[\w-]+\Z")), "V3"),
    Defect(
        _rule(
            f"{plan.DERIVED_PREFIX}only",
            "only ids of the extension's own shape",
            matching(rf"\A{plan.DERIVED_PREFIX}[0-9a-f]{{{plan.DERIVED_HEX_DIGITS}}}\Z"),
        ),
        "V1",
    ),
    Defect(_rule("lower-cases", "stores in lower case", lower_cased), "V1"),
    Defect(
        _rule(
            "strips-bad",
            "drops bad characters",
            changing(lambda text: re.sub(r"[^a-zA-Z0-9_-]", "", text)),
        ),
        "V3",
    ),
    Defect(
        _rule(
            "percent-decodes",
            "decodes %XX first",
            changing(urllib.parse.unquote),
        ),
        "V3",
    ),
    Defect(
        replace(AFTER, name="first-duplicate", summary="takes the first of duplicates", read=first_duplicate),
        "V3",
    ),
    Defect(replace(AFTER, name="other-header", summary="reads another header", read=other_name), "V1"),
    Defect(
        replace(
            AFTER, name="case-sensitive", summary="knows the name in lower case only", names_as_sent=True
        ),
        "V8",
    ),
    Defect(
        replace(
            AFTER, name="mixes-up", summary="one place for the value of all open requests", mixes_up=True
        ),
        "V9",
    ),
    Defect(
        replace(AFTER, name="remembers", summary="keeps the value for the next request", recalls=for_all),
        "V5",
    ),
    Defect(
        replace(
            AFTER,
            name="refuses-invalid",
            summary="400 on an invalid header",
            refuses=lambda sender: 400 * invalid(sender),
        ),
        "V4",
    ),
    Defect(replace(AFTER, name="echoes", summary="sends the header back", reply_headers=echo), "V4"),
    Defect(_value("empty-for-null", "empty string instead of NULL", empty_for_null), "V3"),
    Defect(_value("streamed-only", "forgets requests that do not stream", only_streamed), "V1"),
    Defect(_value("unstreamed-only", "forgets requests that stream", only_unstreamed), "V1"),
    Defect(_value("header-for-email", "the header replaces the e-mail", header_first), "I1"),
    Defect(_value("no-email", "does not store the e-mail", never_email), "I1"),
    Defect(
        _value("no-email-if-empty", "an empty header stands in for the e-mail", no_email_beside_empty), "I1"
    ),
    Defect(
        replace(
            AFTER, name="id-from-header", summary="anonymous id from the header", anonymous_id=from_header
        ),
        "I2",
    ),
    Defect(
        _row("loses-invalid", "no row on an invalid header", lambda sender: int(not invalid(sender))),
        "R1",
    ),
    Defect(_row("doubles", "two rows a request", lambda _: 2), "R1"),
    Defect(
        _row("loses-1-in-50", "one row in fifty is lost", lambda sender: int(sender.number % 50 != 0)), "R1"
    ),
    Defect(UNWIRED, "V1"),
    Defect(
        replace(
            BEFORE, name="refuses-unknown", summary="400 on a header it does not know", refuses=unknown_header
        ),
        "C1",
        version="before",
    ),
)
