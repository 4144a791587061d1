"""The variants of the backend, of its database and of its fleet, each with what is wrong or why nothing is.

An entry names its kind, where it is (in the code of the build, in the database, in the fleet) and one sentence.
"""

from collections import Counter
from types import MappingProxyType

from tests.foreign.entries import fleet, hidden, index, replies, requests, rows, schema, values
from tests.foreign.entry import PLAIN, Entry, Fleet, Kind, Stage, Where

__all__ = [
    "BY_NAME",
    "CATALOGUE",
    "FAULTS",
    "HARMLESS",
    "PLAIN",
    "Entry",
    "Fleet",
    "Kind",
    "Stage",
    "Where",
    "counts",
]

CATALOGUE: tuple[Entry, ...] = (
    *rows.ENTRIES,
    *requests.ENTRIES,
    *values.ENTRIES,
    *replies.ENTRIES,
    *hidden.ENTRIES,
    *index.ENTRIES,
    *fleet.ENTRIES,
    *schema.ENTRIES,
)
BY_NAME = MappingProxyType({entry.name: entry for entry in CATALOGUE})
FAULTS = tuple(entry for entry in CATALOGUE if entry.harmful)
HARMLESS = tuple(entry for entry in CATALOGUE if not entry.harmful)


def counts() -> dict[Kind, tuple[int, int]]:
    """How many faults and how many harmless variants there are of each kind."""
    faults = Counter(entry.kind for entry in FAULTS)
    harmless = Counter(entry.kind for entry in HARMLESS)
    return {kind: (faults[kind], harmless[kind]) for kind in sorted(faults | harmless)}
