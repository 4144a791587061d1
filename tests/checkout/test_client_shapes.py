"""The extension's files in the shapes that the public ones have: what is built by a function, and by whom."""

from pathlib import Path

import pytest

from harness.checks.checkout_claims import CLIENT, claims_of
from harness.rollout import load_rollout
from harness.run.check_client import check_built, check_client, check_options, placed
from harness.verdict import Judgement, Results, Status
from tests.checkout.edits import (
    CORRECTED_ID,
    HANDLER,
    IDENTITY,
    OPTIONS,
    PROVIDER_FILE,
    TASK,
    WORKSPACE,
    Edit,
    line_of,
    shaped_client,
)

FETCHED = "        const posthogDistinctId = await getPostHogAnonymousId(this.context)\n"


def judged(checkout: Path) -> dict[str, Judgement]:
    rollout = load_rollout()
    results = Results(claims_of((CLIENT,), rollout.tables))
    places = check_client(results, rollout, checkout)
    check_options(results, rollout, checkout)
    check_built(results, rollout, checkout)
    return {each.id: placed(each, places) for each in results.judgements()}


HISTORY = Edit(
    PROVIDER_FILE,
    "\t\t\tapiConfiguration,\n\t\t\thistoryItem,",
    "\t\t\tapiConfiguration: await this.identified(apiConfiguration),\n\t\t\thistoryItem,",
)
CHANGED = Edit(
    PROVIDER_FILE,
    "task.updateApiConfiguration(providerSettings)",
    "task.updateApiConfiguration(await this.identified(providerSettings))",
)
LATER = Edit(
    PROVIDER_FILE,
    "private updateTaskApiHandlerIfNeeded(providerSettings: ProviderSettings): void {",
    "private async updateTaskApiHandlerIfNeeded(providerSettings: ProviderSettings): Promise<void> {",
)
HELPER = Edit(
    PROVIDER_FILE,
    "\tgetCurrentTask(): Task",
    "\tprivate async identified(settings: ProviderSettings) {\n"
    "\t\treturn { ...settings, posthogDistinctId: await getPostHogAnonymousId(this.context) }\n\t}\n\n"
    "\tgetCurrentTask(): Task",
)
WIRED = (HISTORY, CHANGED, LATER, HELPER)


def test_every_place_that_builds_one_without_is_told(tmp_path: Path) -> None:
    checkout = shaped_client(tmp_path)
    claims = judged(checkout)
    assert {name for name in ("E1", "E2", "E5", "F7") if claims[name].status is not Status.PROVEN} == set()
    found = {finding.condition.partition(": ")[0] for finding in claims["F8"].findings}
    changed = line_of(checkout, PROVIDER_FILE, "task.updateApiConfiguration")
    history = line_of(checkout, PROVIDER_FILE, "historyItem: HistoryItem &") + 2
    assert found == {f"{PROVIDER_FILE}:{history}", f"{PROVIDER_FILE}:{changed}"}


def test_where_each_is_given_the_id_it_is_proven(tmp_path: Path) -> None:
    claims = judged(shaped_client(tmp_path, *WIRED))
    assert claims["F8"].status is Status.PROVEN, claims["F8"].findings


LOST = {
    "taken out by the function that builds": (
        Edit("src/api/index.ts", "const { apiProvider, ...", "const { apiProvider, posthogDistinctId, ..."),
        "F8",
        PROVIDER_FILE,
    ),
    "a task that drops it": (
        Edit(TASK, "= buildApiHandler(apiConfiguration)", "= buildApiHandler({ apiProvider: 'kilocode' })"),
        "F8",
        PROVIDER_FILE,
    ),
    "options that are made anew": (
        Edit(HANDLER, "\t\t\t...options,\n", "\t\t\tkilocodeToken: options.kilocodeToken,\n"),
        "E5",
        HANDLER,
    ),
    "the machine's own id": (
        Edit(PROVIDER_FILE, "apiConfiguration, posthogDistinctId }", "apiConfiguration, posthogDistinctId: text }"),
        "F8",
        PROVIDER_FILE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOST)
def test_an_id_that_is_lost_on_the_way_is_found(name: str, tmp_path: Path) -> None:
    edit, claim, file = LOST[name]
    claims = judged(shaped_client(tmp_path, *WIRED, CORRECTED_ID, edit))
    assert claims[claim].status is Status.REFUTED
    assert all(finding.condition.startswith(f"{file}:") for finding in claims[claim].findings)


def test_options_of_a_package_without_the_id_are_unknown(tmp_path: Path) -> None:
    claims = judged(shaped_client(tmp_path, Edit(OPTIONS, "\tposthogDistinctId?: string\n", "")))
    assert claims["F7"].status is Status.UNKNOWN
    assert f"{OPTIONS}:" in claims["F7"].detail


def test_options_of_a_workspace_package_are_read(tmp_path: Path) -> None:
    undeclared = Edit(OPTIONS, "\tposthogDistinctId?: string\n", "")
    claims = judged(shaped_client(tmp_path, *WORKSPACE, undeclared))
    assert claims["F7"].status is Status.REFUTED
    assert claims["F7"].findings[0].condition.startswith(f"{OPTIONS}:7: ApiHandlerOptions has no ")


def test_an_id_in_an_object_of_a_type_without_it_is_told(tmp_path: Path) -> None:
    checkout = shaped_client(tmp_path, *WIRED, *WORKSPACE)
    (finding,) = judged(checkout)["F8"].findings
    line = line_of(checkout, PROVIDER_FILE, "apiConfiguration: { ...apiConfiguration, posthogDistinctId },")
    assert finding.condition.startswith(f"{PROVIDER_FILE}:{line}: posthogDistinctId is written")
    assert "ProviderSettings (packages/types/src/provider-settings.ts:4)" in finding.condition
    assert finding.effect == "the project does not compile"


def test_without_the_ids_function_the_rest_is_judged(tmp_path: Path) -> None:
    checkout = shaped_client(tmp_path)
    (checkout / IDENTITY).unlink()
    claims = judged(checkout)
    assert claims["E1"].status is Status.UNKNOWN
    assert claims["E5"].status is Status.PROVEN
    assert claims["F8"].status is Status.REFUTED
    assert all("no file fits" in finding.workaround for finding in claims["F8"].findings)


def test_a_comment_among_imported_names_is_no_name(tmp_path: Path) -> None:
    comment = Edit(HANDLER, "import {\n", "import {\n\t// one a line\n")
    claims = judged(shaped_client(tmp_path, comment))
    assert claims["E5"].status is Status.PROVEN


ROUNDABOUT = Edit(
    TASK,
    "\tpublic updateApiConfiguration(",
    "\tasync resume(): Promise<void> { return this.start() }\n"
    "\tasync start(): Promise<void> {\n\t\tawait this.resume()\n"
    "\t\tthis.api = buildApiHandler({ apiProvider: 'kilocode' })\n\t}\n\n"
    "\tpublic updateApiConfiguration(",
)
"""Two methods that call each other, one of which builds a handler."""


def test_calls_that_go_round_lose_no_handler(tmp_path: Path) -> None:
    later = Edit(
        PROVIDER_FILE,
        "\t\treturn task\n\t}\n\n\tprivate async updateTask",
        "\t\tawait task.resume()\n\t\treturn task\n\t}\n\n\tprivate async updateTask",
    )
    checkout = shaped_client(tmp_path, *WIRED, ROUNDABOUT, later)
    (finding,) = judged(checkout)["F8"].findings
    started = line_of(checkout, PROVIDER_FILE, "task.resume()")
    built = line_of(checkout, TASK, "{ apiProvider: 'kilocode' }")
    assert finding.condition.startswith(f"{PROVIDER_FILE}:{started}: ")
    assert f"{TASK}:{built} " in finding.condition


CONDENSED = (
    Edit(
        TASK,
        "\t\tthis.api = buildApiHandler(apiConfiguration)\n",
        "\t\tthis.api = buildApiHandler(apiConfiguration)\n\t\tthis.condense(apiConfiguration)\n",
    ),
    Edit(
        TASK,
        "\tpublic updateApiConfiguration(",
        "\tcondense(profile: ProviderSettings) { return buildApiHandler(profile) }\n\n"
        "\tpublic updateApiConfiguration(",
    ),
)
"""A second handler that a task builds of the same settings."""


def test_each_builder_of_a_place_is_named(tmp_path: Path) -> None:
    checkout = shaped_client(tmp_path, *CONDENSED)
    history = line_of(checkout, PROVIDER_FILE, "historyItem: HistoryItem &") + 2
    findings = judged(checkout)["F8"].findings
    (finding,) = [each for each in findings if each.condition.startswith(f"{PROVIDER_FILE}:{history}: ")]
    first = line_of(checkout, TASK, "= buildApiHandler(apiConfiguration)")
    second = line_of(checkout, TASK, "return buildApiHandler(profile)")
    assert f" at {TASK}:{first}, {TASK}:{second} without " in finding.condition
