"""What a backend does is found from its answers: every single slip, pairs, and patterns that no catalogue knows."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import pytest

from harness.automata.pattern import parsed
from harness.automata.tree import Alternation, CharacterSet, Node, Repetition
from harness.rule.behaviour import HeaderBehaviour, Lines, Stored, behaviour_of
from harness.rule.edits import edits
from harness.rule.explain import AGAIN_MAX, LISTED, Explaining
from harness.rule.explanation import Answers, RuleExplanation
from harness.rule.faults import RuleFault, rule_faults
from harness.rule.policy import FIELD_BYTES, Policy
from harness.rule.suite import Level, suite
from harness.rule.telling import telling_headers
from tests.rule.test_operations import ROLLOUTS, fixed

PLAN = ROLLOUTS["posthog-distinct-id"]
Ask = Callable[[Sequence[Lines]], Answers]
ANY_TEXTS = 400

# Devised before the code: other shapes, prefixes, parity, word lists; whether each is found was seen afterwards.
OUTSIDE = {
    "[A-Za-z][A-Za-z0-9_-]{0,254}": True,
    "[A-Za-z0-9][A-Za-z0-9_-]{0,254}": True,
    "[A-Za-z0-9_-]{0,254}[A-Za-z0-9]": True,
    "[A-Za-z0-9]([A-Za-z0-9_-]{0,253}[A-Za-z0-9])?": True,
    "[a-z0-9-]{1,64}": True,
    "[0-9a-f]{8,64}": True,
    "[ -~]{1,128}": True,
    r"\w{3,}": True,
    "[A-Za-z0-9+/]{1,200}={0,2}": False,
    "(?!-)[A-Za-z0-9-]{1,63}(?<!-)": True,
    "vscode-[0-9a-f]{16}": True,
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": True,
    "([A-Za-z0-9_-]{2})+": True,
    r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*": False,
    "cli|slack|webhook|vscode|null": False,
    r"[^,;=\s]{1,255}": True,
    "[A-Za-z0-9_-]{1,100}": True,
    "[A-Z]{1,255}": True,
    "[A-Za-z0-9_-]{1,127}|[A-Za-z0-9_-]{129,255}": True,
    "[A-Za-z0-9_.~-]{2,300}": True,
}
EXACT_LEAST = 14


@lru_cache(maxsize=8)
def headers(policy: Policy) -> tuple[Lines, ...]:
    """The standard suite with the standing cases; of rules that are no single class, headers made for them."""
    made = () if policy.rule == PLAN.rule else telling_headers(behaviour_of(policy))
    return tuple(dict.fromkeys([*((value,) for value in suite(policy, Level.STANDARD)), *fixed(), *made]))


def answers_of(policy: Policy, stored: Stored) -> Answers:
    return [(lines, stored(lines)) for lines in headers(policy)]


def asked_of(stored: Stored) -> Callable[[Sequence[Lines]], Answers]:
    return lambda asked: [(lines, stored(lines)) for lines in asked]


def alike(one: Stored, other: Stored, pool: Sequence[Lines]) -> bool:
    return all(one(lines) == other(lines) for lines in pool)


def contradicts(found: RuleExplanation, answers: Answers) -> bool:
    functions = [candidate.behaviour.function() for candidate in found.candidates]
    return any(function(lines) != value for function in functions for lines, value in answers)


def explain_answers(policy: Policy, answers: Answers, ask: Ask | None = None) -> RuleExplanation | None:
    search = Explaining(policy, answers)
    headers = search.advance(())
    while headers:
        headers = search.advance(() if ask is None else ask(headers))
    return search.explanation


def pairs_of(policy: Policy, count: int) -> Iterator[tuple[str, HeaderBehaviour]]:
    """Pairs of slips that some header of the suite shows."""
    rule = behaviour_of(policy)
    slips, chosen = list(edits(rule, every_byte=True)), random.Random(14)
    right = answers_of(policy, rule.function())
    while count:
        one, other = chosen.sample(slips, 2)
        changed = one.change(rule)
        both = changed and other.change(changed)
        if both is None or answers_of(policy, both.function()) == right:
            continue
        count -= 1
        yield f"{one.sentence}, and {other.sentence}", both


def is_found(found: RuleExplanation, behaviour: HeaderBehaviour, pool: Sequence[Lines]) -> bool:
    """Whether a candidate is this behaviour, or one that no header of the pool tells from it."""
    behaviours = [candidate.behaviour for candidate in found.candidates]
    return behaviour in behaviours or any(
        alike(other.function(), behaviour.function(), pool) for other in behaviours
    )


def slips_of(policy: Policy, which: str) -> Sequence[RuleFault]:
    """Those at the edges of each class, or with every byte; or of each operator the first and the last."""
    faults = rule_faults(behaviour_of(policy), which == "every byte")
    if which != "kinds":
        return faults
    ends = {fault.operator: fault for fault in reversed(faults)}, {fault.operator: fault for fault in faults}
    return tuple(dict.fromkeys(fault for end in ends for fault in end.values()))


def slips_explained(policy: Policy, faults: Sequence[RuleFault]) -> int:
    """How many slips the suite shows; each is found, and nothing that contradicts an answer."""
    rule = behaviour_of(policy)
    right, pool = answers_of(policy, rule.function()), telling_headers(rule)
    shown = 0
    for fault in faults:
        answers = answers_of(policy, fault.function())
        found = explain_answers(policy, answers)
        if found is None:
            assert answers == right
            continue
        shown += 1
        assert not contradicts(found, answers)
        assert is_found(found, fault.behaviour, pool), fault.sentence
    return shown


@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("name", "which", "least"),
    [
        ("posthog-distinct-id", "kinds", 12),
        *((name, "edges", 30) for name in ROLLOUTS if name != "posthog-distinct-id"),
        ("posthog-distinct-id", "edges", 30),
        *((name, "every byte", 250) for name in ("posthog-distinct-id", "orders")),
    ],
)
def test_every_slip_is_what_explains_its_answers(name: str, which: str, least: int) -> None:
    policy = ROLLOUTS[name]
    assert slips_explained(policy, slips_of(policy, which)) >= least


@pytest.mark.catalogue
@pytest.mark.parametrize("count", [3, 50])
def test_pairs_of_slips_are_what_explains_their_answers(count: int) -> None:
    pool = telling_headers(behaviour_of(PLAN))
    for sentence, both in pairs_of(PLAN, count):
        answers = answers_of(PLAN, both.function())
        found = explain_answers(PLAN, answers)
        assert found is not None
        assert not contradicts(found, answers)
        assert is_found(found, both, pool), sentence


@pytest.mark.catalogue
@pytest.mark.parametrize("source", OUTSIDE)
def test_pattern_outside_the_catalogue_is_read_off(source: str) -> None:
    pattern = re.compile(source, re.ASCII)

    def stored(lines: Lines) -> str | None:
        text = PLAN.reading.text(lines)
        return text if text and pattern.fullmatch(text) else None

    found = explain_answers(PLAN, answers_of(PLAN, stored), asked_of(stored))
    assert found is not None
    assert not contradicts(found, answers_of(PLAN, stored))
    if not OUTSIDE[source]:
        assert not found.candidates or found.candidates[0].sentence == LISTED
        return
    texts = [*telling_headers(found.candidates[0].behaviour), *drawn(source)]
    assert alike(found.candidates[0].behaviour.function(), stored, texts)


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("source", ["[a-z]+(-[a-z]+)*", r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"])
def test_signs_that_only_separate_are_told_from_a_class(source: str) -> None:
    def stored(lines: Lines) -> str | None:
        text = PLAN.reading.text(lines)
        return text if text and re.fullmatch(source, text) else None

    found = explain_answers(PLAN, answers_of(PLAN, stored), asked_of(stored))
    assert found is not None
    assert not found.candidates


def test_replicas_that_differ_are_told_by_a_header_sent_again() -> None:
    """No header was sent twice, so no answer contradicts another yet; pairs and patterns would be searched for long."""
    right = behaviour_of(PLAN).function()
    answers = [(lines, right(lines) if at % 2 else None) for at, lines in enumerate(headers(PLAN))]
    found = explain_answers(PLAN, answers, asked_of(right))
    assert found is not None
    assert found.candidates == ()
    assert 0 < found.asked <= AGAIN_MAX
    (first, value), (again, other) = found.contradicting
    assert first == again
    assert value != other


def test_fourteen_of_twenty_patterns_are_said_to_be_exact() -> None:
    assert len(OUTSIDE) == 20
    assert sum(OUTSIDE.values()) >= EXACT_LEAST


def drawn(source: str) -> Iterator[Lines]:
    """Texts that the expression accepts, and each with one character replaced."""
    chosen, tree = random.Random(source), parsed(source).tree
    for _ in range(ANY_TEXTS):
        text = _drawn(tree, chosen)[:4000]
        at = chosen.randrange(len(text) + 1)
        for written in (text, text[:at] + chr(chosen.choice(FIELD_BYTES)) + text[at + 1 :]):
            yield (written.encode("latin-1"),)


def _drawn(tree: Node, chosen: random.Random) -> str:
    match tree:
        case CharacterSet():
            return chosen.choice(_held(tree))
        case Alternation(options):
            return _drawn(chosen.choice(options), chosen)
        case Repetition(part, least, most):
            times = least + chosen.choice((0, 1, 5, 300))
            return "".join(_drawn(part, chosen) for _ in range(times if most is None else min(times, most)))
        case _:
            return "".join(_drawn(part, chosen) for part in getattr(tree, "parts", ()))


@lru_cache(maxsize=64)
def _held(tree: CharacterSet) -> str:
    return "".join(
        chr(byte) for byte in FIELD_BYTES if any(first <= byte <= last for first, last in tree.ranges)
    )


def test_explanation_is_one_sentence_with_pattern_and_count() -> None:
    dot = next(edit for edit in edits(behaviour_of(PLAN)) if edit.sentence == "a dot is accepted")
    changed = dot.change(behaviour_of(PLAN))
    assert changed is not None
    answers = answers_of(PLAN, changed.function())
    assert str(explain_answers(PLAN, answers)) == (
        f"behaves as `[A-Za-z0-9._-]{{1,255}}`: a dot is accepted; explains all {len(answers):,} answers"
        "; the rule is `[A-Za-z0-9_-]{1,255}`"
    )


def test_rule_itself_needs_no_explanation() -> None:
    assert explain_answers(PLAN, answers_of(PLAN, PLAN.stored)) is None


def test_several_that_fit_are_counted_then_told_apart() -> None:
    few: Answers = [((b"a" * 256,), "a" * 256), ((b"!",), None)]
    found = explain_answers(PLAN, few)
    assert found is not None
    assert len(found.candidates) > 1
    assert f"; {len(found.candidates) - 1} other candidates are left" in str(found)

    def stored(lines: Lines) -> str | None:
        text = PLAN.reading.text(lines)
        return text if text and re.fullmatch("[A-Za-z0-9_-]+", text) else None

    told = explain_answers(PLAN, few, asked_of(stored))
    assert told is not None
    sentences = [candidate.sentence for candidate in told.candidates]
    assert sentences == ["1 characters or more, not 1 to 255 characters"]
    assert told.asked > 0


def test_what_nothing_explains_is_a_smallest_contradiction() -> None:
    answers = [
        *answers_of(PLAN, PLAN.stored),
        ((b"q" * 77,), None),
        ((b"!" * 9,), "one"),
        ((b"?" * 8,), "two"),
    ]
    found = explain_answers(PLAN, answers)
    assert found is not None
    assert not found.candidates
    assert 1 <= len(found.contradicting) <= 3
    assert set(found.contradicting) <= set(answers)
    assert "no one or two slips" in str(found)


def test_two_answers_to_one_header_contradict_each_other() -> None:
    answers: Answers = [((b"a",), "a"), ((b"b",), "b"), ((b"a",), None)]
    found = explain_answers(PLAN, answers)
    assert found is not None
    assert found.contradicting == (((b"a",), "a"), ((b"a",), None))
