"""Texts of a rule's greatest length, and one byte longer: the limit is one of length, whatever stands where. Pure."""

from collections.abc import Iterator

from harness.automata.bounds import bounds_of
from harness.automata.pattern import parsed
from harness.rule.policy import FIELD_BYTES, Policy
from harness.rule.telling import encoded
from harness.rule.words import word


def longest_texts(policy: Policy) -> Iterator[bytes]:
    """For each expression a longest text that is stored as it is; none where there is no bound."""
    for operation in policy.rule:
        tree = parsed(operation.match).tree if operation.match is not None else None
        if tree is None or bounds_of(tree).longest is None:
            continue
        text = word(tree, policy.length_max, 0)
        if len(text) == policy.length_max and policy.accepted(text) == text:
            yield encoded(text, policy.reading.decode)


def edge_texts(policy: Policy) -> Iterator[bytes]:
    """A longest text with the lowest and the highest byte that may, and that may not, stand at either of its ends.

    And where the rule cuts, `cut_texts`. Some come more than once.
    """
    for text in longest_texts(policy):
        for place in (0, len(text) - 1):
            fit, others = _fitting(policy, text, place)
            for bytes_ in (fit, others):
                yield from (_with(text, place, byte) for byte in (*bytes_[:1], *bytes_[-1:]))
    yield from cut_texts(policy)


def limit_texts(policy: Policy) -> Iterator[bytes]:
    """A longest text with each byte first, each last, and each that may stand there in the middle.

    What is stored of the first two, one byte longer; each byte as the one too many; and where the rule cuts,
    `cut_texts`. Some come more than once.
    """
    for text in longest_texts(policy):
        for place in (0, len(text) - 1):
            fit, others = _fitting(policy, text, place)
            yield from (_with(text, place, byte) for byte in (*fit, *others))
            yield from (_with(text, place, byte) + text[-1:] for byte in fit)
        middle = len(text) // 2
        yield from (_with(text, middle, byte) for byte in _fitting(policy, text, middle)[0])
        yield from (text + bytes([byte]) for byte in FIELD_BYTES)
    yield from cut_texts(policy)


def cut_texts(policy: Policy) -> Iterator[bytes]:
    """Where the rule cuts a text: one just as long, and one longer, with a blank at either end, or with none.

    A rule that trims shows by them whether it cuts before or behind that.
    """
    blank = encoded("\xa0", policy.reading.decode)  # HTTP takes other blanks away itself (RFC 9110, 5.5)
    for operation in policy.rule:
        if operation.take is not None:
            for length in (operation.take, operation.take + 1):
                letters = b"a" * (length - 1)
                yield from (letters + b"a", blank + letters, letters + blank)


def _fitting(policy: Policy, text: bytes, place: int) -> tuple[list[int], list[int]]:
    """The bytes with which the text is still stored as it is, and the others."""
    fit = [byte for byte in FIELD_BYTES if _keeps(policy, _with(text, place, byte))]
    return fit, [byte for byte in FIELD_BYTES if byte not in fit]


def _keeps(policy: Policy, line: bytes) -> bool:
    stored = policy.stored([line])
    return stored is not None and encoded(stored, policy.reading.decode) == line


def _with(text: bytes, place: int, byte: int) -> bytes:
    return text[:place] + bytes([byte]) + text[place + 1 :]
