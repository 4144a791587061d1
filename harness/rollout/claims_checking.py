"""Whether what a rollout's file says of claims and sentences holds together: ids, quotes, kinds. Pure."""

import json
from typing import Final

from harness.rollout.claims import CLAIMS
from harness.rollout.files import Files, Place
from harness.rollout.quotes import missing_in
from harness.rollout.steps import twice
from harness.rollout.tables import Audit, Tables
from harness.rollout.typed import Problem

_AUDIT_NEEDS: Final = {"rests": "on", "build": "build", "query": "query"}


def check_claims(tables: Tables, files: Files) -> None:
    """Raises Problem for the first thing that does not hold."""
    audits = {audit.id for audit in tables.audit}
    for name in twice(audit.id for audit in tables.audit):
        raise Problem(("audit",), f"audit {name}: two sentences of that id")
    for index, audit in enumerate(tables.audit):
        _audit(audit, ("audit", index), audits)
    plan = files.text(("rollout", "plan"), tables.rollout.plan) if tables.rollout.plan else None
    for name, wording in tables.claims.items():
        if name not in CLAIMS:
            raise Problem(("claims", name), f"claims.{name} is no claim; there are {', '.join(CLAIMS)}")
        _quote(tables, plan, ("claims", name), f"claims.{name}", wording.quote)
    for index, audit in enumerate(tables.audit):
        _quote(tables, plan, ("audit", index), f"audit {audit.id}", audit.quote)


def _audit(audit: Audit, place: Place, audits: set[str]) -> None:
    if audit.id in CLAIMS:
        raise Problem(place, f"audit {audit.id} is the id of a claim; choose another")
    for kind, key in _AUDIT_NEEDS.items():
        if (audit.kind == kind) is not bool(getattr(audit, key)):
            does = f"{key} is missing" if audit.kind == kind else f'{key} goes with kind = "{kind}"'
            raise Problem(place, f"audit {audit.id}: {does}")
    if other := next((name for name in audit.on if name not in CLAIMS and name not in audits), None):
        raise Problem(place, f"audit {audit.id} rests on {other}, which is no claim")


def _quote(tables: Tables, plan: str | None, place: Place, said: str, quote: str) -> None:
    if not quote:
        return
    if plan is None:
        raise Problem(place, f"{said}.quote: rollout.plan is not set; name the file that is quoted")
    if missing_in(plan, quote):
        raise Problem(
            place, f"{said}.quote is not in {tables.rollout.plan}: {json.dumps(quote, ensure_ascii=False)}"
        )
