"""The bounded poll: the first true answer, the last false one, one look at least, pauses that grow to a bound."""

import time

import pytest

from harness.polling import BACKLOG_S_MAX, Backlog, apoll_until, poll_until


def test_first_true_answer_ends_the_poll() -> None:
    answers = iter(["", "", "there", "never asked"])
    assert poll_until(lambda: next(answers), 10.0, pause_s=0.0) == "there"
    assert next(answers) == "never asked"


def test_one_look_without_any_time() -> None:
    looks: list[int] = []
    assert poll_until(lambda: looks.append(1), 0.0) is None
    assert len(looks) == 1


def test_last_look_begins_when_the_time_is_up() -> None:
    times: list[float] = []
    began = time.monotonic()
    assert poll_until(lambda: times.append(time.monotonic()), 0.05, pause_s=10.0) is None
    assert len(times) == 2
    assert times[-1] - began >= 0.05


def test_pauses_grow_to_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    poll_until(lambda: len(pauses) == 5, 100.0, pause_s=1.0, pause_s_max=6.0)
    assert pauses == [1.0, 2.0, 4.0, 6.0, 6.0]


async def test_coroutine_is_polled_alike() -> None:
    answers = iter([0, 0, 3])

    async def look() -> int:
        return next(answers)

    assert await apoll_until(look, 10.0, pause_s=0.0) == 3


async def test_error_of_a_look_ends_the_poll() -> None:
    async def look() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await apoll_until(look, 10.0)


def test_work_that_goes_on_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    backlog = Backlog(10.0)
    now[0] = 9.0
    assert (backlog.left_s, backlog.quiet_s) == (1.0, 9.0)
    backlog.ended()
    assert backlog.left_s == 10.0
    now[0] = BACKLOG_S_MAX - 1
    backlog.ended()
    assert (backlog.left_s, backlog.waited_s) == (1.0, BACKLOG_S_MAX - 1)
    now[0] = BACKLOG_S_MAX + 1
    backlog.ended()
    assert backlog.left_s == 0.0
