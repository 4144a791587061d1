"""The claims of a rollout as items of pytest: one each, judged together by one run of what they need."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pytest

from harness.errors import UnavailableError, UsageError
from harness.report.phrases import plain_parts
from harness.verdict import Claim, Judgement, Status

if TYPE_CHECKING:
    from harness.report.document import Report

MARK: Final = "rollout_claim"
Judge = Callable[[frozenset[str]], "Report"]
"""Judges the claims with these ids, and perhaps others."""

REPORT: Final = pytest.StashKey["Report | Exception"]()
"""Or what kept the run from making one, which no other item tries again."""


class RefutedError(Exception):
    """A claim does not hold, or nobody knows: what pytest shows of it."""


class Claims(pytest.Collector):
    """All claims that are judged, one item each."""

    claims: tuple[Claim, ...]
    judge: Judge
    shared: Path | None
    """Where workers of xdist hand each other the report; None where there is one process."""

    @classmethod
    def of(
        cls, session: pytest.Session, claims: tuple[Claim, ...], judge: Judge, shared: Path | None
    ) -> Self:
        """The collector below a session."""
        collector: Self = cls.from_parent(session, name="rollout", nodeid="rollout")
        collector.claims, collector.judge, collector.shared = claims, judge, shared
        return collector

    def collect(self) -> Iterator["ClaimItem"]:
        """An item for each claim."""
        for claim in self.claims:
            yield ClaimItem.from_parent(self, name=claim.id, claim=claim)

    def report(self, session: pytest.Session) -> "Report":
        """The report on the items that were selected, made when the first of them runs.

        Raises what the run raised, for each item again.
        """
        stash = session.config.stash
        if REPORT not in stash:
            chosen = frozenset(item.claim.id for item in session.items if isinstance(item, ClaimItem))
            try:
                stash[REPORT] = _shared_report(self.shared, lambda: self.judge(chosen))
            except Exception as error:
                stash[REPORT] = error
        report = stash[REPORT]
        if isinstance(report, Exception):
            raise report
        return report


class ClaimItem(pytest.Item):
    """One claim. It passes where it is proven, and fails where it is refuted or unknown."""

    def __init__(self, *, claim: Claim, **given: Any) -> None:
        super().__init__(**given)
        self.claim = claim
        self.add_marker(MARK)
        self.keywords[claim.sentence] = True

    def runtest(self) -> None:
        """Raises RefutedError unless it is proven; skips what was waived."""
        assert isinstance(self.parent, Claims)
        try:
            report = self.parent.report(self.session)
        except (UsageError, UnavailableError) as error:
            raise RefutedError(f"unknown, as nothing could be run: {error}") from None
        judgement = next((one for one in report.judgements if one.id == self.claim.id), None)
        if judgement is None:
            raise RefutedError(f"unknown: the run has no {self.claim.id}\n" + "\n".join(report.remarks))
        self.user_properties.append(("observed", judgement.observed))
        self.user_properties.append(("method", str(judgement.method)))
        if judgement.status is Status.REFUTED:
            raise RefutedError("\n".join(refuted_lines(judgement, report.command)))
        if judgement.waived:
            pytest.skip(f"waived: {judgement.waived}")
        if judgement.status is Status.UNKNOWN:
            raise RefutedError(f"unknown, which is not good: {judgement.detail}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding alone, without a traceback; anything else as pytest shows it."""
        if isinstance(excinfo.value, RefutedError):
            return f"{self.claim.id}: {self.claim.sentence}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        """What stands in a line of its own with -v."""
        return "rollout", None, f"{self.claim.id} {self.claim.sentence}"


def refuted_lines(judgement: Judgement, command: str) -> Iterator[str]:
    """What refutes a claim, each finding with its evidence and the line that shows it again."""
    yield f"refuted by {judgement.refuting:,} of {judgement.observed:,} observations"
    for finding in judgement.findings:
        yield f"  {finding.effect}"
        for name, text in plain_parts(finding):
            yield f"    {name:<10} {text}"
        if not finding.replay:
            yield f"    {'again':<10} {command}"


def _shared_report(file: Path | None, judge: Callable[[], "Report"]) -> "Report":
    from harness.report.document import from_json, to_json

    if file is None:
        return judge()
    with _only_one(file.with_suffix(".lock")):
        if not file.exists():
            report = judge()
            file.write_text(to_json(report), encoding="ascii")
        return from_json(file.read_text(encoding="ascii"))


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Held by one worker at a time; given back by the system if that is killed."""
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
