"""What a finding tells: everything that was tried stands in its request and in its replay line."""

from datetime import UTC, datetime

import pytest

from harness.checks.evidence import describe_reply, describe_request, hint_of, replay_command
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.clients.extension import Auth
from harness.clients.shape import PLAIN
from harness.probing.features import SHAPE, TEXT, reply_differences
from harness.probing.probe_factory import plan_caller
from harness.rule.policy import STRICT
from harness.run.headers import judge_headers
from harness.sut.observation import Observation
from harness.verdict import Claim, Results, Status

DONE = Reply(Outcome.REPLY, 200, ((b"content-type", b"application/json"),), b'{"id": "gen-1", "created": 7}')


def observed(*lines: HeaderLine, reply: Reply = DONE) -> Observation:
    one = plan_caller().probe(lines, PLAIN._replace(auth=Auth.JUNK), address="2001:db8::1", kind="k")
    return Observation(one, reply, (), "after", "a stage", datetime.now(UTC))


def test_replay_line_names_every_header_that_was_tried() -> None:
    seen = observed((b"x_posthog_distinct_id", b"abc"), (b"X-PostHog-Distinct-Id", b"\xe9"))
    line = replay_command(seen)
    assert "'--line=x_posthog_distinct_id: abc'" in line
    assert r"'--line=X-PostHog-Distinct-Id: \xe9'" in line
    assert "authorization" not in line.lower()
    assert "'--auth=junk token'" in line
    assert '"x_posthog_distinct_id": "abc"' in describe_request(seen)


def test_reply_that_loses_its_id_differs() -> None:
    other = Reply(Outcome.REPLY, 200, DONE.headers, b'{"id": "gen-2", "created": 8}')
    bare = Reply(Outcome.REPLY, 200, DONE.headers, b'{"created": 8}')
    assert reply_differences(other, DONE) == []
    assert reply_differences(bare, DONE) == [SHAPE, TEXT]


def test_reply_to_a_header_of_another_name_is_compared_too() -> None:
    claim = Claim("V4", "", "", "")
    results = Results((claim,))
    failed = Reply(Outcome.REPLY, 500, DONE.headers, b"{}")
    judge_headers(results, [observed(), observed((b"x_posthog_distinct_id", b"abc"), reply=failed)], STRICT)
    assert results.judgements()[0].status is Status.REFUTED


def said(status: int, body: bytes, **headers: str) -> Reply:
    lines = tuple(
        (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()
    )
    return Reply(Outcome.REPLY, status, lines, body)


@pytest.mark.parametrize(
    ("reply", "told", "hint"),
    [
        (
            said(307, b"", location="https://x.example.com/sso?token=geheim"),
            'to "https://x.example.com/sso" with ?...',
            "sign in",
        ),
        (said(308, b"", location="https://x.example.com/"), 'to "https://x.example.com/"', "redirects to"),
        (said(302, b"", location="/login#geheim"), 'to "/login" with #...', "--request-header"),
        (said(301, b"", location="//me:geheim@x/"), 'to "//***@x/"', "redirects to"),
        (said(303, b"", location="/\xff\x1b[31m"), r'"/\xc3\xbf\x1b[31m"', "redirects to"),
        (said(302, b"", location=""), 'a redirect to ""', "redirects to"),
        (said(304, b""), "304 without content type, id missing", "--free-model"),
        (
            said(200, b"\x1f\x8b", content_encoding="gzip"),
            'compressed (content-encoding "gzip")',
            "Accept-Encoding",
        ),
        (
            said(200, b"x", content_encoding="br, GZIP"),
            'compressed (content-encoding "br, GZIP")',
            "Accept-Encoding",
        ),
        (said(200, b"x", content_encoding="identity"), "id missing", "--free-model"),
        (
            said(200, b"x", transfer_encoding="gzip, chunked"),
            'compressed (transfer-encoding "gzip")',
            "Accept-Encoding",
        ),
        (said(200, b"x", transfer_encoding="chunked"), "id missing", "--free-model"),
        (said(200, b"x", content_encoding="zstd", content_type="text/html"), "compressed", "Accept-Encoding"),
        (said(200, b"<html>", content_type="text/html; charset=utf-8"), "text/html", "--request-header"),
        (
            said(401, b"{}", content_type="application/json"),
            "401 application/json, id missing",
            "--request-header",
        ),
        (said(403, b""), "403 without content type", "--request-header"),
        (
            said(404, b"{}", content_type="application/json"),
            "404 application/json, id missing",
            "--free-model",
        ),
        (Reply(Outcome.TIMEOUT, 0), "timeout", ""),
        (Reply(Outcome.REFUSED, 400), "refused (400)", "--free-model"),
    ],
)
def test_why_a_reply_has_no_id_is_told_with_what_to_try(reply: Reply, told: str, hint: str) -> None:
    assert told in describe_reply(reply)
    assert hint in hint_of(reply)
    assert bool(hint) is bool(hint_of(reply))
    assert "geheim" not in describe_reply(reply)


def test_a_reply_that_was_decoded_on_the_way_is_told_by_its_id() -> None:
    reply = said(200, b'{"id": "gen-1"}', content_encoding="gzip")
    assert describe_reply(reply) == "200 without content type, id gen-1"
