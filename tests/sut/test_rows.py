"""Rows are waited for as long as is promised, and shorter once a wait was in vain."""

import psycopg

from harness.clients.exchange import Outcome, Reply
from harness.sut.rows import WAIT_AFTER_LOSS_S, RowKey, Rows

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
    kept = "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE '%ANY($%'"
    async with await psycopg.AsyncConnection.connect(ready_dsn, autocommit=True) as connection:
        await connection.execute(
            "SET plan_cache_mode = force_generic_plan"
        )  # as the sessions of a replica have it
        connection.prepare_threshold = 0
        rows = Rows(connection)
        since = await rows.now()
        for _ in range(2):
            await rows.of([RowKey("gen-1")], since)
        assert await (await connection.execute(kept, prepare=False)).fetchone() == (0, 2)
