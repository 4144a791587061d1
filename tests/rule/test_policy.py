"""The policy against known answers; those of Node are in test_agreement."""

import json
import subprocess
from typing import Any

import pytest

from harness.data import fixture_path
from harness.rule.node import node_path
from harness.rule.policy import (
    FIELD_BYTES,
    JS_TRIM,
    LENGTH_ONLY,
    POLICIES,
    STRICT,
    Policy,
    received,
    refused,
    utf16_length,
)
from tests.fix_headers import ANY, changed

KNOWN = json.loads(fixture_path("headers/known_answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["shape"])
def test_policy_stores_known_answer_for_known_shape(known: dict[str, Any], name: str) -> None:
    lines = [line.encode("latin-1") for line in known["lines"]]
    assert POLICIES[name].stored(lines) == known[name]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("length", [1, 2, 254, 255])
def test_policy_stores_value_up_to_limit(policy: Policy, length: int) -> None:
    assert policy.stored([b"a" * length]) == "a" * length


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("length", [256, 257, 2704, 16_384])
def test_policy_stores_nothing_above_limit(policy: Policy, length: int) -> None:
    assert policy.stored([b"a" * length]) is None


def test_strict_stores_exactly_64_of_the_224_bytes() -> None:
    stored = bytes(byte for byte in FIELD_BYTES if STRICT.stored([bytes([byte])]) is not None)
    assert len(FIELD_BYTES) == 224
    assert stored == b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def test_blanks_at_edges_do_not_count_towards_the_limit() -> None:
    assert STRICT.stored([b" \t" + b"a" * 255 + b"\t "]) == "a" * 255


def test_length_only_measures_before_its_trim() -> None:
    assert LENGTH_ONLY.stored([b"\xa0" + b"a" * 254]) == "a" * 254
    assert LENGTH_ONLY.stored([b"\xa0" + b"a" * 255]) is None


def test_joined_lines_are_trimmed_before_they_are_measured() -> None:
    assert received([b"a", b""]) == "a,"
    assert LENGTH_ONLY.stored([b"a" * 254, b""]) == "a" * 254 + ","
    assert LENGTH_ONLY.stored([b"a" * 252, b"b"]) == "a" * 252 + ", b"
    assert LENGTH_ONLY.stored([b"a" * 253, b"b"]) is None


@pytest.mark.parametrize("text", ["a\n", "\na", "a\r", "a\n\n"])
def test_strict_refuses_newline_that_a_dollar_would_let_pass(text: str) -> None:
    assert STRICT.accepted(text) is None


@pytest.mark.parametrize("text", ["\u00e9", "\u0663", "\u212a", "\uff41", "\u017f"])
def test_strict_refuses_what_only_unicode_calls_a_word_character(text: str) -> None:
    assert STRICT.accepted(text) is None


def test_utf16_length_counts_what_javascript_counts() -> None:
    assert [utf16_length(text) for text in ("", "a", "é", "\uffff", "🦔", "\ud83e")] == [0, 1, 1, 1, 2, 1]
    assert LENGTH_ONLY.accepted("🦔" * 127) == "🦔" * 127
    assert LENGTH_ONLY.accepted("🦔" * 128) is None


def test_refused_is_every_control_character_but_the_tab() -> None:
    bad = [byte for byte in range(256) if refused(b"a" + bytes([byte]))]
    assert bad == [*range(0x09), *range(0x0A, 0x20), 0x7F]


def test_js_trim_is_what_node_trims_among_all_code_units() -> None:
    source = "for (let c = 0; c < 65536; c++) if (String.fromCharCode(c).trim() === '') process.stdout.write(c + ' ')"
    command = [str(node_path()), "-e", source]
    trimmed = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    assert [ord(character) for character in JS_TRIM] == [int(code) for code in trimmed.split()]


def test_allows_says_nothing_of_length() -> None:
    assert STRICT.allows("a" * 1000)
    assert not STRICT.allows("a b")
    assert changed(STRICT, ANY).allows("a b")
