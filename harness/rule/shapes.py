"""Valid values of the shapes that a run writes, to be tried on whatever a database does to a value."""

from typing import Final

from harness import plan

EMAILS: Final = ("ada+ci@example.org", "Grace.Hopper@mail.example.com")
"""What rows of signed-in users hold."""

_DIGITS: Final = "0123456789abcdef"
_LENGTHS: Final = (64, 65, 100, 128, 129, 200, plan.LENGTH_MAX - 1, plan.LENGTH_MAX)
"""Either side of the bounds that columns and checks usually have."""

VALID_VALUES: Final = (
    *("a", "Z", "7", "_", "-", "no"),
    *("0", "-1", "00012", "1e5", "1234567890123456789", "2026-01-31"),
    *("null", "undefined", "true", "NaN", "anonymous", "anon-192-0-2-1"),
    *("ABCDEF", "Mixed_Case-01", "_edges-", "-edges_", "double__or--more"),
    plan.DERIVED_PREFIX + _DIGITS[: plan.DERIVED_HEX_DIGITS],
    *("3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4F89-41D3-9A0C-0305E82C3301"),
    *((_DIGITS * 16)[:length] for length in _LENGTHS),
)
"""Values that the header rule accepts and leaves as they are, under every policy."""

STORED_VALUES: Final[tuple[str | None, ...]] = (None, *VALID_VALUES, *EMAILS)
"""What a row of a run may hold: at most 40 values, NULL first."""
