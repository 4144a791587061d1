"""What live traffic sends: one way to write and one to read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

Send = Callable[[psycopg.Connection[Any], str, bool, str | None], object]
"""Sends one statement: on a connection, under a name of its own, whether by the build `after`, and the value it stores.

Raises psycopg.Error when it is refused."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A writer and a reader; each connection calls one of them again and again."""

    write: Send
    read: Send
