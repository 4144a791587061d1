"""Items that are kept to the end of a run, thousands of them and much alike, in little memory. Pure."""

import pickle
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Generic, TypeVar

PLAIN_MAX: Final = 8_192
"""Items that are kept as they are: to pack and unpack so few costs more time than their memory is worth."""
AT_ONCE: Final = 128
"""Items that are packed together: to pack them is over before anybody waits for it."""
_LEVEL: Final = 1

T = TypeVar("T")


class Packed(Generic[T]):
    """Grows at its end and is read from its beginning; all but the first `plain_max` and the last few are packed.

    A request with its reply and its rows takes about 100 bytes so, beside others like it, and 8 kB as it is. What was
    packed is read as an equal of what was added, not as the same object.
    """

    def __init__(self, plain_max: int = PLAIN_MAX) -> None:
        self._plain_max = plain_max
        self._plain: list[T] = []
        self._packed: list[bytes] = []
        self._last: list[T] = []

    def append(self, item: T) -> None:
        """Adds an item, which can be pickled."""
        if len(self._plain) < self._plain_max:
            self._plain.append(item)
            return
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
        return len(self._plain) + AT_ONCE * len(self._packed) + len(self._last)

    def __iter__(self) -> Iterator[T]:
        """Those that are there now; the packed ones are in memory a few at a time."""
        plain, packed, last = len(self._plain), tuple(self._packed), tuple(self._last)
        yield from islice(self._plain, plain)
        for some in packed:
            yield from pickle.loads(zlib.decompress(some))  # noqa: S301 - written here, and never left this process
        yield from last
