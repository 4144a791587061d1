"""The proxy's sessions: one where one is enough, more where requests wait, none that the server has closed."""

import asyncio

import psycopg
import pytest

from harness.backend.sessions import NoSession, Session, Sessions

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sessions of a test'"
END = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'sessions of a test'"


async def number(session: Session, query: str) -> int:
    row = await (await session.execute(query.encode())).fetchone()
    assert row is not None
    return int(row[0])


def opened(dsn: str) -> Sessions:
    return Sessions(dsn, 2, "sessions of a test")


def test_one_session_serves_one_after_the_other(empty_dsn: str) -> None:
    async def run() -> None:
        async with opened(empty_dsn) as sessions:
            for _ in range(3):
                async with sessions.session() as session:
                    assert await number(session, OPEN) == 1

    asyncio.run(run())


def test_a_session_plans_a_statement_once(empty_dsn: str) -> None:
    async def run() -> None:
        async with opened(empty_dsn) as sessions, sessions.session() as session:
            row = await (await session.execute("SHOW plan_cache_mode")).fetchone()
            assert row == ("force_generic_plan",)

    asyncio.run(run())


def test_who_waits_gets_a_session_of_their_own_up_to_the_limit(empty_dsn: str) -> None:
    async def run() -> None:
        async with opened(empty_dsn) as sessions, sessions.session() as first:
            async with sessions.session() as second:
                third = asyncio.create_task(sessions.session().__aenter__())
                assert first is not second
                assert await number(first, OPEN) == 2
                assert not third.done()
            assert await third is second

    asyncio.run(run())


def test_a_session_that_the_server_has_closed_is_replaced(empty_dsn: str) -> None:
    async def run() -> None:
        async with opened(empty_dsn) as sessions:
            with psycopg.connect(empty_dsn) as connection:
                connection.execute(END)
            async with sessions.session() as session:
                assert await number(session, OPEN) == 1
            with pytest.raises(psycopg.OperationalError):
                async with sessions.session() as session:
                    await session.execute(END.encode())
            async with sessions.session() as session:
                assert await number(session, OPEN) == 1

    asyncio.run(run())


def test_a_session_is_not_given_back_within_a_transaction(empty_dsn: str) -> None:
    async def run() -> None:
        async with opened(empty_dsn) as sessions:
            async with sessions.session() as first:
                await first.execute("BEGIN")
            assert first.closed
            async with sessions.session() as session:
                assert await number(session, OPEN) == 1

    asyncio.run(run())


def test_who_is_cancelled_while_waiting_leaves_the_session(empty_dsn: str) -> None:
    async def run() -> None:
        async with Sessions(empty_dsn, 1) as sessions:
            async with sessions.session():
                waiting = asyncio.create_task(sessions.session().__aenter__())
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            async with sessions.session() as session:
                assert await number(session, "SELECT 1") == 1

    asyncio.run(run())


def test_no_session_comes_free(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.backend.sessions.WAIT_S_MAX", 0.01)

    async def run() -> None:
        async with Sessions(empty_dsn, 1) as sessions, sessions.session():
            with pytest.raises(NoSession, match="no session was free"):
                async with sessions.session():
                    pass

    asyncio.run(run())


def test_a_database_that_is_not_there(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.backend.sessions.WAIT_S_MAX", 0.01)

    async def run() -> None:
        with pytest.raises(NoSession, match="cannot be reached"):
            async with Sessions(empty_dsn.replace("/harness_", "/no_"), 1):
                pass

    asyncio.run(run())
