"""Which states behave alike, by Hopcroft's algorithm ("An n log n algorithm for minimizing states in a finite
automaton", 1971): a block of states is split by what leads into another, and of two halves only the smaller is
looked at again.
"""

from collections.abc import Hashable, Sequence


def coarsest(table: Sequence[Sequence[int]], answers: Sequence[Hashable]) -> list[int]:
    """The block of each state: equal for states whose answers are equal after every word."""
    partition = _Partition(answers)
    leading = [_leading(table, letter) for letter in range(len(table[0]))]
    pending = {(block, letter) for block in range(len(partition.blocks)) for letter in range(len(table[0]))}
    while pending:
        block, letter = pending.pop()
        into = leading[letter]
        sources = [source for state in partition.blocks[block] for source in into[state]]
        for old, new in partition.split(sources):
            smaller = min(old, new, key=lambda number: len(partition.blocks[number]))
            for other in range(len(leading)):
                pending.add((new if (old, other) in pending else smaller, other))
    return partition.block_of


def _leading(table: Sequence[Sequence[int]], letter: int) -> list[list[int]]:
    """By state: those from which the letter leads to it."""
    sources: list[list[int]] = [[] for _ in table]
    for state, row in enumerate(table):
        sources[row[letter]].append(state)
    return sources


class _Partition:
    """States in blocks."""

    def __init__(self, answers: Sequence[Hashable]) -> None:
        # By type too: True == 1, and a stored text is never a mere "accepted".
        kinds = {kind: number for number, kind in enumerate(dict.fromkeys((type(it), it) for it in answers))}
        self.block_of = [kinds[type(answer), answer] for answer in answers]
        self.blocks: list[set[int]] = [set() for _ in kinds]
        for state, block in enumerate(self.block_of):
            self.blocks[block].add(state)

    def split(self, states: Sequence[int]) -> list[tuple[int, int]]:
        """Divides each block that holds some of the states but not all; its number, and that of the new one."""
        touched: dict[int, list[int]] = {}
        for state in states:
            touched.setdefault(self.block_of[state], []).append(state)
        halves = []
        for block, inside in touched.items():
            if len(inside) == len(self.blocks[block]):
                continue
            self.blocks[block].difference_update(inside)
            self.blocks.append(set(inside))
            for state in inside:
                self.block_of[state] = len(self.blocks) - 1
            halves.append((block, len(self.blocks) - 1))
        return halves
