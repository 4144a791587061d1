"""Edits of the small checkouts: the workarounds, faults of one line, and rewrites that change nothing."""

import shutil
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.data import fixture_path

HERE: Final = Path(__file__).parent
ROUTE: Final = "src/app/api/openrouter/[...path]/route.ts"
USAGE: Final = "src/lib/processUsage.ts"
MIGRATIONS: Final = "src/db/migrations"
MIGRATION: Final = f"{MIGRATIONS}/0005_add_posthog_distinct_id_to_usage_metadata.sql"
JOURNAL: Final = f"{MIGRATIONS}/meta/_journal.json"
HELPERS: Final = "src/lib/llm-proxy-helpers.ts"


class Edit(NamedTuple):
    """One text in one file that is replaced by another; without an old text the file is written anew."""

    file: str
    old: str
    new: str


def apply(checkout: Path, *edits: Edit) -> None:
    """Makes the edits. Raises AssertionError where an old text is not there exactly once."""
    for edit in edits:
        path = checkout / edit.file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not edit.old:
            path.write_text(edit.new, encoding="utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, (edit.file, edit.old, text.count(edit.old))
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def line_of(checkout: Path, file: str, text: str) -> int:
    """The line of a text that is there once."""
    lines = (checkout / file).read_text(encoding="utf-8").splitlines()
    (found,) = [number for number, line in enumerate(lines, start=1) if text in line]
    return found


def entries(name: str) -> list[dict[str, Any]]:
    """The tables of a file of this folder, `faults.toml` for `fault`."""
    document = tomllib.loads((HERE / f"{name}s.toml").read_text(encoding="utf-8"))
    return list(document[name.rpartition("_")[2]])


REWRITES: Final = {entry["name"]: entry["edits"] for entry in entries("rewrite")}


def rewrite(checkout: Path, name: str) -> None:
    """Makes the edits of a rewrite of `rewrites.toml`, in a checkout that has the plan's File 4 edited."""
    moved = (checkout / USAGE).read_text(encoding="utf-8").replace("'./drizzle'", "'@/lib/drizzle'")
    for edit in REWRITES[name]:
        new = moved if edit["new"] == "MOVED" else edit["new"]
        apply(checkout, Edit(edit["file"], edit.get("old", ""), new))


def backend(folder: Path, *edits: Edit) -> Path:
    """A backend's checkout with these edits."""
    made = folder / "backend"
    shutil.copytree(HERE / "backend", made)
    shutil.copy(fixture_path("rollouts/kilo/0000_baseline.sql"), made / MIGRATIONS)
    apply(made, *edits)
    return made


EXTRACTED: Final = Edit(
    USAGE,
    "    has_tools: usageContext.has_tools,\n",
    "    has_tools: usageContext.has_tools,\n    posthog_distinct_id: usageContext.posthog_distinct_id ?? null,\n",
)
TYPED: Final = Edit(
    USAGE,
    "  has_tools: boolean | null;\n  streamed: boolean | null;\n",
    "  has_tools: boolean | null;\n  posthog_distinct_id: string | null;\n  streamed: boolean | null;\n",
)
LISTED: Final = Edit(
    USAGE,
    "      has_tools,\n      http_user_agent_id,",
    "      has_tools,\n      posthog_distinct_id,\n      http_user_agent_id,",
)
SELECTED: Final = Edit(
    USAGE,
    "      ${metadataFields.has_tools},\n",
    "      ${metadataFields.has_tools},\n      ${metadataFields.posthog_distinct_id},\n",
)
WIRED: Final = (EXTRACTED, TYPED, LISTED, SELECTED)
"""The plan's File 4 as it must be edited."""

ADDED: Final = Edit(
    MIGRATION, "", "ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;\n"
)
"""The plan's File 1 with the workaround: the ALTER alone, the index is built by hand."""
CORRECTED: Final = (*WIRED, ADDED)
BROKEN: Final = Edit(ROUTE, "const url = new URL(request.url);", "const url = missing(request.url);")
"""The handler throws at its first request, and no more are sent."""

IDENTITY: Final = "src/core/kilocode/anonymous-id.ts"
OPTIONS: Final = "src/shared/api.ts"
PROVIDER_FILE: Final = "src/core/webview/ClineProvider.ts"
BUILDER: Final = "src/api/index.ts"
HANDLER: Final = "src/api/providers/kilocode-openrouter.ts"
CORRECTED_ID: Final = Edit(
    IDENTITY,
    "",
    """import { env, type ExtensionContext } from 'vscode';
import { createHash } from 'node:crypto';

const KEY = 'kilocode.posthogAnonymousId';
const SHARED = ['', 'someValue.machineId'];

export async function getPostHogAnonymousId(context: ExtensionContext): Promise<string | undefined> {
  if (!env.isTelemetryEnabled || SHARED.includes(env.machineId)) return undefined;
  const stored = context.globalState.get<unknown>(KEY);
  if (typeof stored === 'string' && /^[a-zA-Z0-9_-]{1,255}$/.test(stored)) return stored;
  const hash = createHash('sha256').update(env.machineId).update('kilocode-posthog').digest('hex');
  const id = `vscode-${hash.substring(0, 16)}`;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, 1000);
  });
  await Promise.race([context.globalState.update(KEY, id).then(undefined, () => {}), late]);
  clearTimeout(timer);
  return id;
}
""",
)
"""The plan's File 1 of the extension with the workarounds of E9 to E12."""

IDENTIFIED: Final = Edit(
    PROVIDER_FILE,
    "    return { handler, text };",
    "    this.telemetry.identify(posthogDistinctId);\n    return { handler, text };",
)
"""The workaround of E8."""


def client(folder: Path, *edits: Edit) -> Path:
    """An extension's checkout with these edits."""
    made = folder / "client"
    shutil.copytree(HERE / "client", made)
    apply(made, *edits)
    return made


TASK: Final = "src/core/task/Task.ts"


def shaped_client(folder: Path, *edits: Edit) -> Path:
    """An extension's checkout whose files have the shapes of the public one's, with these edits.

    The options are an alias of a package's type; a function builds the handler, a task calls it, and the provider makes
    tasks and gives them new settings.
    """
    made = client(folder)
    shutil.copytree(HERE / "shapes", made, dirs_exist_ok=True)
    apply(made, *edits)
    return made


WORKSPACE: Final = (
    Edit(
        "packages/types/package.json", "", '{"name": "@roo-code/types", "exports": {".": "./src/index.ts"}}'
    ),
    Edit("packages/types/src/index.ts", "", 'export * from "./provider-settings.js"\n'),
)
"""The package of the options' type as one of the checkout's own workspace."""
