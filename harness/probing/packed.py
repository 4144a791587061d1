"""Items that are kept to the end of a run, thousands of them and much alike, in little memory. Pure."""

import pickle
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

AT_ONCE: Final = 128
"""Items that are packed together: to pack them is over before anybody waits for it."""
_LEVEL: Final = 1

T = TypeVar("T")


class Packed(Generic[T]):
    """Grows at its end and is read from its beginning; all but the last few items are packed.

    A request with its reply and its rows takes about 100 bytes so, beside others like it, and 8 kB as it is. What is
    read is equal to what was added, and another object.
    """

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._last: list[T] = []

    def append(self, item: T) -> None:
        """Adds an item, which can be pickled."""
        self._last.append(item)
        if len(self._last) == AT_ONCE:
            self._packed.append(zlib.compress(pickle.dumps(self._last, pickle.HIGHEST_PROTOCOL), _LEVEL))
            self._last = []

    def extend(self, items: Iterable[T]) -> None:
        """Adds each."""
        for item in items:
            self.append(item)

    def __len__(self) -> int:
        """How many items there are."""
        return AT_ONCE * len(self._packed) + len(self._last)

    def __iter__(self) -> Iterator[T]:
        """Those that are there now; the packed ones are in memory a few at a time."""
        packed, last = tuple(self._packed), tuple(self._last)
        for some in packed:
            yield from pickle.loads(zlib.decompress(some))  # noqa: S301 - written here, and never left this process
        yield from last
