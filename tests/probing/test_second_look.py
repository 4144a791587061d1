"""A second look tells a later change from none, and one pair of rows from halves and several."""

from dataclasses import replace

from harness.probing.second_look import Change, change, whole_alone
from harness.sut.observation import Row

ROW = Row("1", "anon:a", "1", "m1", "v", ("usage.cost", "usage.kilo_user_id"), ("0", "anon:a"))


def test_the_same_row_has_not_changed() -> None:
    assert change(ROW, replace(ROW), "kilo_user_id") is None


def test_value_user_and_columns_are_told_apart() -> None:
    assert change(ROW, replace(ROW, value=None), "kilo_user_id") == Change(True, False, ())
    other = ("0", "anon:b")
    assert change(ROW, replace(ROW, user="anon:b", texts=other), "kilo_user_id") == Change(False, True, ())
    dear = ("1", "anon:a")
    assert change(ROW, replace(ROW, texts=dear), "kilo_user_id") == Change(False, False, ("usage.cost",))


def test_columns_that_were_not_kept_are_not_compared() -> None:
    assert change(replace(ROW, names=(), texts=()), ROW, "kilo_user_id") is None


def test_only_one_whole_pair_stands_alone() -> None:
    half = replace(ROW, usage_id=None)
    assert whole_alone([ROW]) is ROW
    assert (
        whole_alone([]) is whole_alone([half]) is whole_alone([ROW, half]) is whole_alone([ROW, ROW]) is None
    )
