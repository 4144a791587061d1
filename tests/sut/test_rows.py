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
