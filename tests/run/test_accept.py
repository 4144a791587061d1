"""A verdict that travels: the true one is accepted where nothing else can be reached, forged and stale ones are not."""

import base64
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from harness.errors import UsageError
from harness.report.attestation import statement_of
from harness.report.document import JudgedBuild, JudgedBy, Report
from harness.rule.level import Level
from harness.rule.policy import digest_of
from harness.run.accept import Acceptance, accept
from harness.run.gate_claims import claims_of
from harness.run.options.accept import AcceptOptions
from harness.run.options.gate import GateOptions, SigningOptions
from harness.run.sign import check_signing, sign_report
from harness.run.signing import new_keys, sign, signers
from harness.verdict import Status
from tests.command import harness_command
from tests.report.sample import judgement, report

Document = dict[str, Any]

SHA: Final = "6f1c" * 10
OTHER: Final = "0a" * 20
URL: Final = "https://staging.example"
NOW: Final = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)


class Keys(NamedTuple):
    """Files of two pairs."""

    gate: Path
    other: Path


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys(tmp_path / "gate", tmp_path / "other")
    for file in made:
        new_keys(file)
    return made


def true_report(**more: Any) -> Report:
    """A GO of the gate, three hours old, with one claim waived."""
    claims = claims_of("after")
    judged = [
        judgement(claim, Status.UNKNOWN, observed=0, waived="no test account")
        if claim.id == "I1"
        else judgement(claim)
        for claim in claims
    ]
    usual: Document = {
        "target": f"{URL}, expected to be build `after`",
        "command": "harness gate",
        "judged_by": JudgedBy.of("gate", ("after",), judged),
        "deployed": JudgedBuild(SHA),
        "rollout": digest_of("strict"),
    }
    return report(*judged, **usual | more)


def signed(found: Report, *files: Path) -> str:
    assert found.deployed is not None
    return sign(statement_of(found, found.deployed), signers(files))


def asked(file: Path, *keys: Path, **more: Any) -> AcceptOptions:
    """All that can be asked of a verdict."""
    usual: Document = {
        "target": f"{URL}:443/",
        "deployed": SHA.upper(),
        "rollout": str(Path("fixtures/rollouts/posthog-distinct-id")),
        "level": Level.STANDARD,
        "allowed_waivers": frozenset({"I1"}),
    }
    return AcceptOptions(file=file, keys=tuple(Path(f"{key}.pub") for key in keys), **usual | more)


@contextmanager
def without_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was asked for")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", refuse)
        yield


def judged(folder: Path, text: str, *keys: Path, **more: Any) -> Acceptance:
    file = folder / "verdict.json"
    file.write_text(text)
    return accept(asked(file, *keys, **more), NOW)


def test_the_true_verdict_is_accepted_offline(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = signed(true_report(), keys.gate)
    with without_network(monkeypatch):
        found = judged(tmp_path, text, keys.gate)
    assert (found.reasons, found.accepted) == ((), True)
    assert len(found.signer) == 16


@pytest.mark.parametrize("signing", ["gate", "other", "both"])
def test_while_keys_are_rotated_one_of_them_is_enough(signing: str, keys: Keys, tmp_path: Path) -> None:
    files = keys if signing == "both" else (getattr(keys, signing),)
    text = signed(true_report(), *files)
    assert judged(tmp_path, text, *keys).accepted
    assert judged(tmp_path, text, keys.gate).accepted is (signing != "other")


def payload_changed(text: str, change: Callable[[Document], object]) -> str:
    """The envelope with its signature, and something else in it."""
    envelope = json.loads(text)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(envelope)


def claims(statement: Document) -> list[Document]:
    return list(statement["predicate"]["harness_report"]["claims"])


def no_claim(statement: Document) -> None:
    stored = statement["predicate"]["harness_report"]
    for listed in (stored["claims"], stored["judged_by"]["claims"]):
        listed[:] = [claim for claim in listed if claim["id"] != "V2"]
    statement["predicate"]["passedTests"].remove("V2")


def proven(statement: Document) -> None:
    next(claim for claim in claims(statement) if claim["id"] == "I1").update(
        status="proven", observed=9, waived=""
    )


def duplicated(text: str) -> str:
    return text.replace('"payloadType"', '"payloadType": "x", "payloadType"', 1)


CHANGED = "it was changed after it was signed"
AFTER_SIGNING: dict[str, tuple[Callable[[str], str], str]] = {
    "edited finding": (lambda text: payload_changed(text, proven), CHANGED),
    "claim removed": (lambda text: payload_changed(text, no_claim), CHANGED),
    "waiver added": (lambda text: payload_changed(text, lambda it: claims(it)[3].update(waived="so")), CHANGED),
    "result edited": (lambda text: payload_changed(text, lambda it: it["predicate"].update(result="X")), CHANGED),
    "subject edited": (
        lambda text: payload_changed(text, lambda it: it["subject"][0].update(digest={"gitCommit": OTHER})),
        CHANGED,
    ),
    "file cut": (lambda text: text[: len(text) // 2], "it is no JSON, or was cut"),
    "empty file": (lambda _: "", "it is no JSON, or was cut"),
    "duplicate keys": (duplicated, "the key 'payloadType' is there twice"),
    "signature removed": (lambda text: json.dumps(json.loads(text) | {"signatures": []}), "it is signed by nobody"),
    "signatures are no list": (lambda text: json.dumps(json.loads(text) | {"signatures": 7}), "is damaged"),
    "another payload": (lambda text: json.dumps(json.loads(text) | {"payloadType": "text/x"}), "holds 'text/x'"),
    "no envelope": (lambda text: json.dumps(list(json.loads(text))), "it is not signed"),
}  # fmt: skip


@pytest.mark.parametrize("name", AFTER_SIGNING)
def test_what_was_changed_after_signing_is_refused(name: str, keys: Keys, tmp_path: Path) -> None:
    change, told = AFTER_SIGNING[name]
    found = judged(tmp_path, change(signed(true_report(), keys.gate)), keys.gate)
    assert not found.accepted
    assert told in found.reasons[0]


def refuted() -> Report:
    known = true_report()
    bad = [replace(each, status=Status.UNKNOWN) if each.id == "V9" else each for each in known.judgements]
    return true_report_of(bad)


def true_report_of(judgements: list[Any]) -> Report:
    return report(
        *judgements,
        target=f"{URL}, expected to be build `after`",
        command="harness gate",
        deployed=JudgedBuild(SHA),
        rollout=digest_of("strict"),
    )


OTHERS: dict[str, tuple[Callable[[], Report], Document, str]] = {
    "other target": (true_report, {"target": "https://api.example"}, "it judged https://staging.example, not"),
    "another port": (true_report, {"target": f"{URL}:8443"}, "it judged https://staging.example, not"),
    "other commit": (true_report, {"deployed": OTHER}, f"it judged {SHA}, not {OTHER}"),
    "no commit": (lambda: true_report(deployed=None), {}, "its report names no deployed build"),
    "an image": (true_report, {"deployed": "sha256:" + "ab" * 32}, f"it judged {SHA}, not sha256:abab"),
    "other rollout": (true_report, {"rollout": "fixtures/rollouts/length-only"}, "it judged the rollout sha256:"),
    "other digest": (true_report, {"rollout": "sha256:" + "0" * 64}, "not sha256:000"),
    "other level": (true_report, {"level": Level.EXHAUSTIVE}, "its level is standard, below exhaustive"),
    "older": (true_report, {"max_age": "179m"}, "it is 3 h old, and 2.98 h are allowed"),
    "of the future": (lambda: true_report(started="2026-03-01T15:06:00+00:00"), {}, "it is of the future"),
    "without its zone": (lambda: true_report(started="2026-03-01T12:00:00"), {}, "is no time with its zone"),
    "waiver not allowed": (true_report, {"allowed_waivers": frozenset({"I2"})}, "I1 is unknown and waived"),
    "verdict INCONCLUSIVE": (refuted, {}, "its verdict is INCONCLUSIVE"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_fit_is_refused_with_the_reason(name: str, keys: Keys, tmp_path: Path) -> None:
    make, more, told = OTHERS[name]
    if name == "no commit":
        text = sign(statement_of(make(), JudgedBuild(SHA)), signers([keys.gate]))
    else:
        text = signed(make(), keys.gate)
    found = judged(tmp_path, text, keys.gate, **more)
    assert len(found.reasons) == 1, found.reasons
    assert told in found.reasons[0]


def test_other_commands_and_builds_are_no_verdict(keys: Keys, tmp_path: Path) -> None:
    before = [judgement(claim) for claim in claims_of("before")]
    known = true_report()
    text = signed(
        report(
            *before,
            target=known.target,
            command="harness gate",
            deployed=JudgedBuild(SHA),
            rollout=known.rollout,
            judged_by=JudgedBy.of("gate", ("before",), before),
        ),
        keys.gate,
    )
    found = judged(tmp_path, text, keys.gate)
    assert found.reasons == ("it judged the build before, which has no part of the change",)


def test_a_forger_with_the_key_still_cannot_contradict_himself(keys: Keys, tmp_path: Path) -> None:
    """Signed as it is, so that only what can be recomputed speaks against it."""
    statement = statement_of(true_report(), JudgedBuild(SHA))
    no_claim(statement)
    text = sign(statement, signers([keys.gate]))
    assert "V2" in judged(tmp_path, text, keys.gate).reasons[0]
    statement = statement_of(true_report(), JudgedBuild(SHA))
    statement["predicate"]["passedTests"].append("I1")
    found = judged(tmp_path, sign(statement, signers([keys.gate])), keys.gate)
    assert found.reasons == ("its statement says something else than the report in it: passedTests",)


@pytest.mark.parametrize("used", ["wrong", "rotated out"])
def test_another_key_is_refused_with_both_named(used: str, keys: Keys, tmp_path: Path) -> None:
    signing, given = (keys.gate, keys.other) if used == "wrong" else (keys.other, keys.gate)
    (reason,) = judged(tmp_path, signed(true_report(), signing), given).reasons
    ids = [signers([file])[0].public_key.keyid[:16] for file in (signing, given)]
    assert reason.startswith(f"it is signed by {ids[0]}, and the keys given are {ids[1]}")


def test_statement_names_unknown_claims_and_warns_of_none() -> None:
    known = true_report()
    statement = statement_of(known, JudgedBuild("sha256:" + "ab" * 32))
    predicate = statement["predicate"]
    assert statement["subject"] == [{"name": known.target, "digest": {"sha256": "ab" * 32}}]
    assert predicate["result"] == "PASSED"
    assert (predicate["warnedTests"], predicate["harness_unknownTests"]) == ([], ["I1"])
    assert len(predicate["passedTests"]) == len(known.judgements) - 1
    assert statement_of(refuted(), JudgedBuild(SHA))["predicate"]["result"] == "FAILED"


def test_without_a_key_it_is_misuse_and_unsigned_is_said(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    file.write_text(signed(true_report(), keys.gate))
    words = ["accept", str(file), "--max-age", "9999d", "--allow-waiver", "I1"]
    refused = harness_command(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "nobody vouches for the file" in refused.stderr
    decision = tmp_path / "decision.json"
    summary = tmp_path / "summary"
    done = harness_command(
        *words, "--unsigned", "--json", str(decision), env=os.environ | {"GITHUB_STEP_SUMMARY": str(summary)}
    )
    assert done.returncode == 0, done.stderr
    assert "(UNSIGNED, nobody vouches for it)" in done.stdout
    assert "(UNSIGNED, nobody vouches for it)" in summary.read_text()
    assert json.loads(decision.read_text()) == {
        "format": "harness.accept/1",
        "accepted": True,
        "signed_by": None,
        "unsigned": True,
        "reasons": [],
    }
    again = harness_command(*words, "--unsigned", "--deployed", OTHER)
    assert again.returncode == 1
    assert again.stdout == f"refused: it judged {SHA}, not {OTHER} (UNSIGNED, nobody vouches for it)\n"
    pem = (tmp_path / "gate.pub").read_text()
    assert harness_command(*words, env=os.environ | {"HARNESS_VERIFY_KEY": pem}).returncode == 0


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"unsigned": True}, "contradict each other"),
        ({"deployed": "6f1c6f1"}, "is no whole commit"),
        ({"target": "staging.example"}, "is no http:// or https:// URL"),
        ({"max_age": "1 week"}, "is no age"),
        ({"rollout": "sha256:12"}, "is no digest"),
        ({"rollout": "/nonexistent"}, "/nonexistent"),
    ],
)
def test_what_cannot_be_asked_is_misuse(more: Document, told: str, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=told):
        accept(asked(tmp_path / "none.json", keys.gate, **more), NOW)


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    done = harness_command("keys", "new", str(tmp_path / "k"))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    text = (tmp_path / "k").read_text()
    assert text not in done.stdout
    again = harness_command("keys", "new", str(tmp_path / "k"))
    assert (again.returncode, (tmp_path / "k").read_text()) == (2, text)
    alone = harness_command("keys")
    assert alone.returncode == 2
    assert "harness keys new" in alone.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no key in PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no public key in PEM"),
        (None, "holds a private key, which nobody but the signer may have"),
    ],
)
def test_what_is_no_public_key_is_misuse(content: str | None, told: str, keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "bad.pub"
    file.write_text(keys.gate.read_text() if content is None else content)
    with pytest.raises(UsageError, match=told):
        accept(asked(tmp_path / "none.json", tmp_path / "bad"), NOW)


def test_signing_needs_a_build_and_a_key_before_the_work(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_SIGNING_KEY", raising=False)
    options, file = GateOptions(URL, "dbname=x"), tmp_path / "verdict.json"
    with pytest.raises(UsageError, match="--sign needs --deployed"):
        check_signing(SigningOptions(file, (keys.gate,)), options)
    with pytest.raises(UsageError, match="signs nothing without --sign"):
        check_signing(SigningOptions(None, (keys.gate,)), options)
    with pytest.raises(UsageError, match="there is no key to sign with"):
        check_signing(SigningOptions(file), replace(options, deployed=SHA))
    file.write_text("the verdict of an earlier run")
    found = check_signing(SigningOptions(file, (keys.gate,)), replace(options, deployed=SHA))
    assert not file.exists()
    assert "signed by" in sign_report(true_report(), file, found)
    assert judged(tmp_path, file.read_text(), keys.gate).accepted
    assert sign_report(true_report(deployed=None), file, found).startswith("not signed")
    assert not file.exists()
