"""Rows whose replies carry no id are given by value, whatever comes late."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.live.row_claims import Claimant, RowClaims
from harness.sut.observation import Row


def row(name: str, value: str | None = "a", user: str | None = "anon:1") -> Row:
    return Row(name, user, name, "missing", value)


def claimant(number: int, value: str | None = "a", user: str = "anon:1") -> Claimant:
    return Claimant(number, user, (value,))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.data())
def test_everyone_has_a_row_of_his_own_however_late(values: list[str], data: st.DataObject) -> None:
    everybody = [claimant(number, value) for number, value in enumerate(values)]
    late = data.draw(st.permutations([row(str(number), value) for number, value in enumerate(values)]))
    claims, there = RowClaims(), list[Row]()
    for came in late:
        there = data.draw(st.permutations([*there, came]))
        claims.give(everybody, claims.free(there), ())
    held = [claims.of(claimant.number, there) for claimant in everybody]
    assert [rows[0].value for rows in held] == values
    assert len(set(held)) == len(values)


def test_row_stays_where_an_equal_one_is_listed_first() -> None:
    claims, rows = RowClaims(), [row("2")]
    claims.give([claimant(1), claimant(2)], rows, ())
    rows = [row("1"), *rows]
    claims.give([claimant(1), claimant(2)], claims.free(rows), {1, 2})
    assert [claims.of(number, rows) for number in (1, 2)] == [(row("2"),), (row("1"),)]


@pytest.mark.parametrize(
    "wrong",
    [
        row("w", "wrong"),
        row("w", None),
        Row(None, None, "w", "missing", "a"),
        Row("w", "anon:1", None, None, None),
    ],
)
def test_row_that_suits_nobody_is_given_to_the_overdue_alone(wrong: Row) -> None:
    claims, requests = RowClaims(), [claimant(1), claimant(2, "b")]
    claims.give(requests, [wrong, row("r", "b")], ())
    assert [claims.of(number, [wrong, row("r", "b")]) for number in (1, 2)] == [(), (row("r", "b"),)]
    claims.give(requests, [wrong], {1})
    assert claims.of(1, [wrong]) == (wrong,)


def test_overdue_request_takes_no_row_that_suits_another() -> None:
    claims, rows = RowClaims(), [row("r", "b")]
    claims.give([claimant(1), claimant(2, "b")], rows, {1, 2})
    assert (claims.of(1, rows), claims.of(2, rows)) == ((), (row("r", "b"),))


def test_row_of_another_user_is_given_to_nobody() -> None:
    claims, rows = RowClaims(), [row("r", user="anon:2")]
    claims.give([claimant(1)], rows, {1})
    assert claims.of(1, rows) == ()
