"""The extension's files of a checkout under Node: the plan's fail E9 to E12, the corrected ones are GO."""

from pathlib import Path

import pytest

from harness.checks.checkout_claims import CLIENT, claims_of
from harness.rollout import load_rollout
from harness.run.check import check
from harness.run.check_client import check_built, check_options
from harness.run.options.check import CheckOptions
from harness.verdict import Judgement, Results, Status, Verdict
from tests.checkout.edits import (
    BUILDER,
    CORRECTED_ID,
    HANDLER,
    IDENTIFIED,
    IDENTITY,
    OPTIONS,
    PROVIDER_FILE,
    Edit,
    client,
)


def judged(checkout: Path) -> tuple[dict[str, Judgement], Verdict]:
    report = check(CheckOptions(extension=checkout), lambda _: None)
    return {judgement.id: judgement for judgement in report.judgements}, report.verdict


def refuted(claims: dict[str, Judgement]) -> set[str]:
    assert all(judgement.status is not Status.UNKNOWN for judgement in claims.values()), claims
    return {name for name, judgement in claims.items() if judgement.status is Status.REFUTED}


def test_the_plans_files_fail_what_our_copies_fail(tmp_path: Path) -> None:
    claims, verdict = judged(client(tmp_path))
    assert refuted(claims) == {"E8", "E9", "E10", "E11", "E12"}
    assert verdict is Verdict.NO_GO
    assert all(
        finding.condition.startswith(f"{IDENTITY}:6: ")
        for name in ("E9", "E10", "E11", "E12")
        for finding in claims[name].findings
    )


def test_the_corrected_files_are_go(tmp_path: Path) -> None:
    claims, verdict = judged(client(tmp_path, CORRECTED_ID, IDENTIFIED))
    assert refuted(claims) == set()
    assert verdict is Verdict.GO


ELSEWHERE = "src/core/kilocode/distinct-id.ts"
BY_NAME = Edit(IDENTITY, "", "export { getPostHogAnonymousId } from './distinct-id';\n")
TIMER = """  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, 1000);
  });
"""
AFTER_IT = "  clearTimeout(timer);\n"


def identity(*edits: tuple[str, str], file: str = IDENTITY) -> Edit:
    text = CORRECTED_ID.new
    for old, new in edits:
        assert text.count(old), old
        text = text.replace(old, new)
    return Edit(file, "", text)


IMPORTED = "import { getPostHogAnonymousId as id } from './distinct-id';\n"
MACHINE = "import * as vscode from 'vscode';\nexport const machine = () => vscode.env;\n"
ENDS = """  const ends = AbortSignal.timeout(1000);
  const late = new Promise<void>(resolve => ends.addEventListener('abort', () => resolve()));
"""
HASH = "import { createHash } from 'node:crypto';\n"
STYLES = {
    "passed on": (identity(file=ELSEWHERE), BY_NAME),
    "all passed on": (identity(file=ELSEWHERE), Edit(IDENTITY, "", "export * from './distinct-id';\n")),
    "imported and exported": (
        identity(file=ELSEWHERE),
        Edit(IDENTITY, "", f"{IMPORTED}export {{ id as getPostHogAnonymousId }};\n"),
    ),
    "a helper that asks the editor": (
        identity(
            ("import { env, type ", "import { machine } from './machine';\nimport { type "), ("env.", "machine()."),
        ),
        Edit("src/core/kilocode/machine.ts", "", MACHINE),
    ),
    "a promise of a timer": (
        identity(
            (HASH, f"{HASH}import {{ setTimeout as sleep }} from 'node:timers/promises';\n"),
            (TIMER, "  const late = sleep(1000);\n"), (AFTER_IT, ""),
        ),
    ),
    "a signal that ends": (
        identity(
            (TIMER, ENDS), (AFTER_IT, ""),
        ),
    ),
    "a timer made a promise": (
        identity(
            (HASH, f"{HASH}import {{ promisify }} from 'node:util';\n"),
            (TIMER, "  const late = promisify(setTimeout)(1000);\n"), (AFTER_IT, ""),
        ),
    ),
    "the header in another case": (CORRECTED_ID, Edit(HANDLER, "'x-posthog-distinct-id'", "'X-PostHog-Distinct-Id'")),
}  # fmt: skip


@pytest.mark.parametrize("name", STYLES)
def test_other_styles_of_the_same_are_go(name: str, tmp_path: Path) -> None:
    claims, verdict = judged(client(tmp_path, IDENTIFIED, *STYLES[name]))
    assert verdict is Verdict.GO, refuted(claims)


SENT = "headers['x-posthog-distinct-id'] = distinctId;"
EDITORLESS = f"{SENT} delete headers[X_KILOCODE_EDITORNAME];"
LOST = f"{SENT} delete headers[X_KILOCODE_TASKID];"
READ = "this.options.posthogDistinctId"
ID, PROVIDER = f"{IDENTITY}:6: ", f"{HANDLER}:9: "
FAULTS = {
    "the salt": (Edit(IDENTITY, "'kilocode-posthog'", "'kilocode'"), "E1", ID),
    "the digits": (Edit(IDENTITY, "substring(0, 16)", "substring(0, 15)"), "E1", ID),
    "stored after use": (Edit(IDENTITY, "await context.global", "void context.global"), "E2", ID),
    "another key": (Edit(IDENTITY, "update(STORAGE_KEY", "update('other'"), "E2", ID),
    "the header's name": (Edit(HANDLER, "'x-posthog-distinct-id'", "'x-distinct-id'"), "E5", PROVIDER),
    "the option's name": (Edit(HANDLER, READ, "this.options.distinctId"), "E5", PROVIDER),
    "always sent": (Edit(HANDLER, "if (distinctId) {", "if (true) {"), "E5", PROVIDER),
    "another header lost": (Edit(HANDLER, SENT, LOST), "E5", PROVIDER),
    "a header of a stand-in lost": (Edit(HANDLER, SENT, EDITORLESS), "E5", PROVIDER),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_one_line_is_found_by_its_claim(name: str, tmp_path: Path) -> None:
    edit, claim, place = FAULTS[name]
    claims, _ = judged(client(tmp_path, edit))
    assert claims[claim].status is Status.REFUTED
    assert all(finding.condition.startswith(place) for finding in claims[claim].findings)


def test_a_checkout_without_the_files_is_unknown(tmp_path: Path) -> None:
    claims, verdict = judged(tmp_path)
    assert verdict is Verdict.INCONCLUSIVE
    assert "no file fits src/core/kilocode/anonymous-id.ts" in claims["E1"].detail


DECLARED = "  posthogDistinctId?: string; // NEW\n"
WHOLE = "import type { ProviderSettings } from '@roo-code/types';"
MOVED = f"type Own = {{ a: 1 }};\nexport type ApiHandlerOptions = Own & {{\n{DECLARED}}};\n"
TYPES = {
    "of a package": ((Edit(OPTIONS, DECLARED, ""),), Status.UNKNOWN),
    "a number": (
        (Edit(OPTIONS, "posthogDistinctId?: string;", "posthogDistinctId?: number;"),),
        Status.REFUTED,
    ),
    "or a text": (
        (Edit(OPTIONS, "posthogDistinctId?: string;", "posthogDistinctId?: number | string | null;"),),
        Status.PROVEN,
    ),
    "closed": (
        (
            Edit(OPTIONS, DECLARED, ""),
            Edit(OPTIONS, WHOLE, "type ProviderSettings = { apiProvider: string };"),
        ),
        Status.REFUTED,
    ),
    "of an interface": (
        (
            Edit(
                OPTIONS,
                "",
                f"interface Own {{\n{DECLARED}}}\nexport interface ApiHandlerOptions extends Own {{}}\n",
            ),
        ),
        Status.PROVEN,
    ),
    "re-exported": (
        (
            Edit("src/shared/options.ts", "", MOVED),
            Edit(OPTIONS, "", "export type { ApiHandlerOptions } from './options';\n"),
        ),
        Status.PROVEN,
    ),
    "picked": (
        (
            Edit(
                OPTIONS,
                "",
                f"type All = {{ a: 1;\n{DECLARED}}};\nexport type ApiHandlerOptions = Pick<All, 'a'>;\n",
            ),
        ),
        Status.REFUTED,
    ),
}


@pytest.mark.parametrize("name", TYPES)
def test_the_type_of_the_options_is_followed(name: str, tmp_path: Path) -> None:
    edits, status = TYPES[name]
    rollout = load_rollout()
    results = Results(claims_of((CLIENT,), rollout.tables))
    check_options(results, rollout, client(tmp_path, *edits))
    (judgement,) = (each for each in results.judgements() if each.id == "F7")
    assert judgement.status is status
    assert all(finding.condition.startswith(f"{OPTIONS}:") for finding in judgement.findings)


FETCHED = "    const posthogDistinctId = await getPostHogAnonymousId(this.context);\n"
BUILT = {
    "not waited for": (Edit(PROVIDER_FILE, "await getPostHogAnonymousId", "getPostHogAnonymousId"), ":11: "),
    "a part of it": (
        Edit(PROVIDER_FILE, "posthogDistinctId });", "posthogDistinctId: posthogDistinctId.slice(1) });"),
        ":11: ",
    ),
    "fetched and not handed on": (Edit(PROVIDER_FILE, ", posthogDistinctId });", " });"), ":11: "),
    "another value": (
        Edit(PROVIDER_FILE, ", posthogDistinctId });", ", posthogDistinctId: text });"),
        ":11: ",
    ),
    "not fetched": (
        Edit(PROVIDER_FILE, FETCHED, "    const posthogDistinctId = vscode.env.machineId;\n"),
        ":11: ",
    ),
    "taken out on the way": (
        Edit(BUILDER, "{ apiProvider, ...", "{ apiProvider, posthogDistinctId, ..."),
        ":11: ",
    ),
}


def built(checkout: Path) -> Judgement:
    rollout = load_rollout()
    results = Results(claims_of((CLIENT,), rollout.tables))
    check_built(results, rollout, checkout)
    (judgement,) = (each for each in results.judgements() if each.id == "F8")
    return judgement


@pytest.mark.parametrize("name", BUILT)
def test_a_handler_without_the_id_is_found(name: str, tmp_path: Path) -> None:
    edit, line = BUILT[name]
    judgement = built(client(tmp_path, edit))
    (finding,) = judgement.findings
    assert finding.condition.startswith(f"{PROVIDER_FILE}{line}")


CALL = "await getPostHogAnonymousId(this.context)"
REWRITTEN = {
    "waited for later": (
        Edit(PROVIDER_FILE, "await getPostHogAnonymousId", "getPostHogAnonymousId"),
        Edit(PROVIDER_FILE, ", posthogDistinctId });", ", posthogDistinctId: await posthogDistinctId });"),
    ),
    "waited for among others": (
        Edit(
            PROVIDER_FILE,
            f"const posthogDistinctId = {CALL}",
            "const [posthogDistinctId] = await Promise.all([getPostHogAnonymousId(this.context), text])",
        ),
    ),
    "where it has come": (
        Edit(
            PROVIDER_FILE,
            FETCHED,
            "    return getPostHogAnonymousId(this.context).then(posthogDistinctId => {\n",
        ),
        Edit(PROVIDER_FILE, "return { handler, text };", "return { handler, text };\n    });"),
    ),
    "as it is": (),
    "a renamed variable": (
        Edit(PROVIDER_FILE, "const posthogDistinctId", "const id"),
        Edit(PROVIDER_FILE, ", posthogDistinctId });", ", posthogDistinctId: id });"),
    ),
    "fetched in place": (
        Edit(PROVIDER_FILE, FETCHED, ""),
        Edit(
            PROVIDER_FILE,
            "posthogDistinctId });",
            "posthogDistinctId: await getPostHogAnonymousId(this.context) });",
        ),
    ),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_handler_with_the_id_is_proven(name: str, tmp_path: Path) -> None:
    judgement = built(client(tmp_path, *REWRITTEN[name]))
    assert judgement.status is Status.PROVEN, (judgement.findings, judgement.detail)
    assert f"handed on at {PROVIDER_FILE}:" in judgement.detail
