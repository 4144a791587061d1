"""Whatever a client may depend on is a feature of a reply; whatever a column holds is one of its rows."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.clients.exchange import Outcome, Reply
from harness.probing.features import (
    COMMENTS,
    EVENTS,
    LINES,
    NAMES,
    SHAPE,
    STATUS,
    TEXT,
    Strength,
    reply_differences,
    reply_features,
    row_features,
    shape,
)
from harness.sut.observation import Row

CHUNK = b'data: {"id":"x","choices":[{"delta":{"content":"All"}}]}\n\n'
STREAM = CHUNK + CHUNK + b"data: [DONE]\n\n"
TYPE = ((b"content-type", b"text/event-stream"),)
ROW = Row("1", "anon:a", "1", "m1", "v", ("usage.cost", "metadata.streamed"), ("0", "f"))


def of(body: bytes, headers: tuple[tuple[bytes, bytes], ...] = TYPE) -> dict[str, str]:
    return reply_features(Reply(Outcome.REPLY, 200, headers, body))


@pytest.mark.parametrize(
    ("changed", "feature"),
    [
        (CHUNK + CHUNK, LINES),
        (STREAM + b"data: [DONE]\n\n", EVENTS),
        (STREAM[:-2], LINES),
        (b": ping\n\n" + STREAM, COMMENTS),
        (b"event: message\n" + STREAM, LINES),
        (STREAM.replace(b"\n", b"\r\n"), LINES),
        (CHUNK + b"data: [DONE]\n\n" + CHUNK, LINES),
        (STREAM + CHUNK, LINES),
        (CHUNK + STREAM, EVENTS),
        (STREAM.replace(b'"All"', b"null"), "body choices[].delta.content"),
        (STREAM.replace(b'"id":"x",', b""), "body id"),
    ],
)
def test_each_change_of_a_stream_is_seen(changed: bytes, feature: str) -> None:
    usual, strange = of(STREAM), of(changed)
    assert usual.get(feature) != strange.get(feature)


def test_headers_of_the_connection_are_no_features() -> None:
    lines = ((b"connection", b"close"), (b"keep-alive", b"timeout=5"), (b"transfer-encoding", b"chunked"))
    assert of(b"{}", lines) == of(b"{}", ())


def test_a_header_that_comes_twice_is_one_feature() -> None:
    assert of(b"{}", ((b"vary", b"a"), (b"vary", b"b")))["header vary"] == "a, b"


@pytest.mark.parametrize(
    ("outcome", "told"), [(Outcome.TIMEOUT, "no reply"), (Outcome.REFUSED, "connection closed")]
)
def test_no_reply_has_a_status_of_its_own(outcome: Outcome, told: str) -> None:
    assert reply_features(Reply(outcome, 0)) == {STATUS: told}


def test_values_of_json_are_compared_by_place_not_by_order() -> None:
    one, other = {"a": 1, "b": {"c": True}}, {"b": {"c": True}, "a": 1}
    assert of(json.dumps(one).encode(), ()) == of(json.dumps(other).encode(), ())
    assert of(b'{"a": true}', ())["body a"] != of(b'{"a": 1}', ())["body a"]


def test_shapes_ignore_counts_kinds_of_numbers_and_null() -> None:
    one = {"a": [{"b": 1, "c": None}], "d": "x"}
    other = {"d": "yy", "a": [{"b": 1.5, "c": None}, {"b": 2, "c": None}]}
    assert shape([one]) == shape([other]) == shape([one, other])
    assert shape([one]) != shape([{**one, "e": True}])
    assert of(b"no JSON", ())[SHAPE] == "no JSON"


def test_long_texts_are_told_apart_by_a_digest() -> None:
    one, other = (of(json.dumps({"a": "x" * 500 + last}).encode(), ())["body a"] for last in "yz")
    assert one != other
    assert len(one) < 200


def test_each_column_of_a_pair_of_rows_is_a_feature() -> None:
    assert row_features([ROW]) == {"column usage.cost": "0", "column metadata.streamed": "f"}
    assert row_features([replace(ROW, names=("usage.cost",), texts=(None,))]) == {"column usage.cost": "NULL"}


def test_halves_and_several_pairs_have_no_features() -> None:
    assert row_features([]) == row_features([ROW, ROW]) == row_features([replace(ROW, usage_id=None)]) == {}


@pytest.mark.parametrize(("other", "told"), [("now", "the same"), ("later", "different")])
def test_times_of_both_rows_are_compared_with_each_other(other: str, told: str) -> None:
    row = replace(ROW, names=("usage.created_at", "metadata.created_at"), texts=("now", other))
    assert row_features([row])["created_at of both rows"] == told


JSON = ((b"content-type", b"application/json"),)
DONE = Reply(Outcome.REPLY, 200, JSON, b'{"id": "gen-0123456789", "created": 1, "choices": ["a"]}')
STREAMED = Reply(
    Outcome.REPLY, 200, ((b"content-type", b"text/event-stream"),), b'data: {"c": 1}\n\ndata: {"c": 2}\n\n'
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DONE, replace(DONE, body=b'{"created": 9, "id": "gen-9876543210", "choices": ["a"]}')),
        (STREAMED, replace(STREAMED, reason="any")),
        (replace(DONE, headers=((b"left", b"9"), *JSON)), replace(DONE, headers=(*JSON, (b"left", b"8")))),
    ],
    ids=["another id and time", "the same", "counts down"],
)
def test_our_replies_agree_but_for_what_varies(one: Reply, other: Reply) -> None:
    assert reply_differences(one, other) == []


@pytest.mark.parametrize(
    ("control", "changed", "told", "service"),
    [
        (DONE, {"status": 500}, STATUS, True),
        (DONE, {"outcome": Outcome.REFUSED}, "outcome", True),
        (DONE, {"headers": (*JSON, (b"x-more", b"1"))}, NAMES, False),
        (DONE, {"headers": (*JSON, (b"connection", b"close"))}, NAMES, False),
        (DONE, {"headers": ((b"content-type", b"text/plain"),)}, "header content-type", True),
        (DONE, {"body": DONE.body.replace(b'"a"', b'"b"')}, "body choices[]", True),
        (DONE, {"body": DONE.body.replace(b'["a"]', b'["a", "a"]')}, TEXT, True),
        (DONE, {"body": b"no JSON"}, SHAPE, True),
        (STREAMED, {"body": STREAMED.body + b": ping\n\n"}, "comments of the stream", True),
        (STREAMED, {"body": STREAMED.body + b'data: {"c": 1}\n\n'}, "number of events", True),
    ],
    ids=["status", "outcome", "header", "framing", "type", "value", "twice", "no JSON", "comment", "event"],
)
def test_each_difference_of_our_replies_is_told(
    control: Reply, changed: dict[str, Any], told: str, service: bool
) -> None:
    other = replace(control, **changed)
    assert told in reply_differences(other, control)
    assert bool(reply_differences(other, control, Strength.SERVICE)) is service
