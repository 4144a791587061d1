"""What a finding tells: everything that was tried stands in its request and in its replay line."""

from datetime import UTC, datetime

from harness.checks.compatibility import judge_replies
from harness.checks.evidence import comparable, describe_request, replay_command
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.clients.extension import Auth, ExtensionBuild
from harness.rollout.matrix import SignedIn, probe
from harness.target import Observation
from harness.verdict import Claim, Docket, Status

NOBODY = SignedIn("", "", "")
DONE = Reply(Outcome.REPLY, 200, ((b"content-type", b"application/json"),), b'{"id": "gen-1", "created": 7}')


def observed(*lines: HeaderLine, reply: Reply = DONE) -> Observation:
    one = probe(NOBODY, "2001:db8::1", ExtensionBuild.AFTER, Auth.JUNK, kind="k", lines=lines, stream=False)
    return Observation(one, reply, (), "after", "a stage", datetime.now(UTC))


def test_replay_line_names_every_header_that_was_tried() -> None:
    seen = observed((b"x_posthog_distinct_id", b"abc"), (b"X-PostHog-Distinct-Id", b"\xe9"))
    line = replay_command(seen)
    assert "'--line=x_posthog_distinct_id: abc'" in line
    assert r"'--line=X-PostHog-Distinct-Id: \xe9'" in line
    assert "authorization" not in line.lower()
    assert "'--auth=junk token'" in line
    assert '"x_posthog_distinct_id": "abc"' in describe_request(seen)


def test_reply_that_loses_its_id_differs_and_one_with_another_id_does_not() -> None:
    other = Reply(Outcome.REPLY, 200, DONE.headers, b'{"id": "gen-2", "created": 8}')
    bare = Reply(Outcome.REPLY, 200, DONE.headers, b'{"created": 8}')
    assert comparable(other) == comparable(DONE)
    assert comparable(bare) != comparable(DONE)


def test_reply_to_a_header_of_another_name_is_compared_too() -> None:
    claim = Claim("V4", "", "", "")
    docket = Docket((claim,))
    failed = Reply(Outcome.REPLY, 500, DONE.headers, b"{}")
    judge_replies(docket, [observed(), observed((b"x_posthog_distinct_id", b"abc"), reply=failed)])
    assert docket.judgements()[0].status is Status.REFUTED
