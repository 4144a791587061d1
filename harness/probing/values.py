"""Valid values that look like something else to some layer, and values that fail a hurried rule. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from harness.clients.id_client import plans_client
from harness.errors import UsageError
from harness.rule.accepted_values import AcceptedValues
from harness.rule.policy import FIELD_BYTES, Policy
from harness.rule.suite import about_parts

NUMBERS: Final = (
    "0", "007", "-1", "1e3", "1E5", "1E-7", "0x1F", "0b101", "0o17", "1_000", "-0",
    "9007199254740993", "18446744073709551616", "Infinity", "-Infinity", "NaN", "1-1",
)  # fmt: skip
DATES: Final = (
    "2026-01-02", "20260102", "2026-01-02T030405Z", "12-31-1999", "1700000000000", "2026-13-31",
)  # fmt: skip
WORDS: Final = (
    "true", "false", "TRUE", "yes", "no", "on", "off", "t", "null", "NULL", "undefined", "None", "nil", "nan",
    "anonymous", "guest", "user_id", "email", "select", "DEFAULT", "default", "admin", "test",
)  # fmt: skip
IDS: Final = (
    "0192d4e8-6f3a-7c21-9b4e-5a1f8c3d7e60",
    "0192D4E8-6F3A-7C21-9B4E-5A1F8C3D7E61",
    "00000000-0000-0000-0000-000000000000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
    "da39a3ee5e6b4b0d3255bfef95601890afd80708",
    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B854",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "01JDXW8Q4S0M3ZC7V5N2K9T6RB",
    "V1StGXR8_Z5jdHi6B-myT",
    "eyJhbGciOiJIUzI1NiJ9",
    "aGVsbG8_d29ybGQ-",
    "eyJzdWIiOiJhIn0",
    "aGVsbG8",
    "AbCdEfGhIj",
    "0123456789abcdef",
    "507f1f77bcf86cd799439011",
    "sk-0123456789abcdefABCDEF",
)
PROPERTIES: Final = ("constructor", "__proto__", "toString", "hasOwnProperty", "length")
SEPARATORS: Final = (
    "-", "_", "--", "__", "a--b", "a__b", "a-_b", "-a", "a-", "_a", "a_", "--a--", "__a__", "x---y___z", "z-",
)  # fmt: skip
REPEATED: Final = ("a" * 16, "0" * 8, "Z" * 64, "_" * 32, "-" * 12)
"""One character over and over: a rule against junk refuses it."""
WRAPPED: Final = (
    b"UTF-8''abc", b"=?utf-8?q?abc?=", b":YWJj:", b'W/"abc"', b"{abc}", b"urn:uuid:abc", b"Basic abc", b"id=abc",
    b'{"id":"abc"}', b"\\u0061bc", b"~abc",
)  # fmt: skip
"""A short value as it is written elsewhere: extended, encoded and structured fields (RFC 8187, 2047, 8941), JSON."""
LONG_MAX: Final = 2048
"""Where a rule has no bound, or a higher one, values of so many characters are its long ones."""
ALMOST_OF: Final = 3
"""Valid values that are changed a little."""
LENGTHS: Final = (1, 2, 8, 16, 32, 36, 63, 64, 65, 100, 127, 128, 129, 191, 192, 200, 201, 250)
"""Lengths at which columns, caches and analytics services cut."""


VALID_LEAST: Final = 40
"""So many valid values are drawn from the rule where fewer of these are such."""


def longest_valid(policy: Policy) -> int:
    """Length of the longest values that are tried as valid ones."""
    return min(policy.length_max, LONG_MAX)


def valid_values(policy: Policy, accepted: AcceptedValues) -> list[bytes]:
    """Values that the policy stores as they are, the most telling of each group first, each once; at least one.

    Raises UsageError where none is found.
    """
    known = _known(policy)
    more = [accepted.draw() for _ in range(VALID_LEAST if len(known) < VALID_LEAST else 0)]
    kept = [value for value in accepted.examples if policy.stored([value]) == value.decode("latin-1")]
    found = list(dict.fromkeys(value for value in (*known, *kept, *more) if value))
    if not found:
        raise UsageError("no value is known that the rule stores as it is; give one as header.examples")
    return found


def _known(policy: Policy) -> list[bytes]:
    groups = [
        NUMBERS,
        DATES,
        WORDS,
        IDS,
        PROPERTIES,
        SEPARATORS,
        tuple(_extension_ids()),
        tuple(_long(policy)),
        REPEATED,
    ]
    turns = max(map(len, groups))
    mixed = [group[turn] for turn in range(turns) for group in groups if turn < len(group)]
    return [value.encode("latin-1") for value in dict.fromkeys(mixed) if policy.accepted(value) == value]


def hard_values(policy: Policy, valid: Sequence[bytes], decode: str = "latin-1") -> list[bytes]:
    """Values of every class that a hurried rule lets through, mends or mistakes, and such as are almost valid.

    None of them is stored as it is.
    """
    long = longest_valid(policy)
    letter = b"a" * long
    found = [
        letter + b"a", b"\xe9", b"a.b", b"", letter * 2, b'"abc"', b"abc\xa0", b"a\tb", b"%61bc", b"a+b/c==",
        b"ab cd", b"a" * 512, b"a" * 513, b"a" * 4096, b"caf\xe9", b"\xc3\xa9", b"abc$", b"^abc", b"[abc]",
        b"a" * 64 + b".", b"." + b"a" * 64, letter[:-1] + b".", b"." + letter[:-1], b"\xb5", b"\xaa1", b"\xb2",
        b"a" * 256 + b"b", b"a,b", b"a;b", b"a:b", b"me@example.com", b"a/b", b"a\\b", b"'abc'", b"`a`",
        b"a" * 511, b"a" * 1024, b"a" * 768, b" ", b"\xa0", b"\x85abc", b"\xa0abc", b"abc\\n", b"a%00b",
        b"a" * 63 + b"\xe9", b"\xdf", b"\xff", b"a" * 128 + b".", b"*", b"abc!", b"!abc", b"a" * 2048 + b"b",
        b"$user_id", b"anon:1", b"a" * 6000, b"abc\xad", b"<b>", b"a" * 300,
        *WRAPPED,
    ]  # fmt: skip
    # Where the rule stores most of what is known, the values above are near enough to what it accepts.
    near = valid[:ALMOST_OF] if len(_known(policy)) < VALID_LEAST else ()
    almost = [changed for turn in zip(*map(_almost, near), strict=True) for changed in turn]
    known = dict.fromkeys(
        [*almost[:1], *_beside_class(policy, valid[0]), *about_parts(policy), *found, *almost]
    )
    return [value for value in known if policy.stored([value]) != value.decode(decode, "replace")]


def _beside_class(policy: Policy, value: bytes) -> list[bytes]:
    """A valid value whose last byte is next to those that may stand there, and none of them."""
    head = value[:-1]
    fit = {byte for byte in FIELD_BYTES if policy.stored([head + bytes([byte])]) is not None}
    beside = {byte + step for byte in fit for step in (-1, 1)} - fit
    return [head + bytes([byte]) for byte in sorted(beside & {*FIELD_BYTES})]


def _almost(value: bytes) -> list[bytes]:
    """A valid value with one thing that is wrong with it."""
    middle = len(value) // 2
    head, tail = value[:middle], value[middle:]
    return [
        value + value[-1:], value[:-1], value[1:], value.upper(), value.lower(), value.title(), value.swapcase(),
        value + b"\xa0", b"\xa0" + value, value * 2, b'"' + value + b'"', b"'" + value + b"'",
        head + b"." + tail, head + b" " + tail, head + b"," + tail, head + b"\xe9" + tail[1:], head + b"/" + tail[1:],
        b"%%%02x%b" % (value[0], value[1:]), value[:-1] + b"%%%02x" % value[-1], value + b".", b"." + value,
        value + b"\\n", value + b"%00", head + bytes([value[middle] + 1]) + tail[1:], b"x" + value, value + b"g",
        head + bytes([value[middle] - 1]) + tail[1:], value[:1].swapcase() + value[1:], b"," + value, value + b";",
    ]  # fmt: skip


def _extension_ids() -> Iterator[str]:
    client = plans_client()
    known = client.derived_id("a machine")
    yield known
    yield known.upper()
    yield known.replace(client.derived.prefix, "jetbrains-")
    yield known.removeprefix(client.derived.prefix)
    yield client.derived.prefix + known.removeprefix(client.derived.prefix).upper()
    yield client.derived.prefix
    for machine in client.derived.shared:
        yield client.derived_id(machine)


def _long(policy: Policy) -> Iterator[str]:
    """Values in which every place counts, up to the longest: a cut, a hash or a comparison of a part shows."""
    longest = longest_valid(policy)
    alphabet = "AZaz09_-"
    for length in sorted({*LENGTHS, longest - 1, longest}, reverse=True):
        yield "".join(alphabet[(place * 5 + length) % len(alphabet)] for place in range(length))
