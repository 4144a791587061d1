"""Rows are waited for as long as is promised, and shorter once a wait was in vain."""

from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg
import pytest

from harness.clients.exchange import Outcome, Reply
from harness.sut.observation import Row
from harness.sut.rows import LAST, WAIT_AFTER_LOSS_S, RowKey, Rows

LOST = Reply(Outcome.REPLY, 200, body=b'{"id": "never accounted for"}')
REFUSED = Reply(Outcome.REPLY, 400, body=b"{}")


async def test_a_wait_in_vain_shortens_the_next_ones(ready_dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(ready_dsn, autocommit=True) as connection:
        rows = Rows(connection)
        since = await rows.now()
        assert await rows.arrived([RowKey(REFUSED.upstream_id)], since, wait_s=0.0) == [()]
        assert rows.patience_s(5.0) == 5.0, "nothing was waited for"
        assert await rows.arrived([RowKey(LOST.upstream_id)], since, wait_s=0.0) == [()]
        assert rows.patience_s(5.0) == WAIT_AFTER_LOSS_S
        assert rows.patience_s(0.1) == 0.1, "never longer than is allowed"


async def test_rows_are_planned_with_the_ids_that_are_asked_for(ready_dsn: str) -> None:
    kept = (
        "SELECT count(*), current_setting('plan_cache_mode') FROM pg_prepared_statements"
        " WHERE statement LIKE '%ANY($%'"
    )
    async with await psycopg.AsyncConnection.connect(ready_dsn, autocommit=True) as connection:
        connection.prepare_threshold = 0
        rows = Rows(connection)
        since = await rows.now()
        for _ in range(2):
            await rows.of([RowKey("gen-1")], since)
        assert await (await connection.execute(kept, prepare=False)).fetchone() == (0, "auto")


class Coming(Rows):
    """Rows of many requests, of which one comes with the third look and one has a second row at the last."""

    def __init__(self, late: int) -> None:
        self._in_vain, self._slowest_s = False, 0.0
        self.looked_for: list[int] = []
        self._late = f"m{late}"

    async def of(self, keys: Sequence[RowKey], since: datetime) -> list[tuple[Row, ...]]:
        assert since <= datetime.now(UTC)
        self.looked_for.append(len(keys))
        found: list[tuple[Row, ...]] = []
        for reply_id, _ in keys:
            row = Row("1", None, "1", reply_id, None)
            is_late = reply_id == self._late and len(self.looked_for) < 3
            found.append(() if is_late else (row, row) if reply_id == "m0" else (row,))
        return found


@pytest.mark.parametrize(
    ("late", "looks"), [(99, [LAST, 1, 1, 100]), (5, [LAST, 100, 1, 100])], ids=["a last one", "an early one"]
)
async def test_late_rows_alone_are_asked_for_and_all_at_last(late: int, looks: list[int]) -> None:
    rows = Coming(late)
    keys = [RowKey(f"m{number}") for number in range(100)]
    found = await rows.arrived(keys, datetime.now(UTC))
    assert rows.looked_for == looks
    assert list(map(len, found)) == [2] + 99 * [1], "as they were at the last look"


async def test_all_rows_are_looked_at_when_the_time_is_up() -> None:
    rows = Coming(late=99)
    found = await rows.arrived([RowKey(f"m{number}") for number in range(100)], datetime.now(UTC), wait_s=0.0)
    assert rows.looked_for == [LAST, 100]
    assert (len(found), found[99]) == (100, ())
    assert rows.patience_s(5.0) == WAIT_AFTER_LOSS_S
