"""Judges the rows that requests left in somebody's database, by no more than the plan says of it.

Takes answers and their rows. Knows neither how they were sent nor when to give up waiting.
"""

import ipaddress
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from harness import plan
from harness.checks.compatibility import ACCOUNTED, ADDRESS, IGNORED, OLD_CLIENT
from harness.checks.evidence import describe_value, finding, replay_command
from harness.checks.validation import IDENTITY, MISSING
from harness.clients.extension import Auth
from harness.headers.policy import Policy
from harness.target import Observation, Row
from harness.target.asks import Answer, Ask
from harness.verdict import Docket, Finding

NAME: Final = "V8"
AT_ONCE: Final = "V9"
MALFORMED: Final = "V10"


@dataclass(slots=True)
class RowJudge:
    """Judges answers of one target one by one."""

    docket: Docket
    policy: Policy
    url: str
    build: str
    """What is expected to be deployed: `before` or `after`."""
    free_model: str
    overwritten: bool = False
    """Whether a platform puts its own address into x-forwarded-for: then a user cannot be told from another."""
    signed_in_user: str | None = None
    """Under whom signed-in requests without the header were accounted for."""

    def judge(self, answer: Answer, rows: Sequence[Row]) -> bool:
        """Judges an answer that has its rows; whether there is one pair of them, whose value was seen."""
        self._judge_accounting(answer, rows)
        whole = [row for row in rows if row.whole]
        for row in whole:
            self._judge_value(answer, rows, row)
        for row in rows:
            if row.user is not None:
                self._judge_user(answer, rows, row.user)
        return len(whole) == 1

    def miss(self, answer: Answer, rows: Sequence[Row], later: str) -> None:
        """Judges an answer whose rows have not come, although those of a later request have."""
        self._judge_accounting(answer, rows, f", while a later request has its row ({later})")

    def saw_refusal(self, ask: Ask) -> None:
        """Takes in that a request was refused before any rule saw it, by a status or the end of the connection."""
        if self.build == "after":
            self.docket.saw(ask.claim)

    def finding(self, claim: str, answer: Answer, rows: Sequence[Row], effect: str) -> Finding:
        """A finding about an answer, with a line that sends the same to the same target."""
        seen = Observation(
            answer.ask.probe, answer.reply, tuple(rows), self.build, self.url, datetime.now(UTC)
        )
        return replace(finding(claim, seen, effect), replay=self._replay(seen))

    def _replay(self, seen: Observation) -> str:
        if self.url.startswith("http:") and seen.probe.email is None:
            model = shlex.quote(self.free_model)
            return f"{replay_command(seen)} --target {self.url} --database-url ... --free-model {model}"
        request = seen.probe.request
        lines = [line for line in request.headers if line[0].lower() != b"authorization"]
        words = [f"-H {_quoted(b'%b: %b' % line if line[1].strip() else line[0] + b';')}" for line in lines]
        if seen.probe.auth is not Auth.ANONYMOUS:
            words.append('-H "authorization: Bearer $TOKEN"')
        return f"curl -si {self.url}{request.path} {' '.join(words)} -d {_quoted(request.body)}"

    def claims_of(self, ask: Ask) -> tuple[str, ...]:
        """The claims that the stored value is evidence for."""
        if self.build == "before":
            return (OLD_CLIENT,) if ask.control else (IGNORED,)
        if ask.probe.auth is Auth.SIGNED_IN:
            return (IDENTITY,)
        if ask.control:
            return (OLD_CLIENT, MISSING) if ask.follows else (OLD_CLIENT,)
        return (ask.claim,)

    def _judge_accounting(self, answer: Answer, rows: Sequence[Row], more: str = "") -> None:
        self.docket.saw(ACCOUNTED)
        if len(rows) != 1 or not rows[0].whole:
            effect = f"expected one usage row with its metadata row, found {_counted(rows)}{more}"
            self.docket.refute(self.finding(ACCOUNTED, answer, rows, effect))

    def _judge_value(self, answer: Answer, rows: Sequence[Row], row: Row) -> None:
        allowed = answer.ask.allowed
        right = row.value in allowed if allowed else self._accepts(row.value)
        for claim in self.claims_of(answer.ask):
            self.docket.saw(claim)
            if not right:
                expected = (
                    " or ".join(map(describe_value, allowed)) or "NULL, or a value that the rule accepts"
                )
                effect = f"stored {describe_value(row.value)}, expected {expected}"
                self.docket.refute(self.finding(claim, answer, rows, effect))

    def _accepts(self, value: str | None) -> bool:
        return value is None or (value != "" and self.policy.accepted(value) == value)

    def _judge_user(self, answer: Answer, rows: Sequence[Row], user: str) -> None:
        ask = answer.ask
        if ask.probe.auth is Auth.SIGNED_IN:
            claim = IDENTITY if self.build == "after" else OLD_CLIENT
            right, expected = user == self.signed_in_user, f"the signed-in user {self.signed_in_user}"
        else:
            claim = ADDRESS
            right = is_address_id(user, None if self.overwritten else ask.address)
            expected = "an address" if self.overwritten else plan.ANONYMOUS_PREFIX + ask.address
        self.docket.saw(claim)
        if not right:
            effect = f"accounted to {user}, expected {expected}"
            self.docket.refute(self.finding(claim, answer, rows, effect))


def is_address_id(user: str, address: str | None) -> bool:
    """Whether an id is that of an anonymous user at this address, however it is written; None: at any address."""
    if not user.startswith(plan.ANONYMOUS_PREFIX):
        return False
    try:
        found = ipaddress.ip_address(user.removeprefix(plan.ANONYMOUS_PREFIX).partition("%")[0])
    except ValueError:
        return False
    return address is None or found == ipaddress.ip_address(address)


def _quoted(raw: bytes) -> str:
    """Bytes between quotes that bash, ksh and zsh read."""
    return "$'" + "".join(_SHELL[byte] for byte in raw) + "'"


_SHELL = [
    chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in range(256)
]


def _counted(rows: Sequence[Row]) -> str:
    if not rows:
        return "none"
    halves = sum(not row.whole for row in rows)
    return f"{len(rows)}" + (f", {halves} of them without the other side" if halves else "")
