"""Answers with the one pair of rows that each had when it was first seen, to be compared at the end. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from harness.clients.exchange import Reply
from harness.clients.request_spec import RequestSpec
from harness.probing.packed import PLAIN_MAX, Packed
from harness.sut.observation import Exchange, Probe, Row

WHOLE_MAX: Final = 10_000
"""Rows of which all columns are kept; of later ones those that a claim names."""
_SPEC: Final = Probe._fields.index("spec")


class KeptAnswers:
    """In the order in which they were added; many are packed, so that memory hardly grows with their number."""

    def __init__(self, plain_max: int = PLAIN_MAX) -> None:
        self._packed: Packed[tuple[tuple[Any, ...], int, Reply, float, Row]] = Packed(plain_max)
        self._specs: list[RequestSpec] = []  # one as a rule: it holds its whole rollout, and is not packed

    def add(self, exchange: Exchange, row: Row) -> None:
        """Keeps an answer."""
        spec, fields = exchange.probe.spec, (*exchange.probe[:_SPEC], *exchange.probe[_SPEC + 1 :])
        if not any(known is spec for known in self._specs):
            self._specs.append(spec)
        place = next(number for number, known in enumerate(self._specs) if known is spec)
        kept = row if len(self) < WHOLE_MAX else replace(row, names=(), texts=())
        self._packed.append((fields, place, exchange.reply, exchange.at, kept))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._packed)

    def __iter__(self) -> Iterator[tuple[Exchange, Row]]:
        """Those that are there now."""
        for fields, place, reply, at, row in self._packed:
            probe = Probe._make((*fields[:_SPEC], self._specs[place], *fields[_SPEC:]))
            yield Exchange(probe, reply, at), row
