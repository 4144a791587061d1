"""PostHog's limits of an id, each way round; the stand-in for its server keeps them."""

import pytest

from harness.clients import analytics
from harness.clients.analytics import Analytics, AnalyticsEvent
from harness.clients.id_client import plans_client
from harness.clients.persons import is_persons, kept

CLIENT = plans_client()
CONSUMER = CLIENT.consumer


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("anonymous", False),
        ("Anonymous", False),
        ("GUEST", False),
        ("distinct_id", False),
        ("not_authenticated", False),
        ("nan", False),
        ("NaN", False),
        ("0", False),
        ("[object Object]", False),
        ('"undefined"', False),
        ("'null'", False),
        (" none\t", False),
        ("", False),
        ("\u00a0", False),
        ("00000000-0000-0000-0000-000000000000", False),
        ("00", True),
        ("ids", True),
        ("anonymous1", True),
        ("null-", True),
        ('"null', True),
        ("vscode-0123456789abcdef", True),
        ("someValue.machineId", True),
    ],
)
def test_an_id_is_a_persons_or_nobodys(value: str, is_one: bool) -> None:
    assert is_persons(value, CONSUMER) is is_one


@pytest.mark.parametrize(("length", "left"), [(1, 1), (200, 200), (201, 200), (255, 200)])
def test_an_event_keeps_two_hundred_characters_of_its_id(length: int, left: int) -> None:
    assert kept("\U0001f600" * length, CONSUMER) == "\U0001f600" * left


def test_an_alias_with_nobody_joins_no_one() -> None:
    server = Analytics(
        "", CONSUMER, [AnalyticsEvent("e", "m", None), AnalyticsEvent("$create_alias", "m", "null")]
    )
    assert server.events_of("null") == []
    assert server.person("m") == {"m"}


async def test_stand_in_cuts_what_the_official_package_sends() -> None:
    long = "c" * 255
    async with analytics.analytics(CLIENT) as server:
        await analytics.send(
            CLIENT, server.origin, [analytics.capture("e", long), analytics.capture("e", "guest")]
        )
    assert [event.subject_id for event in server.events] == [long[: CONSUMER.take], "guest"]
    assert server.events_of(long) == []
    assert len(server.events_of(long[: CONSUMER.take])) == 1
    assert server.events_of("guest") == []
