"""Settings that the tests and the proof rely on, on every server that the harness starts. Pure."""

from typing import Final

COMMON: Final = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "max_prepared_transactions": "0",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",  # the data directory lies in memory
    "autovacuum": "off",
    "jit": "off",
}

_DURABILITY: Final = ("fsync", "synchronous_commit", "full_page_writes")


def settings(*, durable: bool) -> dict[str, str]:
    """Not durable is several times faster, and a crash of the server loses commits."""
    return COMMON | dict.fromkeys(_DURABILITY, "on" if durable else "off")
