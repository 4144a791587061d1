"""A request of harness serve from its arrival to its rows, and the accounting that knows which one it is about."""

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harness.backend.app import (
    Scope,
)
from harness.backend.builds import HeaderLines, Sender
from harness.backend.usage import Accounts, Usage
from harness.run.live.request_log import ExpectedRow, LoggedRequest


@dataclass(slots=True, eq=False)
class OpenRequest:
    """One request while it is being answered."""

    entry: LoggedRequest
    address: str
    anonymous: str
    """Who is accounted where nobody is signed in."""
    since: datetime
    """The database's clock at some moment before it came."""
    task: "asyncio.Task[Any] | None"
    scope: Scope
    started: float = field(default_factory=time.monotonic)
    status: int = 0
    sent: bytearray = field(default_factory=bytearray)
    """The body of the request."""
    headers: HeaderLines = field(default_factory=list)
    """Of the reply."""
    body: bytearray = field(default_factory=bytearray)
    """Of the reply."""
    due: ExpectedRow | None = None
    note: str = ""


open_request: ContextVar[OpenRequest | None] = ContextVar("request", default=None)
"""The request that the running task belongs to; the tasks of its accounting inherit it."""


class RecordingAccounts(Accounts):
    """Accounts that note what each request must leave."""

    def later(self, usage: Usage, sender: Sender) -> None:
        """Notes what is due, then accounts for it as ever."""
        request = open_request.get()
        if request is not None:
            # The address is read anew from the header lines: a build that reads another one is then seen as wrong.
            user = request.anonymous if sender.email is None else usage.user_id
            request.due = ExpectedRow(user, sender.email, sender.streamed)
        super().later(usage, sender)
