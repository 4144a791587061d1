"""The plan as data: what is rolled out, under which names and limits, and what was promised of it. Pure.

Names of the header, the column, the index and the tables stand here and in `sql/` only. Another rollout of the
same kind (one header, one nullable column, one index) is another version of this file, not another harness.
Source: the rollout plan, revision 15286b36; its sections are named in each claim.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from harness.verdict import Claim, Status

HEADER: Final = "x-posthog-distinct-id"
"""Optional request header; names compare case-insensitively (RFC 9110, 5.1)."""

ROUTES: Final = ("/api/openrouter/chat/completions", "/api/gateway/chat/completions")
"""The route of the plan and its alias; both create anonymous users."""

USAGE_TABLE: Final = "microdollar_usage"
METADATA_TABLE: Final = "microdollar_usage_metadata"
USERS_TABLE: Final = "kilocode_users"
VIEW: Final = "microdollar_usage_view"
AGENT_TABLE: Final = "http_user_agent"
"""A look-up of user agents: its column of this name, by the id of which rows of the metadata table refer to it."""
AGENT_ID: Final = "http_user_agent_id"
COLUMN: Final = "posthog_distinct_id"
INDEX: Final = "idx_microdollar_usage_metadata_posthog_distinct_id"

CREATED_AT: Final = "created_at"
DECLARED_INDEXES: Final = (("idx_microdollar_usage_metadata_created_at", CREATED_AT), (INDEX, COLUMN))
"""The indexes of the metadata table that schema.ts declares, each with its column; both btree over every row."""

MIGRATION_FILE: Final = "0005_add_posthog_distinct_id_to_usage_metadata.sql"
"""The migration as the plan writes it."""

LENGTH_MAX: Final = 255
"""Longest value stored, in UTF-16 code units (JavaScript's `String.length`)."""

MARK: Final = "rollout-harness"
"""The product in the user agent of a run's requests (RFC 9110, 10.1.5); its version is the name of the run."""

ANONYMOUS_PREFIX: Final = "anon:"
"""An anonymous user's id is this and the first item of x-forwarded-for."""

DERIVED_PREFIX: Final = "vscode-"
DERIVED_HEX_DIGITS: Final = 16
"""The extension's id: prefix, then so many hex digits."""

_ROUTE = "Repository 1, File 3: route.ts"
_ROUTE_RULE = "rawDistinctId && rawDistinctId.length <= 255 && /^[a-zA-Z0-9_-]+$/.test(rawDistinctId)"

CLAIMS: Final = (
    Claim("V1", "A valid header is stored byte for byte.", _ROUTE_RULE, _ROUTE, least=4),
    Claim(
        "V2",
        "A header of 255 characters is stored, one of 256 is not.",
        "max 255 chars",
        _ROUTE,
        least=2,
    ),
    Claim(
        "V3",
        "An invalid, empty or duplicate header stores NULL.",
        "alphanumeric + underscore/hyphen only",
        _ROUTE,
        least=4,
    ),
    Claim(
        "V4",
        "No header, whatever it holds, changes the status, the headers or the body of the reply.",
        "header is optional",
        "Deployment Order",
        least=4,
    ),
    Claim(
        "V5",
        "A request without the header stores NULL, whatever was sent before it.",
        "const rawDistinctId = request.headers.get",
        _ROUTE,
        least=4,
    ),
    Claim(
        "V6",
        "Bytes that HTTP refuses never reach the rule, and leave no row.",
        "Validate and sanitize PostHog distinct_id from header",
        _ROUTE,
        least=20,
    ),
    Claim(
        "V7",
        "The rule that is tested is the plan's JavaScript.",
        _ROUTE_RULE,
        _ROUTE,
        least=1000,
    ),
    Claim(
        "C1",
        "The backend as it was ignores the header.",
        "Extensions sending header before this = header ignored (safe)",
        "Deployment Order",
        least=4,
    ),
    Claim(
        "C2",
        "A client that sends no header is served as before, and its rows hold NULL.",
        "new field is nullable, header is optional",
        "Deployment Order",
        least=4,
    ),
    Claim(
        "C3",
        "A database session that is kept open while the column is added goes on working: the old backend's INSERT "
        "and a SELECT on the view, both prepared before.",
        "Backend changes are backward-compatible",
        "Deployment Order",
        least=2,
    ),
    Claim(
        "I1",
        "A signed-in user's rows hold the e-mail, whatever the header says.",
        ": user.google_user_email",
        _ROUTE,
        least=2,
    ),
    Claim(
        "I2",
        "An anonymous user is still known by the address alone.",
        "Backend creates `anon:{ip}`",
        "Problem",
        least=4,
    ),
    Claim(
        "M1",
        "The migration leaves the rows that exist as they were.",
        "Backend changes are backward-compatible (new field is nullable",
        "Deployment Order",
    ),
    Claim(
        "R1",
        "Every request leaves exactly one usage row and one metadata row.",
        "Check that posthog_distinct_id is included in INSERT",
        "Repository 1, File 4: processUsage.ts",
        least=4,
    ),
)

SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "length-only": {
        "V1": "A header of up to the longest length is stored as it is, but for white space at its edges.",
        "V3": "An empty header, and one that is too long, stores NULL; any character and duplicates are stored.",
    }
}
"""What a claim says under a policy that is not the plan's own, by the policy's name."""


def claims_under(policy: str, claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims as a policy words them; under the plan's own they stand as they are."""
    wording = SENTENCES.get(policy, {})
    return tuple(replace(claim, sentence=wording.get(claim.id, claim.sentence)) for claim in claims)


ORDER_CLAIMS: Final = (
    Claim(
        "O1",
        "The plan's order, migration and backend first, is safe at every stage and across every step.",
        "Backend FIRST, Extensions AFTER",
        "Deployment Order",
        least=13,
    ),
    Claim(
        "O3",
        "A request that is open while a step is taken is served and accounted for by the build that had it.",
        "Backend changes are backward-compatible",
        "Deployment Order",
        least=36,
    ),
    Claim(
        "O4",
        "A replica is swapped under traffic without the loss of a request or a row.",
        "Deploy backend",
        "Deployment Order",
        least=2,
    ),
)
"""What is asked of orders at every level."""

RULE_CLAIM: Final = Claim(
    "O2",
    "An order of the steps loses nothing if and only if the column is added before any server runs the new backend; "
    "when the extension is released does not matter.",
    "Independent: YES - No tight coupling, deploy at your own pace",
    "Deployment Order",
    least=624,
)
"""Asked at levels that stand every stage up."""

EXPLORATION_CLAIM: Final = Claim(
    "R2",
    "When requests go wrong (a client gone, a database connection cut), the new backend loses a row only where the old "
    "one loses it too, or where the column is not there yet.",
    "Backend changes are backward-compatible",
    "Deployment Order",
    least=20,
)
"""Asked at levels that explore at random."""

ROLL_BACK_CLAIM: Final = Claim(
    "O5",
    "After any single roll-back, at any time, only an `after` replica on a schema without the column is unsafe.",
    "deploy at your own pace",
    "Deployment Order",
    least=1000,
)
"""Asked at the level that takes steps back."""

_SQL = "Repository 1, File 1: migration"

MIGRATION_CLAIMS: Final = (
    Claim(
        "M2",
        "The migration rewrites no row.",
        "ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id TEXT",
        _SQL,
    ),
    Claim(
        "M3",
        "The column is nullable text without a default.",
        "new field is nullable",
        "Deployment Order",
    ),
    Claim(
        "M4",
        "The index serves every look-up by a value of that column: a btree on it, not unique, valid and ready.",
        "CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id",
        _SQL,
    ),
    Claim(
        "M5",
        "A look-up by id is answered from the index.",
        "index('idx_microdollar_usage_metadata_posthog_distinct_id').on(table.posthog_distinct_id)",
        "Repository 1, File 2: schema.ts",
    ),
    Claim(
        "M6",
        "While the index is built, other sessions can read, insert and update, also while the build waits for others.",
        "Use CONCURRENTLY to avoid blocking writes on large table",
        _SQL,
        least=24,
    ),
    Claim(
        "M7",
        "A row without a value is no bigger than before; the longest value takes its 255 bytes and no more than ten.",
        "max 255 chars, alphanumeric + underscore/hyphen only) to prevent DB bloat",
        _ROUTE,
    ),
    Claim(
        "M8",
        "Under writers of both builds the migration fails none, and every accepted write has both its rows.",
        "Backend changes are backward-compatible",
        "Deployment Order",
        least=20,
    ),
    Claim(
        "M9",
        "Rolled back under writers, also when the view reads the column, it leaves the schema as it was.",
        "Backend changes are backward-compatible",
        "Deployment Order",
        least=20,
    ),
    Claim(
        "M10",
        "Outside a transaction the plan's file does what it says; inside one it is refused and nothing is changed.",
        "`CREATE INDEX CONCURRENTLY` cannot run in a transaction",
        _SQL,
        least=4,
    ),
)
"""What is asked of the migration, beside M1."""

STALL_CLAIM: Final = Claim(
    "M11",
    "No write is held up for longer than the budget while the migration runs.",
    "Use CONCURRENTLY to avoid blocking writes on large table",
    _SQL,
    least=100,
)
"""Asked where a budget is given."""

RECOVERY_CLAIM: Final = Claim(
    "M13",
    "However CREATE INDEX CONCURRENTLY fails, running the recovery files (twice) leaves a valid index, no write lost.",
    "may need separate execution",
    _SQL,
    least=6,
)
LOCKS_CLAIM: Final = Claim(
    "M14",
    "Every statement of the rollout and its rollback takes the lock on the table that is predicted for it.",
    "Use CONCURRENTLY to avoid blocking writes on large table",
    _SQL,
    least=8,
)
RUNNER_CLAIM: Final = Claim(
    "M15",
    "The harness's drizzle-like runner does in every layout what drizzle-orm's own migrator does.",
    "If your migration runner wraps statements in transactions, you may need to",
    _SQL,
    least=8,
)
"""Asked of a rehearsal."""

MIGRATION_AUDIT: Final = (
    (
        Claim(
            "M12",
            "As planned, the project's migration runner applies the migration.",
            "If your migration runner wraps statements in transactions, you may need to",
            _SQL,
        ),
        Status.REFUTED,
        "journal a file with the ALTER alone, and build the index by hand afterwards with up/0005b",
    ),
)
"""As `EXTENSION_AUDIT`, of the migration."""

EXISTING_FIELDS: Final = 15
"""How many columns the plan says the metadata table has: 14, and `has_tools`. Source: plan, Repository 1, File 2."""

_SUMMARY = "Summary"
_QUERIES = "Validation Queries"

AUDIT: Final = (
    (
        Claim(
            "A1",
            "As planned, with the INSERT left as it is, the id reaches the row.",
            "Check that posthog_distinct_id is included in INSERT around line ~550-600. Likely already works.",
            "Repository 1, File 4: processUsage.ts",
            least=4,
        ),
        Status.REFUTED,
        "put the value into what the INSERT is made from: the usage context, its type, the list of columns, the SELECT",
    ),
    (
        Claim("A2", "The edits to the files listed bring the id into the row.", "8 files", _SUMMARY, least=4),
        Status.REFUTED,
        "edit File 4 as well instead of only looking at it, and whatever else the usage context passes through",
    ),
    (
        Claim(
            "A3",
            "One endpoint creates anonymous users.",
            "1 backend endpoint** creates `anon:ip`: `/api/openrouter/`",
            _SUMMARY,
        ),
        Status.REFUTED,
        "read the header at the gateway's alias too: it is the same handler, and the harness tests it",
    ),
    (
        Claim(
            "A4",
            "Only the VSCode and JetBrains extensions use it.",
            "VSCode & JetBrains only (not CLI, not web)",
            _SUMMARY,
        ),
        Status.UNKNOWN,
        "count anonymous rows by user agent in production; nothing here depends on who sends",
    ),
    (
        Claim(
            "A5",
            "The table has 14 fields and has_tools.",
            "14 existing fields",
            "Repository 1, File 2: schema.ts",
        ),
        Status.REFUTED,
        "make the edit against the schema as it is now; the column comes last either way",
    ),
    (
        Claim("A6", "The coverage query answers.", "* 100.0 / COUNT(*) as coverage_pct", _QUERIES),
        Status.REFUTED,
        "divide by NULLIF(COUNT(*), 0)",
    ),
    (
        Claim(
            "A7",
            "The second query lists anonymous users with each of their ids and how many requests had it.",
            "View anonymous users with PostHog tracking",
            _QUERIES,
            least=4,
        ),
        Status.PROVEN,
        "",
    ),
    (
        Claim(
            "A8",
            "The header rule keeps one client from storing whatever it likes.",
            "to prevent DB bloat from malicious clients",
            _ROUTE,
            least=4,
        ),
        Status.REFUTED,
        f"what a row takes is bounded, by {LENGTH_MAX} bytes; how many ids one address may send is not: limit requests "
        "by address",
    ),
)
"""Sentences of the plan, each a claim with the status it is expected to have, and a workaround."""

RESTING_AUDIT: Final = (
    (
        Claim("A9", "The header is optional.", "header is optional", "Deployment Order"),
        ("C2",),
        "",
    ),
    (
        Claim(
            "A10",
            "An extension that sends the header too early is ignored.",
            "Extensions sending header before this = header ignored (safe)",
            "Deployment Order",
        ),
        ("C1",),
        "",
    ),
    (
        Claim("A11", "Backend first is safe.", "Backend FIRST, Extensions AFTER", "Deployment Order"),
        ("O1",),
        "what is critical is another order: the column before any `after` replica",
    ),
    (
        Claim(
            "A12",
            "Extensions need no coordination with the backend.",
            "Can be days/weeks later, no coordination needed",
            "Deployment Order",
        ),
        ("O2",),
        "",
    ),
    (
        Claim("A13", "The column is nullable.", "new field is nullable", "Deployment Order"),
        ("M3",),
        "",
    ),
    (
        Claim("A14", "A signed-in user's row holds the e-mail.", ": user.google_user_email", _ROUTE),
        ("I1",),
        "e-mail addresses then stand in a column made for anonymous ids: see that whoever may read it may read them",
    ),
)
"""Sentences that hold if the claims they rest on do."""

AUDIT_CLAIM: Final = Claim(
    "A0",
    "Each sentence of the plan that was tried by itself still turns out true, false or open, as it was recorded.",
    "Likely already works",
    "whole plan",
    least=8,
)
"""A sentence that is known not to hold, and does not, is no news; one that changes either way is."""

GATE_CLAIMS: Final = (
    Claim(
        "V8",
        "The header counts by its name in any case, and no header of another name counts.",
        "request.headers.get('x-posthog-distinct-id')",
        _ROUTE,
        least=3,
    ),
    Claim(
        "V9",
        "Requests that are open at once, from one address or many, each store what they sent.",
        "const rawDistinctId = request.headers.get",
        _ROUTE,
        least=6,
    ),
    Claim(
        "V10",
        "Whatever a server makes of bytes that HTTP refuses, nothing is stored but what the rule accepts.",
        "Validate and sanitize PostHog distinct_id from header",
        _ROUTE,
        least=3,
    ),
    Claim(
        "R3",
        "The header changes no other column of the rows.",
        "header is optional",
        "Deployment Order",
        least=4,
    ),
    Claim(
        "D1",
        "No row of an anonymous user holds a value that the rule does not accept.",
        "Header is validated (max 255 chars, alphanumeric + underscore/hyphen only)",
        _ROUTE,
    ),
)
"""Asked of a deployed backend, beside some of the others."""

_GATE_RULE = ("V1", "V2", "V3", "V4", "V5", "V8", "V9", "V10")
GATE_AFTER: Final = (*_GATE_RULE, "C2", "I1", "I2", "R1", "R3", "M3", "M4", "D1")
"""What is required of a deployed backend that should have the plan's change, and of its database."""

GATE_SENTENCES: Final = {
    "M3": "The column is nullable text without a default, and the database refuses and changes no valid value.",
}
"""Where the gate looks at more than a migration makes."""

GATE_BEFORE: Final = ("C1", "C2", "I2", "R1")
"""What is required of a deployed backend that should not have it yet."""

SELFTEST_CLAIMS: Final = (
    Claim(
        "S1",
        "Every defect of the catalogue is refuted by the claim meant for it.",
        "Backend FIRST, Extensions AFTER",
        "Deployment Order",
    ),
    Claim(
        "S2",
        "No harmless variant of the catalogue is refuted, and each is proven.",
        "No tight coupling, deploy at your own pace",
        "Deployment Order",
    ),
)
"""Asked of the harness itself: whether it can fail, and does not where it must not."""

_ID = "Repository 2, File 1: anonymous-id.ts"
_PROVIDER = "Repository 2, File 2: kilocode-openrouter.ts"

EXTENSION_CLAIMS: Final = (
    Claim(
        "E1",
        "From every machineId Node derives the id that Python and the known answers have; both header rules accept it.",
        ".update(machineId).update('kilocode-posthog').digest('hex').substring(0, 16)",
        _ID,
        least=100,
    ),
    Claim(
        "E2",
        "An installation derives its id once, stores it before use, and keeps it; a lost write changes nothing.",
        "AWAIT to ensure persistence",
        _ID,
        least=14,
    ),
    Claim(
        "E3",
        "With the workarounds of E9 and E10, the extension sends its request even if its storage fails or is wrong.",
        "new field is nullable, header is optional",
        "Deployment Order",
        least=20,
    ),
    Claim(
        "E4",
        "An id that both header rules accept is sent, or none, whatever the storage holds, by the workaround of E10.",
        "Header is validated (max 255 chars, alphanumeric + underscore/hyphen only)",
        _ROUTE,
        least=20,
    ),
    Claim(
        "E5",
        "The provider adds the header when there is an id, and changes no other header.",
        "if (distinctId) { headers['x-posthog-distinct-id'] = distinctId; }",
        _PROVIDER,
        least=64,
    ),
    Claim(
        "E6",
        "With either workaround of E8, the id in the row leads to the person in PostHog with the extension's events.",
        "Pass PostHog `distinct_id` from extensions to backend",
        "Problem",
        least=2,
    ),
    Claim(
        "E7",
        "Installations send an id of their own or none, and none without telemetry, by the workarounds of E11 and E12.",
        "const machineId = vscode.env.machineId",
        _ID,
        least=100,
    ),
)
"""What must hold of the extension: of the plan's code with the workarounds of `EXTENSION_AUDIT`."""

EXTENSION_AUDIT: Final = (
    (
        Claim(
            "E8",
            "As planned, the id in the row is one of those whom the extension's events belong to.",
            "Pass PostHog `distinct_id` from extensions to backend",
            "Problem",
        ),
        Status.REFUTED,
        "capture the extension's events under the derived id, or alias it once to the machineId under which they are "
        "captured",
    ),
    (
        Claim(
            "E9",
            "As planned, a request goes out whatever the storage does.",
            "Function is async and awaits `globalState.update()` to ensure ID is persisted",
            _ID,
            least=4,
        ),
        Status.REFUTED,
        "wait for the update at most a second and ignore its failure: the next start derives the same id",
    ),
    (
        Claim(
            "E10",
            "As planned, an id that the header rule accepts is sent, or none, whatever the storage holds.",
            "let anonymousId = context.globalState.get<string>(STORAGE_KEY)",
            _ID,
            least=4,
        ),
        Status.REFUTED,
        "use the stored value only if it is a string that the header rule accepts; else derive the id again",
    ),
    (
        Claim(
            "E11",
            "As planned, installations on different machines have different ids.",
            "const machineId = vscode.env.machineId",
            _ID,
            least=100,
        ),
        Status.REFUTED,
        "send no id where the machineId is empty or the constant that stands for none",
    ),
    (
        Claim(
            "E12",
            "As planned, no id is sent where the user has switched telemetry off.",
            "if (distinctId) { headers['x-posthog-distinct-id'] = distinctId; }",
            _PROVIDER,
        ),
        Status.REFUTED,
        "give no id where vscode.env.isTelemetryEnabled is false",
    ),
    (
        Claim(
            "E13",
            "As planned, no id is stored that PostHog refuses as a person's: anonymous, null, undefined and the like.",
            "Pass PostHog `distinct_id` from extensions to backend",
            "Problem",
            least=10,
        ),
        Status.REFUTED,
        "leave these ids out where rows are joined with persons (harness coverage counts them), or refuse them in the "
        "header rule",
    ),
    (
        Claim(
            "E14",
            f"As planned, an id of up to {LENGTH_MAX} characters that is stored is one that an event can have.",
            "max 255 chars",
            _ROUTE,
            least=2,
        ),
        Status.REFUTED,
        "PostHog's capture cuts an id after 200 characters: let the header rule accept no more than these; until then "
        "harness coverage counts the longer ones",
    ),
)
"""Sentences on the plan's code as it stands: each a claim with the status it is expected to have, and a workaround."""
