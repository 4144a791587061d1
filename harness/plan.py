"""The plan as data: what is rolled out, under which names and limits, and what was promised of it. Pure.

Names of the header, the column, the index and the tables stand here and in `sql/` only. Another rollout of the
same kind (one header, one nullable column, one index) is another version of this file, not another harness.
Source: the rollout plan, revision 15286b36; its sections are named in each claim.
"""

from typing import Final

from harness.verdict import Claim

HEADER: Final = "x-posthog-distinct-id"
"""Optional request header; names compare case-insensitively (RFC 9110, 5.1)."""

ROUTES: Final = ("/api/openrouter/chat/completions", "/api/gateway/chat/completions")
"""The route of the plan and its alias; both create anonymous users."""

USAGE_TABLE: Final = "microdollar_usage"
METADATA_TABLE: Final = "microdollar_usage_metadata"
USERS_TABLE: Final = "kilocode_users"
VIEW: Final = "microdollar_usage_view"
COLUMN: Final = "posthog_distinct_id"
INDEX: Final = "idx_microdollar_usage_metadata_posthog_distinct_id"

MIGRATION_FILE: Final = "0005_add_posthog_distinct_id_to_usage_metadata.sql"
"""The migration as the plan writes it, in `sql/migrations/`."""

LENGTH_MAX: Final = 255
"""Longest value stored, in UTF-16 code units (JavaScript's `String.length`)."""

ANONYMOUS_PREFIX: Final = "anon:"
"""An anonymous user's id is this and the first item of x-forwarded-for."""

DERIVED_PREFIX: Final = "vscode-"
DERIVED_SALT: Final = "kilocode-posthog"
DERIVED_HEX_DIGITS: Final = 16
"""The extension's id: prefix, then the first hex digits of sha256(machineId + salt)."""

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
        "No header, whatever it holds, changes the status or the body of the reply.",
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
