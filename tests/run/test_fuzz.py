"""The fuzzer finds a fault and shrinks it, the find is a file, and the file says FIXED or STILL FAILS."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis.database import InMemoryExampleDatabase

from harness.cli.fuzz import replay as replay_command
from harness.database.server import Server
from harness.errors import UsageError
from harness.probing.probe_factory import plan_caller
from harness.rule.cases import NAME, CaseSequence, HeaderCase, Kind
from harness.rule.policy import STRICT
from harness.run.counterexample import Counterexample, describe_counterexample, store_counterexample
from harness.run.fuzz import Fuzzer, example_database, fuzz
from harness.run.options.fuzz import FuzzedOptions, FuzzOptions
from harness.run.replay import Replayed, describe_replay, replay
from harness.run.reproduction import Reproduction, read_reproduction
from harness.run.tally import Tally
from harness.verdict import Finding
from tests.fix_gate import said


@pytest.fixture
def options(server: Server, tmp_path: Path) -> FuzzOptions:
    backend = FuzzedOptions(postgres=server.dsn("postgres"))
    return FuzzOptions(backend, examples=60, example_db=str(tmp_path / "examples"))


def test_fuzz_finds_nothing_in_the_reference_and_counts(options: FuzzOptions) -> None:
    lines: list[str] = []
    assert fuzz(replace(options, examples=12), lines.append, said) is None
    assert "in 1" in lines[-1]
    assert "classes" in lines[-1]


def test_hunt_that_did_not_begin_counts_nothing(options: FuzzOptions) -> None:
    lines: list[str] = []
    with pytest.raises(UsageError, match="unknown build 'nope'"):
        fuzz(replace(options, subject=replace(options.subject, build="nope")), lines.append, said)
    assert lines == []


def test_fuzz_find_is_minimal_and_its_file_replays(options: FuzzOptions, tmp_path: Path) -> None:
    faulty = replace(options, subject=replace(options.subject, build="A-to-z"))
    found = fuzz(faulty, said, said)
    assert found is not None
    assert [[case.values for case in sequence] for sequence in found.example] == [[(b"[",)]]
    lines = describe_counterexample(store_counterexample(found, faulty.subject, tmp_path))
    assert "V3 refuted" in lines[0]
    assert any(line.strip().startswith("send     curl ") for line in lines)
    (file,) = tmp_path.glob("harness-find-*.json")
    reproduction = read_reproduction(file)
    failing = replay(reproduction, replace(options.subject, build=reproduction.build))
    assert not failing.fixed
    assert describe_replay(failing)[0].startswith("STILL FAILS: V3")
    fixed = replay(reproduction, replace(options.subject, build="after"))
    assert describe_replay(fixed)[0].startswith("FIXED")


def test_hunt_shrinks_what_only_hypothesis_can_find() -> None:
    """A fault that no standing case shows: a valid id with both a 9 and a q, and none of the letters a to f."""

    def judged(example: tuple[CaseSequence, ...]) -> tuple[Finding, ...]:
        values = [value for sequence in example for case in sequence for value in case.values]
        valid = [value for value in values if STRICT.stored([value])]
        bad = [
            value for value in valid if b"9" in value and b"q" in value and not set(value) & set(b"abcdef")
        ]
        return (Finding("V1", "", ""),) if bad else ()

    options = FuzzOptions(examples=2000, seed=10)  # others may need ten times as many examples
    hunt = Fuzzer(options, plan_caller(), InMemoryExampleDatabase(), said)
    found = hunt.run(judged)
    assert found is not None
    values = [value for sequence in found.example for case in sequence for value in case.values]
    assert b"9q" in values or b"q9" in values
    assert len(values) <= 2


def test_tally_of_nothing_does_not_divide_by_zero() -> None:
    assert str(Tally()).startswith("0 headers in 0 examples")


FOUND = Counterexample(((HeaderCase(((NAME, b"a b"),), Kind.VALID),),), (Finding("V1", "", "stored NULL"),))
THERE = FuzzedOptions("http://127.0.0.1:1", "host=h dbname='a b'", free_model="vendor/it's:free", wait_s=30.0)


@pytest.mark.parametrize(
    ("found_in", "environment"),
    [
        (THERE, {}),
        (replace(THERE, database_url="postgresql://me@h/db", wait_s=0.5), {}),
        (replace(THERE, database_url="postgresql://me:geheim@h/db"), {"given": "1"}),
        (replace(THERE, database_url="host=h password='ge heim'", policy="length-only"), {"given": "1"}),
        (FuzzedOptions(build="limit-256", policy="length-only"), {}),
        (FuzzedOptions(build="limit-256", postgres="docker:postgres:16"), {}),
    ],
)
def test_replay_line_leads_to_where_the_find_was_made(
    found_in: FuzzedOptions, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is read as a shell reads it, and so is what the file alone leads to."""
    taken: list[FuzzedOptions] = []

    def take(_recipe: Reproduction, options: FuzzedOptions) -> Replayed:
        taken.append(options)
        return Replayed("", ())

    monkeypatch.setattr("harness.run.replay.replay", take)
    lines = describe_counterexample(store_counterexample(FOUND, found_in, tmp_path))
    (line,) = (text for text in lines if text.startswith("    replay "))
    assert "heim" not in line
    variables = {"HARNESS_DATABASE_URL": found_in.database_url or ""} if environment else {}
    words = shlex.split(
        line.split(" harness replay ")[1].replace(
            "$HARNESS_DATABASE_URL", variables.get("HARNESS_DATABASE_URL", "")
        )
    )
    assert CliRunner().invoke(replay_command, words).exit_code == 0
    assert taken.pop() == found_in
    if found_in.target != "reference":
        done = CliRunner().invoke(
            replay_command, words[:1], env={"HARNESS_DATABASE_URL": found_in.database_url}
        )
        assert done.exit_code == 0
        assert taken.pop() == replace(found_in, wait_s=None)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "other"}', '{"schema": "harness.replay/1"}'])
def test_recipe_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "find.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"find\.json"):
        read_reproduction(file)


def test_example_database_in_redis_needs_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "hypothesis.extra.redis", raising=False)
    monkeypatch.delattr("hypothesis.extra.redis", raising=False)  # where another test has imported it
    with pytest.raises(UsageError, match=r"pip install .rollout-harness\[redis\]"):
        example_database("redis://127.0.0.1:1")


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_find_is_told_where_it_cannot_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path) if elsewhere else "/proc/none")
    lines = describe_counterexample(
        store_counterexample(FOUND, FuzzedOptions(build="limit-256"), Path("/proc"))
    )
    assert lines[0].startswith("found: ")
    (stored,) = (line for line in lines if line.startswith("    stored "))
    assert "/proc cannot be written" in stored
    replays = [line for line in lines if line.startswith("    replay ")]
    assert len(replays) == elsewhere
    assert ("nowhere" in stored) is not elsewhere
    assert len(list(tmp_path.rglob("harness-find-*.json"))) == elsewhere


@pytest.mark.parametrize("sequences", [[], [[]], [[["x-posthog-distinct-id: a"]], []]])
def test_a_find_without_a_request_is_damaged_and_never_fixed(tmp_path: Path, sequences: list[object]) -> None:
    (tmp_path / "finds").mkdir()
    store_counterexample(FOUND, FuzzedOptions(build="limit-256"), tmp_path / "finds")
    (file,) = (tmp_path / "finds").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sequences": sequences}))
    with pytest.raises(UsageError, match="a sequence without a request"):
        read_reproduction(file)


def test_examples_that_could_not_be_kept_are_misuse() -> None:
    with pytest.raises(UsageError, match=r"--example-db /proc/none: .*; name a folder that you may write"):
        example_database("/proc/none")


@pytest.mark.parametrize(("words", "is_said"), [((), True), (("--line", "a: b"), False)])
def test_replay_of_nothing_named_says_what_is_sent(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], is_said: bool
) -> None:
    monkeypatch.setattr("harness.run.replay.replay", lambda *_: Replayed("", ()))
    done = CliRunner().invoke(replay_command, words)
    assert done.exit_code == 0
    assert ("one request without the header is sent" in done.stderr) is is_said
