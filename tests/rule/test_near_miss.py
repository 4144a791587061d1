"""A header that was probably meant to be the plan's is told of; others are not."""

import pytest

from harness import plan
from harness.rule.reasons import near_miss

MISSES = (
    *(
        "x-posthog-distinctid",
        "X-PostHog-DistinctId",
        "posthog-distinct-id",
        "x_posthog_distinct_id",
        "distinct-id",
    ),
    *(
        "x-posthog-distinct-ids",
        "x-posthg-distinct-id",
        "x-post-hog-distinct-id",
        "xposthogdistinctid",
        "distinct_id",
    ),
    *("x-posthog-id", "x-kilocode-posthog-distinct-id", "x-posthog-distict-id", "x-posthog-distinct"),
)
OTHERS = (
    *(
        "x-posthog-session-id",
        "x-posthog-window-id",
        "x-kilocode-machineid",
        "x-request-id",
        "user-agent",
        "host",
    ),
    *("x-kilocode-taskid", "x-forwarded-for", "authorization", "content-type", "x", "", "x-district-id"),
)


@pytest.mark.parametrize("name", MISSES)
def test_near_miss_says_what_to_write(name: str) -> None:
    told = near_miss([b"host", name.encode()], plan.HEADER)
    assert told == f"{name.lower()} is not the header; it is {plan.HEADER}"


@pytest.mark.parametrize("name", [*OTHERS, plan.HEADER, plan.HEADER.upper()])
def test_other_name_is_no_miss(name: str) -> None:
    assert near_miss([name.encode("latin-1")], plan.HEADER) == ""
