"""Judges the rows that requests left in somebody's database, by no more than the plan says of it.

Takes answers and their rows. Knows neither how they were sent nor when to give up waiting.
"""

import ipaddress
import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from harness import plan
from harness.checks.compatibility import ACCOUNTED, ADDRESS, IGNORED, OLD_CLIENT
from harness.checks.evidence import describe_value, finding, replay_command
from harness.checks.validation import IDENTITY, MISSING
from harness.clients.by_hand import line_by_hand
from harness.clients.extension import Auth
from harness.clients.given import NONE_GIVEN, GivenHeaders
from harness.clients.shape import PLAIN, Shape
from harness.probing.explain import explain
from harness.rule.policy import Policy
from harness.sut import Observation, Row
from harness.sut.asks import Answer, Ask
from harness.sut.hosts import target_options
from harness.verdict import Finding, Results

NAME: Final = "V8"
AT_ONCE: Final = "V9"
MALFORMED: Final = "V10"
OTHER_COLUMNS: Final = "R3"
DATABASE: Final = '--database-url "$HARNESS_DATABASE_URL"'
"""In a line to copy: the target's database may have a password."""
FARED_MAX: Final = 5_000
"""Requests kept of each claim to tell what those that fail have in common."""


@dataclass(slots=True)
class RowJudge:
    """Judges answers of one target one by one."""

    results: Results
    policy: Policy
    url: str
    build: str
    """What is expected to be deployed: `before` or `after`."""
    free_model: str
    overwritten: bool = False
    """Whether a platform puts its own address into x-forwarded-for: then a user cannot be told from another."""
    signed_in_user: str | None = None
    """Under whom signed-in requests without the header were accounted for."""
    failed: defaultdict[str, list[Ask]] = field(default_factory=lambda: defaultdict(list))
    fared: defaultdict[str, list[Ask]] = field(default_factory=lambda: defaultdict(list))
    """Requests whose rows refute a claim, and those that bear it out; both up to a bound."""
    given: GivenHeaders = NONE_GIVEN
    rows: int = 0
    """Pairs of rows so far."""
    valued: int = 0
    """Those that hold a value."""

    def judge(self, answer: Answer, rows: Sequence[Row]) -> bool:
        """Judges an answer that has its rows; whether there is one pair of them, whose value was seen."""
        self._judge_accounting(answer, rows)
        whole = [row for row in rows if row.whole]
        self.rows += len(whole)
        self.valued += sum(row.value is not None for row in whole)
        for row in whole:
            self._judge_value(answer, rows, row)
        for row in rows:
            if row.user is not None:
                self._judge_user(answer, rows, row.user)
        return len(whole) == 1

    def miss(self, answer: Answer, rows: Sequence[Row], later: str) -> None:
        """Judges an answer whose rows have not come, although those of a later request have."""
        self._judge_accounting(answer, rows, f", while a later request has its row ({later})")

    def surplus(self, answer: Answer, rows: Sequence[Row], more: str) -> None:
        """Judges an answer that had one pair of rows when it was first looked at, and has more or less now."""
        effect = f"expected one usage row with its metadata row, found {_counted(rows)} {more}"
        self._refute(ACCOUNTED, answer, rows, effect)

    def later(self, answer: Answer, first: Row, rows: Sequence[Row]) -> None:
        """Judges a value or a user that is another at the end of the run than when the row was first seen."""
        (now,) = rows
        if now.value != first.value:
            effect = f"held {describe_value(first.value)} at first, {describe_value(now.value)} at the end of the run"
            for claim in self.claims_of(answer.ask):
                self._refute(claim, answer, rows, effect)
        if now.user != first.user:
            effect = f"accounted to {first.user} at first, to {now.user} at the end of the run"
            self._refute(self._user_claim(answer.ask), answer, rows, effect)

    def in_common(self, claim: str) -> str:
        """What requests that refute a claim have in common; empty where nothing can be said of several."""
        failed, fared = self.failed[claim], self.fared[claim]
        if len(failed) + len(fared) < 2 or not failed:
            return ""
        found = explain([ask.circumstances for ask in failed], [ask.circumstances for ask in fared])
        return str(found) if found.circumstances else ""

    def saw_refusal(self, ask: Ask) -> None:
        """Takes in that a request was refused before any rule saw it, by a status or the end of the connection."""
        if self.build == "after":
            self.results.observed(ask.claim)

    def finding(self, claim: str, answer: Answer, rows: Sequence[Row], effect: str) -> Finding:
        """A finding about an answer, with a line that sends the same to the same target."""
        seen = Observation(
            answer.ask.probe, answer.reply, tuple(rows), self.build, self.url, datetime.now(UTC)
        )
        found = finding(claim, seen, effect)
        shape = answer.ask.shape
        condition = found.condition if shape == PLAIN else f"{found.condition}; request: {shape}"
        return replace(found, condition=condition, replay=self._replay(seen, shape), weight=answer.ask.weight)

    def _replay(self, seen: Observation, shape: Shape) -> str:
        plain = shape._replace(auth=PLAIN.auth, stream=PLAIN.stream) == PLAIN
        if self.url.startswith("http:") and seen.probe.email is None and plain:
            model = shlex.quote(self.free_model)
            where = f"{target_options(self.url)} {DATABASE} --free-model {model} --policy {self.policy.name}"
            return f"{replay_command(seen)} {where}{self.given.options}"
        hidden = dict(self.given.hidden)
        if seen.probe.auth is Auth.SIGNED_IN:
            hidden[b"authorization"] = b"Bearer $TOKEN"
        return line_by_hand(self.given.added(seen.probe.request), self.url, hidden)

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
        self.results.observed(ACCOUNTED)
        if len(rows) != 1 or not rows[0].whole:
            effect = f"expected one usage row with its metadata row, found {_counted(rows)}{more}"
            self._refute(ACCOUNTED, answer, rows, effect)
        else:
            self._fared(ACCOUNTED, answer.ask)

    def _judge_value(self, answer: Answer, rows: Sequence[Row], row: Row) -> None:
        allowed = answer.ask.allowed
        right = row.value in allowed if allowed else self._accepts(row.value)
        for claim in self.claims_of(answer.ask):
            self.results.observed(claim)
            if not right:
                expected = (
                    " or ".join(map(describe_value, allowed)) or "NULL, or a value that the rule accepts"
                )
                effect = f"stored {describe_value(row.value)}, expected {expected}"
                self._refute(claim, answer, rows, effect, "stored NULL" if row.value is None else "")
            else:
                self._fared(claim, answer.ask)

    def _refute(self, claim: str, answer: Answer, rows: Sequence[Row], effect: str, alike: str = "") -> None:
        self.results.refute(self.finding(claim, answer, rows, effect), alike)
        if len(self.failed[claim]) < FARED_MAX:
            self.failed[claim].append(answer.ask)

    def _fared(self, claim: str, ask: Ask) -> None:
        if len(self.fared[claim]) < FARED_MAX:
            self.fared[claim].append(ask)

    def _user_claim(self, ask: Ask) -> str:
        if ask.probe.auth is not Auth.SIGNED_IN:
            return ADDRESS
        return IDENTITY if self.build == "after" else OLD_CLIENT

    def _accepts(self, value: str | None) -> bool:
        return value is None or (value != "" and self.policy.accepted(value) == value)

    def _judge_user(self, answer: Answer, rows: Sequence[Row], user: str) -> None:
        ask, claim = answer.ask, self._user_claim(answer.ask)
        if ask.probe.auth is Auth.SIGNED_IN:
            known = self.signed_in_user
            right = not user.startswith(plan.ANONYMOUS_PREFIX) if known is None else user == known
            expected = f"the signed-in user {known or ''}".rstrip()
        else:
            right = is_address_id(user, None if self.overwritten else ask.address)
            expected = "an address" if self.overwritten else plan.ANONYMOUS_PREFIX + ask.address
        self.results.observed(claim)
        if right:
            self._fared(claim, ask)
        else:
            self._refute(claim, answer, rows, f"accounted to {user}, expected {expected}")


def is_address_id(user: str, address: str | None) -> bool:
    """Whether an id is that of an anonymous user at this address, however it is written; None: at any address."""
    if address is not None and user == plan.ANONYMOUS_PREFIX + address:
        return True
    if not user.startswith(plan.ANONYMOUS_PREFIX):
        return False
    try:
        found = ipaddress.ip_address(user.removeprefix(plan.ANONYMOUS_PREFIX).partition("%")[0])
    except ValueError:
        return False
    return address is None or found == ipaddress.ip_address(address)


def _counted(rows: Sequence[Row]) -> str:
    if not rows:
        return "none"
    halves = sum(not row.whole for row in rows)
    return f"{len(rows)}" + (f", {halves} of them without the other side" if halves else "")
