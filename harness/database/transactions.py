"""Runners that put a transaction around what they send, as most migration tools do.

See `runners` for what a runner is. A file whose statements end the transaction themselves is not stopped from it.
"""

import time
from collections.abc import Sequence

import psycopg

from harness.database.runners import OnStatement, connect
from harness.database.scripts import Applied, Script, Statement, StatementFailed, statements_of


def run_file_transaction(dsn: str, scripts: Sequence[Script], on_statement: OnStatement) -> None:
    """Sends each file as BEGIN, its statements one by one, COMMIT; what is refused takes its file with it."""
    for script in scripts:
        with connect(dsn) as connection:
            connection.execute("BEGIN")
            for statement in statements_of(script.text):
                begin = time.perf_counter()
                send(connection, script.name, statement)
                on_statement(Applied(script.name, statement, (time.perf_counter() - begin) * 1000))
            connection.execute("COMMIT")


def run_simple_query(dsn: str, scripts: Sequence[Script], on_statement: OnStatement) -> None:
    """Sends each file as one message, passed on and refused as a whole.

    Several statements in one message are one transaction, unless they end it themselves.
    Source: PostgreSQL, "Multiple Statements in a Simple Query".
    """
    for script in scripts:
        statements = statements_of(script.text)
        if not statements:
            continue
        whole = Statement(1, script.text, statements[-1].line_last, statements[0].headline)
        with connect(dsn) as connection:
            begin = time.perf_counter()
            send(connection, script.name, whole)
            on_statement(Applied(script.name, whole, (time.perf_counter() - begin) * 1000))


def send(connection: psycopg.Connection, file: str, statement: Statement) -> None:
    """Sends a text as one simple query. Raises StatementFailed."""
    try:
        # Without parameters psycopg sends a simple query, in which `%` means nothing.
        connection.execute(statement.text.encode(), prepare=False)
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).strip().partition("\n")[0]
        raise StatementFailed(file, statement, error.sqlstate or "", message) from error
