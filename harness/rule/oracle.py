"""Node as the test oracle of the rule: what the plan's JavaScript stores for a header.

The rule of a policy is its owner's JavaScript; a child process evaluates it with Node's own `Headers`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import Final

from harness.data import fixture_path
from harness.errors import UnavailableError, UsageError
from harness.rule.node import SECONDS_MAX, NodeChild, line, node_child
from harness.rule.policy import Policy

NAME: Final = "x-header"
"""Under which Node's `Headers` has the lines; the rule is given what they are read as, and not the name."""


class Refused(Enum):
    """The third answer beside a value and NULL: HTTP refuses the header, so no rule ever sees it."""

    REFUSED = "refused"


REFUSED: Final = Refused.REFUSED

Reading = str | None | Refused
"""What becomes of a header: the value stored, None for NULL, or `REFUSED`."""

HEADERS_PER_MESSAGE: Final = 1000
"""Fewer cost a pipe turn for too few headers; more only make longer lines."""


@dataclass(slots=True)
class NodeOracle:
    """A running Node. Used by one thread at a time; made by `node_oracle`."""

    _child: NodeChild

    @property
    def node(self) -> str:
        """Version of Node, as it says it itself."""
        return self._child.version

    @property
    def pid(self) -> int:
        """The process id of Node, for whoever watches that it ends."""
        return self._child.pid

    def stored(self, policy: Policy, headers: Sequence[Sequence[bytes]]) -> list[Reading]:
        """What the policy's JavaScript stores for each header, given as the raw bytes of its lines.

        Any number of headers: they travel in messages of `HEADERS_PER_MESSAGE`.
        Raises UnavailableError when Node ends or does not answer, UsageError for a policy that has no JavaScript.
        """
        if not policy.javascript:
            raise UsageError(f"policy {policy.name!r} has no JavaScript to be judged by")
        readings: list[Reading] = []
        batches = [
            headers[at : at + HEADERS_PER_MESSAGE] for at in range(0, len(headers), HEADERS_PER_MESSAGE)
        ]
        message = _message(policy, batches[0]) if batches else b""
        for batch, following in zip_longest(batches, batches[1:], fillvalue=()):
            with self._child.deadline():
                self._child.write(message)
                message = _message(policy, following)  # written down while Node judges the one before
                reply = self._child.read()
            if not isinstance(reply, list) or len(reply) != len(batch):
                raise UnavailableError(
                    f"Node could not judge {len(batch)} headers: {reply}; is the rule a function?"
                )
            readings.extend(REFUSED if answer is False else answer for answer in reply)
        return readings


def _message(policy: Policy, headers: Sequence[Sequence[bytes]]) -> bytes:
    values = [[value.decode("latin-1") for value in lines] for lines in headers]
    duplicates = policy.reading.duplicates
    return line({"name": NAME, "rule": policy.javascript, "duplicates": duplicates, "headers": values})


@contextlib.contextmanager
def node_oracle(node: Path | None = None, seconds_max: float = SECONDS_MAX) -> Iterator[NodeOracle]:
    """An oracle for as long as the context lasts; `node` is the program, by default that of the Python wheel.

    Every wait for it is bounded by `seconds_max`. Raises UnavailableError when Node cannot start.
    """
    with node_child(fixture_path("oracle/oracle.js"), node, seconds_max) as child:
        yield NodeOracle(child)
