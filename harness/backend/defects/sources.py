"""Faults of where the value is read: one path, another header or the body, or not beside something else."""

from collections.abc import Callable
from typing import Final

from harness import plan
from harness.backend.builds import HeaderLines, Sender
from harness.backend.defects.parts import (
    SHORT_HEADER,
    SHORT_NAME,
    Class,
    Defect,
    anonymous,
    at_gateway,
    faulty,
    other_header,
    signed_in,
    unread,
)
from harness.rule.policy import JS_TRIM, received

BODY_BYTES: Final = 4096
"""A body is big from this size on."""
_NAME: Final = plan.HEADER.encode()
_COOKIES: Final = (plan.COLUMN, plan.HEADER, SHORT_NAME)
"""Names of cookies that a client's id may have."""
_TASK: Final = other_header("-taskid")
_MACHINE: Final = other_header("-machineid")


def at_gateway_by(read: Callable[[str, Sender], str | None]) -> Callable[[Sender], str | None]:
    """Another reading of a header that is not empty, at the alias only."""
    return anonymous(
        lambda sender: (
            read(sender.header, sender) if sender.header and at_gateway(sender) else sender.accepted
        )
    )


def instead(read: Callable[[Sender], str | None]) -> Callable[[Sender], str | None]:
    """What is read elsewhere, by the rule, where the header did not come."""

    def stored(sender: Sender) -> str | None:
        text = None if sender.header is not None else read(sender)
        return sender.policy.accepted(text) if text else sender.accepted

    return anonymous(stored)


def task_id_first(sender: Sender) -> str | None:
    """The task's id by the rule, else what was accepted."""
    text = sender.other(_TASK)
    return (sender.policy.accepted(text) if text else None) or sender.accepted


def in_body(sender: Sender) -> str | None:
    """Members of the body that say who the user is."""
    document = sender.asked.document
    metadata = document.get("metadata")
    identity = metadata.get(SHORT_NAME) if isinstance(metadata, dict) else None
    identity = identity or document.get("user")
    return identity if isinstance(identity, str) else None


def in_cookie(sender: Sender) -> str | None:
    """A cookie that says who the user is."""
    for pair in (sender.other(b"cookie") or "").split(";"):
        name, _, value = pair.strip(" ").partition("=")
        if name in _COOKIES:
            return value
    return None


def with_underscores(headers: HeaderLines) -> str | None:
    """Header lines of the plan's name, underscores taken for hyphens, as CGI has them."""
    return received([value for key, value in headers if key.replace(b"_", b"-") == _NAME])


def by_beginning(headers: HeaderLines) -> str | None:
    """Header lines whose names begin with the plan's."""
    return received([value for key, value in headers if key.startswith(_NAME)])


def with_short_name(headers: HeaderLines) -> str | None:
    """The plan's header, and else one of a shorter name."""
    text = received([value for key, value in headers if key == _NAME])
    return text or received([value for key, value in headers if key == SHORT_HEADER]) or text


def has(name: bytes) -> Class:
    """Whether a header of this name came."""
    return lambda sender: sender.other(name) is not None


def member(name: str) -> Class:
    """Whether the body has a member of this name that is not empty."""
    return lambda sender: sender.asked.document.get(name)


def several_messages(sender: Sender) -> bool:
    """Whether the conversation is longer than a system prompt and a question."""
    messages = sender.asked.document.get("messages")
    return isinstance(messages, list) and len(messages) > 2


def _value(name: str, summary: str, claim: str, value: Callable[[Sender], str | None]) -> Defect:
    return faulty(name, summary, claim, value=value)


def _lost(name: str, summary: str, where: Class) -> Defect:
    return faulty(name, f"the value is lost {summary}", "V1", value=unread(where))


PATHS: Final[tuple[Defect, ...]] = (
    _lost("openrouter-only", "at the gateway's path", at_gateway),
    _lost("gateway-only", "but at the gateway's path", lambda sender: not at_gateway(sender)),
    _value("gateway-unvalidated", "the gateway stores any header", "V3", at_gateway_by(lambda text, _: text)),
    _value(
        "gateway-trims",
        "the gateway trims the header as JavaScript does",
        "V3",
        at_gateway_by(lambda text, sender: sender.policy.accepted(text.strip(JS_TRIM))),
    ),
    _value(
        "gateway-lower-cases",
        "the gateway stores in lower case",
        "V1",
        at_gateway_by(lambda _, sender: sender.accepted.lower() if sender.accepted else None),
    ),
    _value(
        "gateway-first-of-list",
        "the gateway takes what stands before a comma",
        "V3",
        at_gateway_by(lambda text, sender: sender.policy.accepted(text.partition(",")[0])),
    ),
)
"""One of the two paths is forgotten, or has a rule of its own."""

OTHER_SOURCES: Final[tuple[Defect, ...]] = (
    _value(
        "machine-id-instead",
        "the machine's id where the header is absent",
        "C2",
        instead(lambda sender: sender.other(_MACHINE)),
    ),
    _value("task-id-first", "the task's id in the value's place", "V1", anonymous(task_id_first)),
    _value("body-user-instead", "the body's user where the header is absent", "C2", instead(in_body)),
    _value("cookie-instead", "a cookie where the header is absent", "C2", instead(in_cookie)),
    faulty("underscores", "underscores of a name count as hyphens", "V8", read=with_underscores),
    faulty("by-beginning", "names that begin with the header's count as it", "V8", read=by_beginning),
    faulty("short-name-too", "a shorter name counts where the header is absent", "V8", read=with_short_name),
)
"""A value that does not come from the header."""

BESIDE: Final[tuple[Defect, ...]] = (
    _lost("lost-beside-feature", "beside a feature's header", has(other_header("-feature"))),
    _lost("lost-beside-task", "beside a task's id", has(_TASK)),
    _lost("lost-beside-machine", "beside a machine's id", has(_MACHINE)),
    _lost("lost-beside-organization", "beside an organization's id", has(other_header("-organizationid"))),
    _lost("lost-beside-cookie", "beside a cookie", has(b"cookie")),
    _lost("lost-beside-language", "beside accept-language, as Node sends it", has(b"accept-language")),
    _lost(
        "lost-beside-token",
        "beside a token of nobody",
        lambda sender: not signed_in(sender) and sender.other(b"authorization"),
    ),
    _lost("lost-beside-tools", "with tools in the body", member("tools")),
    _lost("lost-beside-max-tokens", "with max_tokens in the body", member("max_tokens")),
    _lost("lost-beside-models", "with more than one model in the body", member("models")),
    _lost("lost-in-conversation", "with more than two messages", several_messages),
    _lost(
        "lost-with-big-body", "with a body over 4 KiB", lambda sender: sender.asked.body_bytes > BODY_BYTES
    ),
    _lost(
        "lost-behind-proxies",
        "with several addresses in x-forwarded-for",
        lambda sender: "," in (sender.other(b"x-forwarded-for") or ""),
    ),
    _lost("ipv4-only", "from an IPv6 address", lambda sender: ":" in sender.asked.address),
    _lost("ipv6-only", "from an IPv4 address", lambda sender: ":" not in sender.asked.address),
)
"""A value that is lost beside something that is right as well."""
