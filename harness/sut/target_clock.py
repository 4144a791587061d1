"""The clock that rows are written by, as far as it is known: how far it is ahead of ours, and that it went back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

MARGIN: Final = timedelta(minutes=2)
"""How far the clocks of replicas may be apart."""
FAR_BACK: Final = timedelta(hours=27)
"""How far a clock may be off that was set to the wrong time zone."""


class TargetClock:
    """Tells since when, by the target's clock, rows have to be looked for."""

    def __init__(self) -> None:
        self._ahead: timedelta | None = None  # how far it is ahead of ours
        self._naive = False
        self.set_back = timedelta()
        """By how much it was seen to go back since it was learnt."""

    @property
    def is_known(self) -> bool:
        """Whether it was learnt."""
        return self._ahead is not None

    def learn(self, created: Sequence[datetime], sent: datetime) -> None:
        """Learns from the times of rows of requests, the first of them sent at `sent` by our clock."""
        if not created:
            return  # the rollout maps no time: nothing is bounded by one
        first = min(created)
        self._naive = first.tzinfo is None
        self._ahead = first - (sent.replace(tzinfo=None) if self._naive else sent)

    def theirs(self, since: datetime, *, far: bool = False) -> datetime:
        """The earliest time of rows of requests that were sent after `since`; `far` allows for hours."""
        back = FAR_BACK if far else MARGIN
        if self._ahead is None:
            return since - back
        ours = since.replace(tzinfo=None) if self._naive else since
        return ours + self._ahead - back

    def see(self, created: Sequence[datetime], since: datetime) -> None:
        """Learns that it went back from rows that are older than requests sent after `since` can have."""
        if self._ahead is not None and created and (first := min(created)) < self.theirs(since):
            back = self.theirs(since) + MARGIN - first
            self._ahead -= back
            self.set_back += back
