"""A part of the header rule's suite, for a machine of several that divide it. Pure.

Every n-th header is a machine's. What it has sent is known by count and digest: the sum of the SHA-256 of each header,
modulo 2^256, so that the digests of all shards add up to that of the whole suite, whatever the order.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from typing import Final, NamedTuple, Self

from harness.errors import UsageError

SHARDS_MAX: Final = 1000
_MODULUS: Final = 2**256


class Shard(NamedTuple):
    """Which part of how many; the first also judges what is no part of the suite."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `2/5`; the whole from nothing. Raises UsageError."""
        if not text:
            return cls(1, 1)
        match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text.strip())
        number, of = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= of <= SHARDS_MAX:
            raise UsageError(
                f"--shard {text!r} is no part of a whole; write 2/5 for the second of five, at most {SHARDS_MAX:,}"
            )
        return cls(number, of)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is divided."""
        return self.of == 1

    @property
    def is_first(self) -> bool:
        """Whether it judges what is no part of the suite."""
        return self.number == 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE: Final = Shard(1, 1)


class Share:
    """The headers of a shard, counted as they are taken to be sent."""

    def __init__(self, values: Iterable[bytes], shard: Shard) -> None:
        self._values = values
        self._shard = shard
        self.count = 0
        self._sum = 0

    def __iter__(self) -> Iterator[bytes]:
        for value in islice(self._values, self._shard.number - 1, None, self._shard.of):
            self.count += 1
            self._sum = (self._sum + _number_of(value)) % _MODULUS
            yield value

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum:064x}"

    def taken(self) -> Self:
        """Itself, after all was taken."""
        for _ in self:
            pass
        return self


class ShardTotals(NamedTuple):
    """What a shard has to send: how many headers, and their digest."""

    headers: int
    digest: str


def totals_by_shard(values: Iterable[bytes], of: int) -> tuple[ShardTotals, ...]:
    """What each of so many shards has to send, in one pass that holds no header."""
    counts, sums = [0] * of, [0] * of
    for value, number in zip(values, cycle(range(of)), strict=False):
        counts[number] += 1
        sums[number] += _number_of(value)
    return tuple(
        ShardTotals(count, f"{total % _MODULUS:064x}") for count, total in zip(counts, sums, strict=True)
    )


def _number_of(value: bytes) -> int:
    return int.from_bytes(hashlib.sha256(value).digest(), "big")


def sum_of(digests: Iterable[str]) -> str:
    """The digest of what all shards have sent."""
    return f"{sum(int(digest, 16) for digest in digests) % _MODULUS:064x}"
