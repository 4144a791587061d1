"""Which claims a request with its reply and its rows is evidence for, and the findings where these are not as expected.

Takes observations of backends whose builds are ours; `checks/gate.py` does the same for somebody's.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from harness.checks.evidence import describe_reply, describe_value, finding
from harness.checks.registry import Observed, Outcomes, check, run_checks
from harness.clients.exchange import Outcome
from harness.clients.extension import ExtensionBuild
from harness.clients.request_spec import RequestSpec
from harness.probing.features import reply_differences
from harness.probing.judge import Aspect, Difference, counted, expect, judge
from harness.rollout.identities import has_account
from harness.rule.accepted_values import has_one_length
from harness.rule.cases import Kind
from harness.rule.policy import Policy, utf16_length
from harness.sut.observation import Observation, Probe, Row
from harness.verdict import Results

STORED: Final = "V1"
LIMIT: Final = "V2"
NOT_STORED: Final = "V3"
REPLY: Final = "V4"
MISSING: Final = "V5"
REFUSED: Final = "V6"
IDENTITY: Final = "I1"
ADDRESS: Final = "I2"
IGNORED: Final = "C1"
OLD_CLIENT: Final = "C2"
ACCOUNTED: Final = "R1"
NAME: Final = "V8"
AT_ONCE: Final = "V9"
MALFORMED: Final = "V10"
OTHER_COLUMNS: Final = "R3"

VALUES: Final = (STORED, LIMIT, NOT_STORED, MISSING)


class CheckedExchange(NamedTuple):
    """A request with its reply and its rows, and what both are held to."""

    observation: Observation
    policy: Policy
    aspects: Collection[Aspect] = tuple(Aspect)
    """In which respects its rows are judged."""
    control: Observation | None = None
    """Sent without the header in the same circumstances: its reply is held to that one's. None: to none."""


def judge_rows(
    results: Results,
    observations: Iterable[Observation],
    policy: Policy,
    kinds: Collection[Aspect] = tuple(Aspect),
) -> None:
    """Feeds the checks over exchanges with requests, whose rows are judged in the respects that are given."""
    run_checks(results, (CheckedExchange(observation, policy, kinds) for observation in observations))


@check(ACCOUNTED, IDENTITY, ADDRESS, *VALUES, IGNORED, OLD_CLIENT, over=CheckedExchange)
def rows_are_as_expected(exchange: CheckedExchange) -> Outcomes:
    """The rows of a request that HTTP lets pass, in each respect.

    R1: one usage row with its metadata row. I1, I2: under the user who asked. V1 to V3, V5, I1, C1, C2: the value.
    """
    observation, policy, kinds, _ = exchange
    if observation.probe.refused:
        return
    identified = observation.reply.upstream_id is not None
    for kind in kinds:
        for claim in claims_of(observation, kind, policy):
            yield Observed(claim, _times(observation, kind, identified=identified))
    expected = expect(observation.probe, observation.served_by, policy)
    for difference in judge(observation.rows, expected):
        if difference.kind not in kinds or (difference.kind is Aspect.PAIRS and not identified):
            continue
        for claim in claims_of(observation, difference.kind, policy):
            yield finding(claim, observation, effect_of(difference, observation.rows, observation.probe.spec))


@check(REFUSED, over=CheckedExchange)
def refused_by_http(exchange: CheckedExchange) -> Outcomes:
    """V6: what HTTP refuses ends as a refusal, by 400, 431 or a closed connection, and leaves no row."""
    observation = exchange.observation
    if not observation.probe.refused:
        return
    effect = ""
    if observation.reply.outcome is not Outcome.REFUSED:
        effect = "answered or left hanging, expected a refusal by the HTTP layer"
    elif observation.rows:
        effect = "left a row, expected none"
    yield REFUSED, finding(REFUSED, observation, effect) if effect else None


@check(REPLY, IGNORED, over=CheckedExchange)
def reply_is_that_of_the_control(exchange: CheckedExchange) -> Outcomes:
    """V4, and C1's half of it: a reply equals that without a header but for ids and times."""
    observation, control = exchange.observation, exchange.control
    claim = IGNORED if observation.served_by == "before" else REPLY
    if control is None or (claim == IGNORED and not observation.probe.header):
        return  # says nothing of the header; to `after` it says that none of an earlier request is at work
    yield Observed(claim)
    if reply_differences(observation.reply, control.reply):
        effect = f"the reply differs from that without the header: {describe_reply(control.reply)}"
        yield finding(claim, observation, effect)


def claims_of(observation: Observation, kind: Aspect, policy: Policy) -> tuple[str, ...]:
    """The claims that one respect of a request's rows is evidence for."""
    probe = observation.probe
    if kind is Aspect.PAIRS:
        return (ACCOUNTED,)
    if kind is Aspect.USER:
        return (IDENTITY if has_account(probe.identity) else ADDRESS,)
    sends_nothing = probe.extension is ExtensionBuild.BEFORE and not probe.lines and probe.email is None
    if observation.served_by == "before":
        return (IGNORED,) if probe.lines else (OLD_CLIENT,) if sends_nothing else ()
    if probe.email is not None:
        return (IDENTITY,)
    own = (IDENTITY,) if has_account(probe.identity) else ()
    if probe.lines:
        return (header_claim(probe.lines, policy), *own)
    return (MISSING, *own, OLD_CLIENT) if sends_nothing else (MISSING, *own)


def claims_of_target(probe: Probe, kind: Aspect, build: str, policy: Policy) -> tuple[str, ...]:
    """The same for a request to somebody's backend that is expected to be of a build."""
    signed_in = has_account(probe.identity)
    if kind is Aspect.PAIRS:
        return (ACCOUNTED,)
    if kind is Aspect.USER and probe.identity.user is None:
        return ()
    if kind is Aspect.USER:
        return (ADDRESS if not signed_in else IDENTITY if build == "after" else OLD_CLIENT,)
    if build == "before":
        return (OLD_CLIENT,) if probe.control else (IGNORED,)
    if probe.email is not None:
        return (IDENTITY,)
    if probe.control:
        return (OLD_CLIENT, MISSING) if probe.follows else (OLD_CLIENT,)
    if probe.at_once:
        return (AT_ONCE,)
    if probe.refused:
        return (MALFORMED,)
    return (NAME if probe.kind in _NAMES else header_claim(probe.lines, policy),)


def header_claim(lines: Sequence[bytes], policy: Policy) -> str:
    """The claim that the value stored for these lines of the header, at least one, is evidence for."""
    text = policy.reading.text(lines)
    bounded = any(operation.take or operation.match for operation in policy.rule)
    # Where all values are of one length, each is evidence for what is stored, and only one longer for the limit.
    edge = (policy.length_max, policy.length_max + 1)[has_one_length(policy.rule) :]
    at_limit = bounded and text is not None and utf16_length(text) in edge
    # Just as long as allowed, or one longer. Only a text that is valid but for its length is evidence for the limit:
    # one of 256 dots is refused by any limit.
    if at_limit and text is not None and policy.accepted(text[: policy.length_max]) is not None:
        return LIMIT
    return NOT_STORED if policy.stored(lines) is None else STORED


def effect_of(difference: Difference, rows: Sequence[Row], spec: RequestSpec) -> str:
    """A difference in words: what was found, and what was expected."""
    row = difference.row
    if row is None:
        return f"expected {spec.pair}, found {counted(rows)}"
    if difference.kind is Aspect.USER:
        return f"accounted to {row.user}, expected {difference.expected[0]}"
    expected = " or ".join(map(describe_value, difference.expected))
    return (
        f"stored {describe_value(row.value)}, expected {expected or 'NULL, or a value that the rule accepts'}"
    )


def _times(observation: Observation, kind: Aspect, *, identified: bool) -> int:
    """How many observations a request is: none of what it has not left."""
    if kind is Aspect.PAIRS:
        return int(identified)
    if kind is Aspect.USER:
        return sum(row.user is not None for row in observation.rows)
    return int(any(row.whole for row in observation.rows))


_NAMES: Final = (Kind.NAME_CASE, Kind.OTHER_NAME)
"""Kinds of header whose name is the point."""
