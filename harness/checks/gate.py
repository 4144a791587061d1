"""Judges the replies of somebody's backend and the rows in its database, by no more than the plan says of it.

Takes exchanges and their rows; how they were sent, and when to give up waiting, is decided elsewhere.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from harness.checks.evidence import describe_reply, describe_value, finding, replay_command
from harness.checks.registry import CheckOutcome, add_outcomes, checks_over
from harness.checks.row_checks import (
    ACCOUNTED,
    IGNORED,
    MALFORMED,
    OTHER_COLUMNS,
    REPLY,
    CheckedExchange,
    claims_of_target,
    effect_of,
)
from harness.checks.user_checks import user_claims
from harness.clients.by_hand import line_by_hand
from harness.clients.exchange import Outcome
from harness.clients.extra_headers import NONE_GIVEN, ExtraHeaders
from harness.clients.shape import PLAIN, Shape
from harness.probing.controls import Controls
from harness.probing.explain import explain
from harness.probing.features import ID_LEAST, Features, holding, reply_features, row_features
from harness.probing.judge import Aspect, Expected, counted, expect_of_stranger, judge
from harness.probing.record import ProbeRecord
from harness.rollout.identities import has_account
from harness.rule.policy import Policy
from harness.sut.hosts import target_options
from harness.sut.observation import Exchange, Observation, Probe, Row
from harness.verdict import Finding, Results

DATABASE: Final = '--database-url "$HARNESS_DATABASE_URL"'
"""In a line to copy: the target's database may have a password."""
FARED_MAX: Final = 5_000
"""Requests kept of each claim to tell what those that fail have in common."""


@dataclass(slots=True)
class TargetJudge:
    """Judges exchanges with one target one by one."""

    results: Results
    policy: Policy
    url: str
    build: str
    """What is expected to be deployed: `before` or `after`."""
    options: str
    """What names the rollout and its parameters in a line to copy."""
    overwritten: bool = False
    """Whether a platform puts its own address into x-forwarded-for: then a user cannot be told from another."""
    own_values: Collection[bytes] = frozenset()
    """Values that no other request of any run sends."""
    accounts: dict[str, str] = field(default_factory=dict)
    """Under whom requests of an identity that has an account were accounted for, by its name."""
    failed: defaultdict[str, list[Probe]] = field(default_factory=lambda: defaultdict(list))
    fared: defaultdict[str, list[Probe]] = field(default_factory=lambda: defaultdict(list))
    """Requests whose rows refute a claim, and those that bear it out; both up to a bound."""
    given: ExtraHeaders = NONE_GIVEN
    rows: int = 0
    """Pairs of rows so far."""
    valued: int = 0
    """Those that hold a value."""
    record: ProbeRecord = field(default_factory=lambda: ProbeRecord(describe_reply))
    replies: Controls[Exchange] = field(default_factory=Controls)
    columns: Controls[Exchange] = field(default_factory=Controls)
    """What other columns of the rows hold, of requests with the header and of their controls."""
    _claims: dict[tuple[Aspect, str | None], tuple[str, ...]] = field(default_factory=dict)
    """What `claims_of` has found for an identity, in the respects for which that is all."""

    @property
    def reply_claim(self) -> str:
        """What a reply that changes with the header refutes."""
        return IGNORED if self.build == "before" else REPLY

    @property
    def column_claim(self) -> str:
        """What another column that changes with the header refutes."""
        return IGNORED if self.build == "before" else OTHER_COLUMNS

    def compare(self, exchange: Exchange) -> None:
        """Judges a reply beside those to requests without the header."""
        probe, reply = exchange.probe, exchange.reply
        if probe.refused:
            is_answered = reply.outcome is Outcome.TIMEOUT or 200 <= reply.status < 300
            if exchange.identity is None and not is_answered:
                self.record.seen(probe)
                if self.build == "after":
                    self.results.observed(MALFORMED)
            return
        if reply.status == 429 or probe.number in self.record.behind:
            return
        features = self.features_of_reply(exchange)
        if probe.control:
            self.replies.enter_control(probe.shape, features)
        elif self.replies.enter_probe(probe.shape, features, probe.weight, exchange):
            self.record.compared(probe)
            self.results.observed(self.reply_claim)

    def features_of_reply(self, exchange: Exchange) -> Features:
        """What a reply is compared by."""
        return self._held(exchange.probe, reply_features(exchange.reply))

    def features_of_rows(self, exchange: Exchange, rows: Sequence[Row]) -> Features:
        """What the rows of a request are compared by, but for the value; nothing unless there is one pair."""
        return self._held(exchange.probe, row_features(rows))

    def _held(self, probe: Probe, features: Features) -> Features:
        lines = probe.lines
        if len(lines) != 1 or len(lines[0]) < ID_LEAST or lines[0] not in self.own_values:
            return features
        return holding(features, lines[0].decode("latin-1"))

    def match(self, exchange: Exchange, rows: Sequence[Row]) -> None:
        """Judges an answer by its rows, where they tell something; without a whole one it is missing."""
        if not self.record.is_wanted(exchange):
            return
        if any(row.whole for row in rows):
            self.judge(exchange, rows)
        elif exchange.identity:
            self.record.missing.append(exchange)

    def judge(self, exchange: Exchange, rows: Sequence[Row]) -> None:
        """Judges an answer that has its rows: each of them, and its other columns beside those of controls."""
        probe = exchange.probe
        self._judge_rows(exchange, rows)
        if sum(row.whole for row in rows) == 1:
            self.record.seen(probe)
        if len(rows) == 1 and rows[0].whole:
            self.record.kept.add(exchange, rows[0])
        features = self.features_of_rows(exchange, rows)
        if not features or probe.refused:
            return
        if probe.control:
            self.columns.enter_control(probe.shape, features)
        elif self.columns.enter_probe(probe.shape, features, probe.weight, exchange):
            self.results.observed(self.column_claim)

    def _judge_rows(self, exchange: Exchange, rows: Sequence[Row]) -> None:
        whole = [row for row in rows if row.whole]
        self.rows += len(whole)
        self.valued += sum(row.value is not None for row in whole)
        differences = judge(rows, self._expected(exchange.probe))
        for kind, times in (
            (Aspect.PAIRS, 1),
            (Aspect.VALUE, int(bool(whole))),  # one header, whatever the number of its rows
            (Aspect.USER, sum(row.user is not None for row in rows)),
        ):
            for claim in self.claims_of(exchange.probe, kind):
                self.results.observed(claim, times)
                if times and all(difference.kind is not kind for difference in differences):
                    self._fared(claim, exchange.probe)
        for difference in differences:
            row = difference.row
            is_null = difference.kind is Aspect.VALUE and row is not None and row.value is None
            for claim in self.claims_of(exchange.probe, difference.kind):
                effect = effect_of(difference, rows, exchange.probe.spec)
                self._refute(claim, exchange, rows, effect, "stored NULL" if is_null else "")
        if whole and user_claims():
            self._judge_user_claims(exchange, rows)

    def _judge_user_claims(self, exchange: Exchange, rows: Sequence[Row]) -> None:
        piece = CheckedExchange(self._observation(exchange, rows), self.policy)
        for each in checks_over(CheckedExchange):
            if each.brought:
                outcomes = (self._of_target(outcome, exchange, rows) for outcome in each.function(piece))
                add_outcomes(self.results, each, outcomes)

    def _of_target(self, outcome: CheckOutcome, exchange: Exchange, rows: Sequence[Row]) -> CheckOutcome:
        """The outcome, its finding with a line that sends the same to this target."""
        found = outcome if isinstance(outcome, Finding) else outcome[1]
        if not isinstance(found, Finding):
            return outcome
        finding = self.finding(found.claim, exchange, rows, found.effect)
        # `harness replay` judges our claims alone, and would say that nothing refutes.
        by_hand = not finding.replay.startswith("harness replay")
        return found.claim, finding if by_hand else replace(finding, replay="")

    def miss(self, exchange: Exchange, rows: Sequence[Row], later: str) -> None:
        """Judges an answer whose rows have not come, although those of a later request have."""
        self.results.observed(ACCOUNTED)
        self.surplus(exchange, rows, f", while a later request has its row ({later})")

    def surplus(self, exchange: Exchange, rows: Sequence[Row], more: str) -> None:
        """Judges an answer that had one pair of rows when it was first looked at, and has more or less now."""
        effect = f"expected {exchange.probe.spec.pair}, found {counted(rows)}{more}"
        self._refute(ACCOUNTED, exchange, rows, effect)

    def later(self, exchange: Exchange, first: Row, rows: Sequence[Row]) -> None:
        """Judges a value or a user that is another at the end of the run than when the row was first seen."""
        (now,) = rows
        if now.value != first.value:
            effect = f"held {describe_value(first.value)} at first, {describe_value(now.value)} at the end of the run"
            for claim in self.claims_of(exchange.probe, Aspect.VALUE):
                self._refute(claim, exchange, rows, effect)
        if now.user != first.user:
            effect = f"accounted to {first.user} at first, to {now.user} at the end of the run"
            for claim in self.claims_of(exchange.probe, Aspect.USER):
                self._refute(claim, exchange, rows, effect)

    def in_common(self, claim: str) -> str:
        """What requests that refute a claim have in common; empty where nothing can be said of several."""
        failed, fared = self.failed[claim], self.fared[claim]
        if len(failed) + len(fared) < 2 or not failed:
            return ""
        found = explain(
            [probe.circumstances for probe in failed],
            [probe.circumstances for probe in fared],
        )
        return str(found) if found.circumstances else ""

    def finding(self, claim: str, exchange: Exchange, rows: Sequence[Row], effect: str) -> Finding:
        """A finding about an answer, with a line that sends the same to the same target."""
        seen = self._observation(exchange, rows)
        found = finding(claim, seen, effect)
        shape = exchange.probe.shape
        condition = found.condition if shape == PLAIN else f"{found.condition}; request: {shape}"
        return replace(
            found, condition=condition, replay=self._replay(seen, shape), weight=exchange.probe.weight
        )

    def _observation(self, exchange: Exchange, rows: Sequence[Row]) -> Observation:
        return Observation(
            exchange.probe, exchange.reply, tuple(rows), self.build, self.url, datetime.now(UTC)
        )

    def _replay(self, seen: Observation, shape: Shape) -> str:
        plain = shape._replace(auth=None, stream=False) == PLAIN
        if self.url.startswith("http:") and seen.probe.email is None and plain:
            where = f"{target_options(self.url)} {DATABASE} {self.options}"
            return f"{replay_command(seen)} {where}{self.given.options}"
        hidden = dict(self.given.hidden)
        if has_account(seen.probe.identity):
            hidden[b"authorization"] = b"Bearer $TOKEN"
        return line_by_hand(self.given.added(seen.probe.request), self.url, hidden)

    def claims_of(self, probe: Probe, kind: Aspect) -> tuple[str, ...]:
        """The claims that one respect of a request's rows is evidence for, of those that are asked."""
        known = self._claims.get((kind, probe.shape.auth))
        if known is not None:
            return known
        claims = claims_of_target(probe, kind, self.build, self.policy)
        asked = tuple([claim for claim in claims if claim in self.results])
        if kind is not Aspect.VALUE:  # which hangs on the header, too
            self._claims[kind, probe.shape.auth] = asked
        return asked

    def _expected(self, probe: Probe) -> Expected:
        return expect_of_stranger(
            probe,
            self.build,
            self.policy,
            address=None if self.overwritten else probe.address,
            signed_in_user=self.accounts.get(probe.auth),
        )

    def _refute(
        self, claim: str, exchange: Exchange, rows: Sequence[Row], effect: str, alike: str = ""
    ) -> None:
        self.results.refute(self.finding(claim, exchange, rows, effect), alike)
        if len(self.failed[claim]) < FARED_MAX:
            self.failed[claim].append(exchange.probe)

    def _fared(self, claim: str, probe: Probe) -> None:
        if len(self.fared[claim]) < FARED_MAX:
            self.fared[claim].append(probe)
