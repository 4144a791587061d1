"""Lines of the user's own: what is taken, what is refused without a word of its value, and how replies lose them."""

import pytest

from harness import plan
from harness.clients.exchange import FRAMING, Outcome, Reply
from harness.clients.extra_headers import BYTES_MAX, NONE_GIVEN, ExtraHeaders
from harness.clients.request_spec import plain_shapes, plan_spec
from harness.clients.shape import PLAIN
from harness.errors import UsageError

SECRET = "s3cret+value/of=mine"
BYPASS = f"x-vercel-protection-bypass: {SECRET}"


def reply(body: str, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(Outcome.REPLY, 200, headers, body.encode())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("geheim", "no NAME"),
        (": geheim", "no NAME"),
        ("x y: geheim", "no NAME"),
        ("x\u00e9: geheim", "no NAME"),
        ("x-bypass:", "x-bypass has no value"),
        ("x-bypass:   ", "x-bypass has no value"),
        ("x-bypass: geheim\x00", "beyond printable ASCII"),
        ("x-bypass: geh\r\neim: x", "beyond printable ASCII"),
        ("x-bypass: gehe\u00efm", "beyond printable ASCII"),
        ("X-PostHog-Distinct-Id: geheim", "that is rolled out"),
        ("x_posthog_distinct_id: geheim", "vary x_posthog_distinct_id themselves"),
        ("Authorization: Basic geheim", "vary Authorization themselves"),
        ("cookie: geheim", "vary cookie themselves"),
        ("x-forwarded-for: geheim", "vary x-forwarded-for themselves"),
        ("Content-Length: geheim", "frames the message"),
        ("Transfer-Encoding: geheim", "frames the message"),
        ("Host: geheim", "frames the message"),
        ("x-bypass: geheim" + "x" * BYTES_MAX, "at most"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_never_quoted(line: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        ExtraHeaders.read([line])
    assert "geh" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(FRAMING | {plan.HEADER.encode()}))
def test_no_name_that_frames_is_taken(name: bytes) -> None:
    with pytest.raises(UsageError):
        ExtraHeaders.read([f"{name.decode().title()}: geheim"])


def test_no_name_that_any_shape_sends_is_taken() -> None:
    shapes = [PLAIN, *plain_shapes(plan_spec())]
    given = {"model": "m", "token": "t", "organization": "o"}
    sent = [plan_spec().request(shape, given, address="192.0.2.1") for shape in shapes]
    for name in {name for request in sent for name, _ in request.headers}:
        with pytest.raises(UsageError):
            ExtraHeaders.read([f"{name.decode()}: geheim"])


def test_blank_lines_and_blanks_around_a_value_are_left_out() -> None:
    given = ExtraHeaders.read(["", "  ", f"  x-a:{SECRET}  \r", "CF-Access-Client-Id: b.access"])
    assert given.lines == ((b"x-a", SECRET.encode()), (b"CF-Access-Client-Id", b"b.access"))
    assert SECRET not in repr(given)
    assert (
        given.options
        == ' --request-header "x-a: $X_A" --request-header "CF-Access-Client-Id: $CF_ACCESS_CLIENT_ID"'
    )


@pytest.mark.parametrize(
    ("value", "echo", "left"),
    [
        (SECRET, f'{{"id": "gen-1", "got": "{SECRET}"}}', '{"id": "gen-1", "got": "***"}'),
        (SECRET, f"<p>{SECRET}</p>", "<p>***</p>"),
        (SECRET, "/?bypass=s3cret%2Bvalue%2Fof%3Dmine", "/?bypass=***"),
        ('quo"ted\\value', r'{"got": "quo\"ted\\value"}', '{"got": "***"}'),
        ("a<b>&long-value", "a&lt;b&gt;&amp;long-value", "***"),
        ("Basic dXNlcjpwYXNz", '"dXNlcjpwYXNz" and "Basic"', '"***" and "Basic"'),
        ("geheim", '{"got": "geheim", "geheimnis": 1}', '{"got": "***", "geheimnis": 1}'),
        ("123456", '{"created": 123456, "got": "123456"}', '{"created": 123456, "got": "***"}'),
        ("1", '{"n": 1, "got": "1"}', '{"n": 1, "got": "1"}'),
        ("data", 'data: {"id": "data"}\n\n', 'data: {"id": "data"}\n\n'),
    ],
)
def test_a_reply_loses_what_it_echoes_and_stays_what_it_is(value: str, echo: str, left: str) -> None:
    given = ExtraHeaders.read([f"x-bypass: {value}"])
    assert given.masked_reply(reply(echo)).body.decode() == left


def test_echoes_in_headers_and_reasons_are_masked() -> None:
    given = ExtraHeaders.read([BYPASS, "x-short: geheim"])
    told = given.masked_reply(reply("", (b"x-echo", SECRET.encode()), (b"vary", b"geheim, geheimnis")))
    assert told.headers == ((b"x-echo", b"***"), (b"vary", b"***, geheimnis"))
    assert given.masked(f"row holds {SECRET}, not geheim") == "row holds ***, not ***"
    same = reply(SECRET)
    assert NONE_GIVEN.masked_reply(same) is same
    assert NONE_GIVEN.masked(SECRET) == SECRET


def test_octets_hold_whatever_is_masked_in_them() -> None:
    given = ExtraHeaders.read([BYPASS, "x-short: geheim", 'x-quoted: quo"ted\\value'])
    for echo in (SECRET, "s3cret%2Bvalue%2Fof%3Dmine", "as geheim, yes", r"quo\"ted\\value"):
        assert given.masked(echo) != echo
        assert given.is_in(f"more before it {echo} and behind".encode())
    assert not given.is_in(b"nothing of it")
    assert not NONE_GIVEN.is_in(SECRET.encode())
