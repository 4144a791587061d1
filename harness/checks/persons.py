"""Judges the plan's goal against PostHog's own limits: ids that the rule lets through and that lead to no person.

Each id is sent with a request through a standing backend, and an event is captured under it with the official package.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from harness import plan
from harness.checks.evidence import finding
from harness.checks.linkability import EVENT, observe
from harness.checks.persistence import WORKAROUNDS
from harness.clients import analytics
from harness.clients.analytics import Analytics
from harness.clients.extension import Auth, ExtensionBuild, Installation, plan_header, request
from harness.clients.persons import ID_LENGTH_MAX, NOBODY
from harness.errors import UnavailableError
from harness.report.escape import shown
from harness.rule.policy import STRICT
from harness.stages.environment import Environment
from harness.sut import Observation, Probe
from harness.verdict import Results

NOBODYS: Final = "E13"
CUT: Final = "E14"

CONTROL: Final = "a" * ID_LENGTH_MAX
"""The longest id that an event keeps whole: what is asked here is unknown where this one does not lead to its event."""
LONGER: Final = ("b" * (ID_LENGTH_MAX + 1), "c" * plan.LENGTH_MAX)
NOBODYS_VALID: Final = tuple(one for one in NOBODY if STRICT.accepted(one))


async def judge_persons(
    results: Results, environment: Environment, origin: Iterator[str]
) -> list[Observation]:
    """Judges the audit's E13 and E14 on a stage with an `after` replica; returns its requests where events went out.

    `origin` gives each request an address of its own. Both are unknown where the analytics package cannot run, where
    no replica is `after`, or where the longest good id does not lead to its event. Raises UnavailableError when the
    analytics stand-in cannot listen.
    """
    ids = (CONTROL, *LONGER, *NOBODYS_VALID)
    probes = [_probe(one, next(origin)) for one in ids]
    async with analytics.analytics() as server:
        try:
            seen = await observe(environment, probes)
            await analytics.send(server.origin, [analytics.capture(EVENT, one) for one in ids])
        except UnavailableError as error:
            for claim in (NOBODYS, CUT):
                results.inconclusive(claim, str(error))
            return []
        control, longer, nobodys = seen[0], seen[1 : 1 + len(LONGER)], seen[1 + len(LONGER) :]
        if len(_lost(server, [control])) or _stored(control) is None:
            for claim in (NOBODYS, CUT):
                results.inconclusive(
                    claim, f"an id of {ID_LENGTH_MAX} characters did not lead to its event either"
                )
            return seen
        judge_ids(results, NOBODYS, server, nobodys)
        judge_ids(results, CUT, server, longer)
    return seen


def judge_ids(results: Results, claim: str, server: Analytics, seen: Sequence[Observation]) -> None:
    """Judges that each stored id leads to its event; one that is not stored leads nowhere, and nobody astray."""
    results.observed(claim, len(seen))
    lost = _lost(server, seen)
    if lost:
        told = ", ".join(_told(value) for _, value in lost)
        effect = f"stored {len(lost)} of {len(seen)} ids whose events belong to no person of that id: {told}"
        results.refute(finding(claim, lost[0][0], effect, WORKAROUNDS.get(claim, "")))


def _lost(server: Analytics, seen: Sequence[Observation]) -> list[tuple[Observation, str]]:
    stored = [(one, value) for one in seen if (value := _stored(one)) is not None]
    return [(one, value) for one, value in stored if not server.events_of(value)]


def _stored(seen: Observation) -> str | None:
    return next((row.value for row in seen.rows if row.whole and row.value is not None), None)


def _told(value: str) -> str:
    if len(value) <= ID_LENGTH_MAX:
        return shown(value)
    return f"one of {len(value)} characters, cut at {ID_LENGTH_MAX}"


def _probe(value: str, address: str) -> Probe:
    lines = plan_header(value)
    return Probe(
        request=request(Installation(value), ExtensionBuild.AFTER, address=address, header=lines),
        kind="an id that leads to no person" if value != CONTROL else "the longest id that leads to a person",
        extension=ExtensionBuild.AFTER,
        auth=Auth.ANONYMOUS,
        stream=False,
        user=plan.ANONYMOUS_PREFIX + address,
        email=None,
    )
