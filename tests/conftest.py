"""Loads the shared fixtures; one `tests.fix_<subject>` a line."""

import signal

# A job that a shell put into the background ignores Ctrl-C's signal, and so would all that it starts: CI often is.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "pytester",
    "tests.fix_headers",
    "tests.fix_postgres",
    "tests.fix_database",
    "tests.fix_pgbouncer",
    "tests.fix_redis",
    "tests.fix_faketime",
    "tests.fix_stack",
    "tests.fix_stages",
    "tests.fix_three_steps",
    "tests.fix_checks",
    "tests.fix_extension",
    "tests.fix_serve",
    "tests.fix_browser",
    "tests.fix_backends",
    "tests.fix_gate",
    "tests.fix_proof",
    "tests.fix_orders",
    "tests.fix_report",
    "tests.fix_marks",
    "tests.fix_collector",
    "tests.foreign.rates",
]
