"""Faults of what one request leaves for the next: between kinds of caller, addresses, values and ways of sending."""

from collections.abc import Callable
from typing import Final

from harness.backend.builds import Memory, Sender
from harness.backend.defects.parts import Defect, faulty, signed_in, with_junk_token

Recalls = Callable[[Memory, Sender], str | None]
Key = Callable[[Sender], str]


def by_address(sender: Sender) -> str:
    """Kept for each address."""
    return sender.asked.address


def for_everybody(_sender: Sender) -> str:
    """Kept once."""
    return ""


def absent(sender: Sender) -> bool:
    """Whether an anonymous user sent no header."""
    return sender.email is None and sender.header is None


def last(key: Key, *, into: Callable[[Sender], object], of: Callable[[Sender], object]) -> Recalls:
    """The last value that was accepted `of` a class of requests, for a class that it is put `into`."""

    def recalls(memory: Memory, sender: Sender) -> str | None:
        recalled = memory.kept.get(key(sender)) if into(sender) else sender.accepted
        if sender.accepted is not None and of(sender):
            memory.kept[key(sender)] = sender.accepted
        return recalled

    return recalls


def email_for_next(*, over_header: bool) -> Recalls:
    """A signed-in user's e-mail, for the next anonymous request of the same address, once."""

    def recalls(memory: Memory, sender: Sender) -> str | None:
        if sender.email is not None:
            memory.kept[by_address(sender)] = sender.email
            return sender.accepted
        if sender.header is not None and not over_header:
            return sender.accepted
        return memory.kept.pop(by_address(sender), sender.accepted)

    return recalls


def first_of_address(memory: Memory, sender: Sender) -> str | None:
    """The first value of an address, in the place of every later one."""
    if sender.accepted is None:
        return None
    return memory.kept.setdefault(by_address(sender), sender.accepted)


def once_each(memory: Memory, sender: Sender) -> str | None:
    """A value the first time that it is sent, by an anonymous user."""
    if sender.accepted is None or sender.email is not None:
        return sender.accepted
    if sender.accepted in memory.kept:
        return None
    memory.kept[sender.accepted] = ""
    return sender.accepted


def once_in_a_row(memory: Memory, sender: Sender) -> str | None:
    """A value unless it is the one before of the same address."""
    before = memory.kept.get(by_address(sender))
    memory.kept[by_address(sender)] = sender.accepted or ""
    return None if sender.accepted is not None and sender.accepted == before else sender.accepted


def recalled_or_email(sender: Sender) -> str | None:
    """What is recalled for a signed-in user, in the e-mail's place."""
    return sender.accepted or sender.email


def for_user(memory: Memory, sender: Sender) -> str | None:
    """The last value of the address's anonymous users, where a signed-in one is next."""
    if sender.email is not None:
        return memory.kept.get(by_address(sender))
    if sender.accepted is not None:
        memory.kept[by_address(sender)] = sender.accepted
    return sender.accepted


def _memory(name: str, summary: str, claim: str, recalls: Recalls) -> Defect:
    return faulty(name, summary, claim, recalls=recalls)


MEMORY: Final[tuple[Defect, ...]] = (
    _memory(
        "email-for-next",
        "a signed-in user's e-mail is stored with the next anonymous request of the address",
        "V5",
        email_for_next(over_header=False),
    ),
    _memory(
        "email-over-header",
        "a signed-in user's e-mail replaces the next anonymous value of the address",
        "V1",
        email_for_next(over_header=True),
    ),
    _memory(
        "junk-token-inherits",
        "an anonymous value is stored with the next token of nobody",
        "V5",
        last(
            for_everybody,
            into=lambda sender: absent(sender) and with_junk_token(sender),
            of=lambda sender: not signed_in(sender) and not with_junk_token(sender),
        ),
    ),
    _memory(
        "remembers-address",
        "an address keeps its value when the header is absent",
        "V5",
        last(by_address, into=absent, of=lambda sender: not signed_in(sender)),
    ),
    _memory(
        "remembers-signed-in",
        "a signed-in user's header is stored with the next anonymous request without one",
        "V5",
        last(for_everybody, into=absent, of=signed_in),
    ),
    _memory(
        "remembers-when-streaming",
        "a stream without the header gets the last value of all callers",
        "V5",
        last(for_everybody, into=lambda sender: absent(sender) and sender.streamed, of=lambda _: True),
    ),
    _memory(
        "remembers-when-invalid",
        "an invalid header gets the last value of its address",
        "V3",
        last(
            by_address,
            into=lambda sender: sender.email is None and bool(sender.header) and sender.accepted is None,
            of=lambda sender: not signed_in(sender),
        ),
    ),
    _memory("first-of-address", "the first value of an address stays", "V1", first_of_address),
    _memory("stores-once", "a value that was stored before is not stored again", "V1", once_each),
    _memory("stores-changes", "a value is stored when it is not the address's last", "V1", once_in_a_row),
    faulty(
        "value-for-email",
        "the last value of the address replaces a signed-in user's e-mail",
        "I1",
        recalls=for_user,
        value=recalled_or_email,
    ),
)
"""What should be forgotten, and is not."""
