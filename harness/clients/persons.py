"""Which ids lead to a person in PostHog: its own limits, beside those of the plan.

Source: PostHog/posthog. Capture keeps 200 characters of an id (`rust/capture`, `extract_distinct_id`; its newer
endpoint refuses a longer one, `CAPTURE_V1_DISTINCT_ID_MAX_SIZE`). What is nobody's stands in `ILLEGAL_DISTINCT_IDS`
there, and with quotes around it in `isDistinctIdIllegal` of the ingestion, which joins no person with such an id.
"""

from typing import Final

from harness.rule.policy import JS_TRIM

ID_LENGTH_MAX: Final = 200
"""Characters (code points) of an id that an event keeps; the rest is cut."""

NOBODY: Final = (
    *("anonymous", "anonymous-user", "guest", "user", "system", "backend"),
    *("id", "distinctid", "distinct_id", "email", "not_authenticated"),
    *("undefined", "null", "none", "nan", "0", "true", "false", "[object object]"),
    "00000000-0000-0000-0000-000000000000",
)
"""Ids that are no person's, in lower case: what programs write where they have none."""

NOBODY_WRITTEN: Final = ("", *(quote + identity + quote for quote in ("", "'", '"') for identity in NOBODY))
"""The same as they may stand in a row, bare and in quotes, and nothing at all."""


def is_persons(distinct_id: str) -> bool:
    """Whether the id can be a person's: compared in lower case, without blanks around it."""
    return distinct_id.strip(JS_TRIM).lower() not in NOBODY_WRITTEN


def kept(distinct_id: str) -> str:
    """What an event keeps of the id."""
    return distinct_id[:ID_LENGTH_MAX]
