"""What the header rule stores, for a user's own assertions."""

from harness.library.stage import HeaderValue, header_lines
from harness.rule.policy import POLICIES, STRICT, refused


def stored(value: HeaderValue, *, policy: str = STRICT.name) -> str | None:
    """The value that must be stored for a header of an anonymous request, or None for NULL.

    `value` as `RunningStage.send` takes it: text (as UTF-8), bytes, several for as many lines, None for no header. What
    HTTP itself refuses stores nothing.
    """
    lines = tuple(header_lines(value))
    return None if any(map(refused, lines)) else POLICIES[policy].stored(lines)
