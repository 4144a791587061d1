"""The collector of garbage is as it was once a run has ended, whoever else has set it."""

import gc

import pytest

from harness.run.rare_collection import THRESHOLD, collected_rarely


def test_what_is_there_is_set_aside_until_the_end() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    def fail() -> None:
        with collected_rarely():
            assert gc.get_freeze_count() > frozen
            assert gc.get_threshold() == (THRESHOLD, *before[1:])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.get_threshold() == before
    assert (gc.get_freeze_count() > 0) is (frozen > 0), "what somebody else has frozen stays so"


def test_of_two_runs_at_once_the_last_one_restores_what_was() -> None:
    before = gc.get_threshold()
    first, second = collected_rarely(), collected_rarely()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == (THRESHOLD, *before[1:])
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
