"""What the header rule stores, for a user's own assertions."""

from harness.errors import UsageError
from harness.library.header_value import HeaderValue, header_lines
from harness.rollout import Rollout
from harness.rule.policy import POLICIES, STRICT, Policy, policy_of, refused


def stored(value: HeaderValue, *, rollout: Rollout | None = None, policy: str = STRICT.name) -> str | None:
    """The value that must be stored for a header of an anonymous request, or None for NULL.

    `value` as `RunningStage.send` takes it: text (as UTF-8), bytes, several for as many lines, None for no header. By
    the rule of a rollout, or of the plan's in one of its two revisions, `policy`. What HTTP itself refuses stores
    nothing. Raises UsageError for a rollout without a header, and for another policy.
    """
    lines = tuple(header_lines(value))
    return None if any(map(refused, lines)) else rule_of(rollout, policy).stored(lines)


def rule_of(rollout: Rollout | None, policy: str) -> Policy:
    """The rule of a rollout, or of the plan's by its name. Raises UsageError where there is none."""
    if rollout is not None:
        return policy_of(rollout)
    if policy not in POLICIES:
        raise UsageError(f"there is no policy {policy!r}; give one of {', '.join(POLICIES)}")
    return POLICIES[policy]
