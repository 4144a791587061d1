"""Answers that are kept to the end of a run come back as they were, and take little memory until then."""

import json
import tracemalloc
from dataclasses import replace
from itertools import islice

import pytest

from harness.clients.exchange import Outcome, Reply
from harness.probing.kept_answers import WHOLE_MAX, KeptAnswers
from harness.probing.packed import AT_ONCE, Packed
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rule.policy import STRICT
from harness.rule.suite import complete_suite
from harness.sut.observation import Exchange, Row

COUNT = 20 * AT_ONCE + 5


def answers(count: int) -> list[tuple[Exchange, Row]]:
    """Requests of the complete suite, each with an id of its own, of which a reader could not guess the next."""
    factory, found = ProbeFactory(plan_caller(), run=7), []
    for number, value in enumerate(islice(complete_suite(STRICT), count)):
        identity = f"gen-{number * 0x9E3779B97F4A7C15 % 2**64:016x}{number * 0xC2B2AE3D27D4EB4F % 2**64:016x}"
        probe = factory.probe(factory.caller.case(value)) if number % 20 else factory.control()
        body = json.dumps(
            {"id": identity, "object": "chat.completion", "usage": {"total_tokens": 3}}
        ).encode()
        reply = Reply(Outcome.REPLY, 200, ((b"content-type", b"application/json"),), body)
        row = Row(identity, probe.user, identity, identity, STRICT.stored(probe.lines), ("t.a",), ("1",))
        found.append((Exchange(probe, reply, float(number)), row))
    return found


def test_answers_come_back_as_they_were_in_their_order() -> None:
    kept, given = KeptAnswers(plain_max=AT_ONCE), answers(COUNT)
    for exchange, row in given:
        kept.add(exchange, row)
    assert len(kept) == COUNT
    assert list(kept) == given
    exchange, _ = next(iter(kept))
    assert exchange.probe.spec is given[0][0].probe.spec, "with its whole rollout, it is held once"
    assert exchange.reply.outcome is Outcome.REPLY
    assert next(kept_exchange for kept_exchange, _ in kept if not kept_exchange.probe.control).identity


def test_columns_of_later_rows_are_not_kept() -> None:
    kept, (exchange, row) = KeptAnswers(), answers(1)[0]
    for _ in range(WHOLE_MAX + 2):
        kept.add(exchange, row)
    rows = [row for _, row in kept]
    assert rows[WHOLE_MAX - 1 :] == [row, *2 * [replace(row, names=(), texts=())]]


def test_an_answer_takes_a_few_hundred_bytes_at_most() -> None:
    kept, given = KeptAnswers(plain_max=0), answers(COUNT)
    tracemalloc.start()
    try:
        for exchange, row in given:
            kept.add(exchange, row)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / COUNT < 300


@pytest.mark.parametrize("plain_max", [0, 10, AT_ONCE + 10, 4 * AT_ONCE])
def test_what_is_read_is_what_was_there_when_the_reading_began(plain_max: int) -> None:
    packed: Packed[int] = Packed(plain_max)
    packed.extend(range(AT_ONCE + 1))
    reading = iter(packed)
    assert next(reading) == 0
    packed.extend(range(2 * AT_ONCE))
    assert list(reading) == list(range(1, AT_ONCE + 1))
    assert len(packed) == len(list(packed)) == 3 * AT_ONCE + 1
