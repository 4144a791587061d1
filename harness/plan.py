"""The plan as data: what the default rollout's folder says, by the names under which the plan's own checks know it.

Names, limits, claims and quotes stand in that folder alone; what of them a rollout of somebody's own gives instead is
read from its file (`rollout`), not here. Pure.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeVar

from harness.data import policy_folder
from harness.rollout import default_rollout, load_rollout
from harness.rollout.tables import Audit, Wording
from harness.verdict import Claim, Status

Value = TypeVar("Value")


def _given(value: Value | None) -> Value:
    """What the plan's file must have, though another's may lack it."""
    if value is None:
        raise ValueError("the default rollout lacks what the plan's own checks look at")
    return value


_ROLLOUT: Final = default_rollout()
_TABLES: Final = _ROLLOUT.tables
_DETAIL: Final = _given(_TABLES.store.detail)
_DERIVED: Final = _given(_given(_TABLES.client).derived)

HEADER: Final = _ROLLOUT.header.name.lower()
"""Optional request header; names compare case-insensitively (RFC 9110, 5.1)."""

RULE: Final = _ROLLOUT.header.rule
"""The plan's rule, as operations."""

ROUTES: Final = _TABLES.request.paths
"""The route of the plan and its alias; both create anonymous users."""

REQUEST_HEADERS: Final = tuple(_TABLES.request.headers)
"""Names of the other headers that a request may have."""

USAGE_TABLE: Final = _TABLES.store.main.table
METADATA_TABLE: Final = _given(_DETAIL.table)
USERS: Final = _given(_TABLES.store.users)
"""Who may sign in."""
COLUMN: Final = _given(_DETAIL.column)


def _named(pattern: str, file: str) -> str:
    """The name that a statement of a file has; `pattern` has it as its group."""
    return _given(re.search(pattern, _ROLLOUT.text(file)))[1]


STATEMENT_HEADERS: Final = _TABLES.reference.headers
"""Which other headers of a request its rows hold, by the values of the accounting statement."""
VIEW: Final = _named(r"VIEW (\w+)", _given(_TABLES.reference.view).up)
_BUILD: Final = next(_given(step.up) for step in _TABLES.step if step.concurrent)
INDEX: Final = _named(r"CREATE INDEX CONCURRENTLY (\w+)", _BUILD)

MIGRATION_FILE: Final = _given(_TABLES.runner.file)
"""The migration as the plan writes it."""

LENGTH_MAX: Final = int(_given(re.search(r"\{1,(\d+)\}", _given(RULE[0].match)))[1])
"""Longest value stored, in UTF-16 code units (JavaScript's `String.length`)."""

MARK: Final = "rollout-harness"
"""The product in the user agent of a run's requests (RFC 9110, 10.1.5); its version is the name of the run."""

ANONYMOUS_PREFIX: Final = _given(_TABLES.identity[0].user).partition("{")[0]
"""An anonymous user's id is this and the first item of x-forwarded-for."""

DERIVED_PREFIX: Final = _DERIVED.prefix
DERIVED_HEX_DIGITS: Final = _DERIVED.hex_digits
"""The extension's id: prefix, then so many hex digits."""


def _claim(name: str, wording: Wording | Audit) -> Claim:
    return Claim(name, wording.sentence, wording.quote, wording.section, wording.least or 1)


def _claims(*names: str) -> tuple[Claim, ...]:
    return tuple(_claim(name, _TABLES.claims[name]) for name in names)


CLAIMS: Final = _claims("V1", "V2", "V3", "V4", "V5", "V6", "V7", "C1", "C2", "C3", "I1", "I2", "M1", "R1")


@lru_cache(maxsize=4)
def _sentences(policy: str) -> dict[str, str]:
    folder = policy_folder(policy)
    claims = load_rollout(folder).tables.claims if folder.is_dir() else {}
    return {name: wording.sentence for name, wording in claims.items()}


def claims_under(policy: str, claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims as a policy words them, by the file of its folder; under the plan's own they stand as they are."""
    wording = _sentences(policy)
    return tuple(replace(claim, sentence=wording.get(claim.id, claim.sentence)) for claim in claims)


ORDER_CLAIMS: Final = _claims("O1", "O3", "O4")
"""What is asked of orders at every level."""

RULE_CLAIM, EXPLORATION_CLAIM, ROLL_BACK_CLAIM = _claims("O2", "R2", "O5")
"""Asked at levels that stand every stage up, that explore at random, and that take steps back."""

MIGRATION_CLAIMS: Final = _claims(*(f"M{number}" for number in range(2, 11)))
"""What is asked of the migration, beside M1."""

STALL_CLAIM, RECOVERY_CLAIM, LOCKS_CLAIM, RUNNER_CLAIM = _claims("M11", "M13", "M14", "M15")
"""Asked of a rehearsal, the first where a budget is given."""

Sentence = tuple[Claim, Status, str]
"""A sentence of the plan with the status it is expected to have, and a workaround."""


def _audited(letter: str) -> Iterator[Sentence]:
    for audit in _TABLES.audit:
        if audit.kind != "rests" and audit.id.startswith(letter):
            yield _claim(audit.id, audit), Status(audit.expect), audit.workaround


AUDIT: Final = tuple(_audited("A"))
"""Sentences of the plan, each a claim with the status it is expected to have, and a workaround."""

MIGRATION_AUDIT: Final = tuple(_audited("M"))
EXTENSION_AUDIT: Final = tuple(_audited("E"))
"""As `AUDIT`, of the migration, and of the plan's code in the extension as it stands."""

RESTING_AUDIT: Final = tuple(
    (_claim(audit.id, audit), audit.on, audit.workaround) for audit in _TABLES.audit if audit.kind == "rests"
)
"""Sentences that hold if the claims they rest on do."""

EXISTING_FIELDS: Final = next(audit.columns for audit in _TABLES.audit if audit.columns is not None)
"""How many columns the plan says the metadata table has."""

(AUDIT_CLAIM,) = _claims("A0")
"""A sentence that is known not to hold, and does not, is no news; one that changes either way is."""

GATE_CLAIMS: Final = _claims("V8", "V9", "V10", "R3", "D1")
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

SELFTEST_CLAIMS: Final = _claims("S1", "S2")
"""Asked of the harness itself: whether it can fail, and does not where it must not."""

EXTENSION_CLAIMS: Final = _claims(*(f"E{number}" for number in range(1, 8)))
"""What must hold of the extension: of the plan's code with the workarounds of `EXTENSION_AUDIT`."""
