"""Nothing secret and nothing that a terminal would act on gets through."""

import pytest

from harness.report.escape import masked, shown, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("as signed.in@example.com", "as s***@***"),
        ("signed.in@example.com: stored", "s***@***: stored"),
        ("Authorization: Bearer eyJhbGciOi.x.y", "Authorization: Bearer ***"),
        ("postgresql://me:secret@db.example.com:5432/x", "postgresql://me:***@db.example.com:5432/x"),
        ("me@db.example.com:5432/x refuses", "me@db.example.com:5432/x refuses"),
        ("me@127.0.0.1:1/x refuses", "me@127.0.0.1:1/x refuses"),
        ("host=x password='a b' user=y", "host=x password=*** user=y"),
    ],
)
def test_masked_hides_people_tokens_and_passwords_only(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", '""'),
        (b"a\x1b[31m\\\x00\xe9", r'"a\x1b[31m\x5c\x00\xe9"'),
        (b"a" * 19, '"' + "a" * 19 + '"'),
        (b"a" * 20, '"a" * 20'),
        (b"a" * 255, '"a" * 255'),
        (b"a" * 254 + b"!", '"a" * 254 + "!"'),
        (b"vscode-" + b"0" * 248, '"vscode-" + "0" * 248'),
        (b"a" * 128 + b"b" * 128, '"a" * 128 + "b" * 128'),
        (b"x" + b" " * 30 + b"y", '"x" + " " * 30 + "y"'),
        (b"\xff" * 300, r'"\xff" * 300'),
        (b"\n" * 40, r'"\x0a" * 40'),
        (b"ab" * 150, f'"{"ab" * 40}"... (300 bytes)'),
        (b"ab" * 40 + b"c" * 40, f'"{"ab" * 40}"... (120 bytes)'),
        ("\ud800", r'"\xed\xa0\x80"'),
    ],
)
def test_shown_escapes_bytes_and_tells_long_values_shortly(raw: bytes | str, expected: str) -> None:
    assert shown(raw) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 中 ✓\n\tindented", "plain é 中 ✓\n\tindented"),
        ("\x00\x07\x1b[31m\r\x7f\x85", r"\x00\x07\x1b[31m\x0d\x7f\x85"),
        ("abc\u202etxt\u200b\ufeff\u2028", r"abc\u202etxt\u200b\ufeff\u2028"),
        ("\ud800 \ufffe \uffff \U0001fffe", r"\ud800 \ufffe \uffff \U0001fffe"),
    ],
)
def test_visible_shows_what_could_not_be_seen(text: str, expected: str) -> None:
    assert visible(text) == expected


DSN = "postgresql://me:geheim@db.example.com/x"
MASKED = "postgresql://me:***@db.example.com/x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"cannot use '{DSN}' and go on", f"cannot use '{MASKED}' and go on"),
        (f'"{DSN}", then', f'"{MASKED}", then'),
        (f"(see {DSN}).", f"(see {MASKED})."),
        (f"{DSN}, {DSN}", f"{MASKED}, {MASKED}"),
        ("postgresql://me:p@ss'w@db/x", "postgresql://me:***@db/x"),
        (
            "postgresql://me@db/x?password=geheim&sslmode=require",
            "postgresql://me@db/x?password=***&sslmode=require",
        ),
        ("'postgresql://me@db/x?password=geheim' and so", "'postgresql://me@db/x?password=***' and so"),
        ("'postgresql://me@db.example.com' and so", "'postgresql://me@db.example.com' and so"),
        ("https://x.example.com/?token=geheim#top", "https://x.example.com/?token=***"),
        ("'host=h password=geheim' and so", "'host=h password=***' and so"),
        ("'host=h password=' and 'user=me'", "'host=h password=' and 'user=me'"),
        ("host=h password = geheim, user=me", "host=h password = ***, user=me"),
        (r"password='it\'s' user=me", "password=*** user=me"),
        ("password=it's user=me", "password=*** user=me"),
        ("password='cut off", "password=***"),
        ("sslpassword=geheim PGPASSWORD=geheim psql", "sslpassword=*** PGPASSWORD=*** psql"),
        ("HARNESS_AUTH_TOKEN=geheim and", "HARNESS_AUTH_TOKEN=*** and"),
        ("-H 'x-api-key: geheim' -d x", "-H 'x-api-key: ***' -d x"),
        ('-H "x-vercel-protection-bypass: $X_BYPASS" -d', '-H "x-vercel-protection-bypass: $X_BYPASS" -d'),
        ("[password=geheim], (PASSWORD=geheim)", "[password=***], (PASSWORD=***)"),
        ("redis://:geheim@cache:6379/0 amqp://u:ge:heim@h", "redis://:***@cache:6379/0 amqp://u:***@h"),
        ("CREATE ROLE me PASSWORD 'geheim' LOGIN", "CREATE ROLE me PASSWORD *** LOGIN"),
        ("-H 'authorization: Bearer abc' -d x", "-H 'authorization: Bearer ***' -d x"),
        ('{"authorization":"Bearer abc","x":1}', '{"authorization":"Bearer ***","x":1}'),
        (r'"{\"authorization\": \"Bearer abc\"}"', r'"{\"authorization\": \"Bearer ***\"}"'),
        ("(Bearer abc), then", "(Bearer ***), then"),
        ("-H 'authorization: Bearer not-provided'", "-H 'authorization: Bearer not-provided'"),
        ("Bearer not-provided-but-secret", "Bearer ***"),
        ('-H "authorization: Bearer $TOKEN" -d x', '-H "authorization: Bearer $TOKEN" -d x'),
        ("password=$ecret and Bearer $ecret.", "password=*** and Bearer ***."),
        ("authorization: Basic dXNlcjpwdw== and", "authorization: Basic *** and"),
        ("as eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.a-_1, so", "as ***, so"),
        ('{"password": "ge\\"heim", "x": 1}', '{"password": "***", "x": 1}'),
        ("mail me@example.com, or 'you@example.com'.", "mail m***@***, or 'y***@***'."),
        ("--auth-token and --auth-email go together", "--auth-token and --auth-email go together"),
        ("--auth-token 'it'\"'\"'s' --level smoke", "--auth-token *** --level smoke"),
        ("http://127.0.0.1:3000/x is no DSN", "http://127.0.0.1:3000/x is no DSN"),
        ("max_tokens=256, input_tokens: 0", "max_tokens=256, input_tokens: 0"),
    ],
)
def test_masked_leaves_what_stands_around_a_secret(text: str, expected: str) -> None:
    assert masked(text) == expected
    assert masked(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gate --auth-token eyJ.x.y --level smoke", "gate --auth-token *** --level smoke"),
        ("--auth-token='a b' --password=x", "--auth-token=*** --password=***"),
    ],
)
def test_masked_hides_the_value_of_a_secret_option(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_masked_finds_each_kind_of_secret_in_capitals_too() -> None:
    samples = (
        "see http://me:geheim@db",
        "?token=geheim",
        "--AUTH-TOKEN geheim",
        "PGPASSWORD=geheim",
        "X-API-KEY: geheim",
        "PASSWORD 'geheim'",
        '"API_KEY" : "geheim"',
        "AUTHORIZATION: Basic geheim",
        "BEARER geheim",
        "EYJgeheim.x.y",
    )
    for sample in samples:
        assert "geheim" not in masked(sample)
