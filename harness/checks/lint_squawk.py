"""What squawk says of the rollout's statements, in words that name what follows and the edit. Pure.

squawk is a program of its own and is used as one. PostgreSQL's parser as a package, pglast, is under the GPL, which
this project's licence does not allow.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.checks.lint_builds import is_concurrent
from harness.checks.lint_model import Lint
from harness.checks.lint_reading import ReadSection
from harness.checks.lint_statements import StatementPart
from harness.database.migration_files import SentAs

LOCK_TIMEOUT: Final = "squawk/require-lock-timeout"
"""It is said of a file's first statement alone, and of a concurrent build, which must not be given one."""
_PLAIN_BUILD: Final = "squawk/require-concurrent-index-creation"
_NESTING: Final = "squawk/transaction-nesting"
_OWN_WORDS: Final = {
    LOCK_TIMEOUT: (
        "no lock_timeout is set before it: while it waits for its lock behind an open transaction, every later reader "
        "and writer of the table waits behind it",
        "write before it",
        ("SET lock_timeout = '2s';",),
    ),
    _PLAIN_BUILD: (
        "a plain index build keeps the table's writers out until it is done",
        "write, in a file that is sent outside a transaction",
        (),
    ),
    "squawk/syntax-error": (
        "PostgreSQL will refuse it (42601), and the migration stops there",
        "mend the statement",
        (),
    ),
    _NESTING: (
        "its tool has opened a transaction already: a COMMIT ends that one, and what it did stays when the rest fails",
        "leave BEGIN and COMMIT out",
        (),
    ),
}
"""What follows on a live table, and the edit, where squawk does not say both."""


def in_own_words(
    general: Sequence[Lint], read: Mapping[str, Sequence[ReadSection]], build: tuple[str, ...]
) -> Iterator[Lint]:
    """What squawk says, less what a concurrent build must not be given; `build` is the one that is declared."""
    for lint in general:
        part = part_at(read[lint.file], lint.line)
        if lint.rule == LOCK_TIMEOUT and part is not None and is_concurrent(part):
            continue
        if lint.rule == _NESTING and any(each.sent is SentAs.AT_ONCE for each in read[lint.file]):
            continue  # a message's own BEGIN takes its implicit transaction over
        own = _OWN_WORDS.get(lint.rule)
        if own is None:
            yield lint
        else:
            # squawk's own sentence about a syntax error says what was expected.
            message = f"{lint.message}: {own[0]}" if lint.rule == "squawk/syntax-error" else own[0]
            yield Lint(
                lint.file,
                lint.line,
                lint.rule,
                message,
                own[1],
                build if lint.rule == _PLAIN_BUILD else own[2],
            )


def part_at(sections: Sequence[ReadSection], line: int) -> StatementPart | None:
    """The statement that a line belongs to; None for none."""
    parts = (part for section in sections for part in section.parts)
    return next((part for part in parts if part.line <= line <= part.line_last), None)
