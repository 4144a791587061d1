"""The reference's builds for any rollout: what `before` and `after` are follows from its file.

The plan's own has a catalogue of builds (`defects`); of another there are the two, and harmless variants of `after`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from harness.backend.builds import AFTER, BEFORE, AccountingInsert, Build, Sender, email_or_header
from harness.backend.defects import find_build
from harness.backend.defects.variants import VARIANTS
from harness.backend.slips import PREFIX, slip_build
from harness.errors import UsageError
from harness.rollout import Rollout, is_plans
from harness.rollout.identities import address_users, has_account, stores_header
from harness.rollout.tables import Tables
from harness.rule.policy import Policy, policy_of

VALUE: Final = "{value}"
HARMLESS: Final = (
    "closes",
    "shuffles-headers",
    "served-by",
    "request-id",
    "stream-comments",
    "extra-event",
    "shuffles-members",
)
"""The variants that are right whatever is rolled out: their replies differ where two of one build may."""


def rollout_build(rollout: Rollout, name: str) -> Build:
    """The build of that name for a rollout. Raises UsageError for an unknown one."""
    if is_plans(rollout):
        return find_build(name)
    if name == BEFORE.name:
        return _on_tables(rollout, replace(BEFORE, insert=_insert(rollout, changed=False)))
    after = _after(rollout)
    if name == AFTER.name:
        return after
    if slip := slip_build(after, policy_of(rollout), rollout.header.name.lower().encode(), name):
        return slip
    variant = next((build for build in VARIANTS if build.name == name and name in HARMLESS), None)
    if variant is None:
        known = ", ".join((BEFORE.name, AFTER.name, *HARMLESS, f"{PREFIX}..."))
        raise UsageError(f"unknown build {name!r} of rollout {rollout.name}; there are {known}")
    return replace(
        variant,
        stores=after.stores,
        value=after.value,
        column=after.column,
        columns=after.columns,
        insert=after.insert,
        routes=after.routes,
        users=after.users,
        headers=after.headers,
        anonymous_id=after.anonymous_id,
    )


def _after(rollout: Rollout) -> Build:
    store = rollout.tables.store
    column = (store.detail or store.main).column or ""
    accounts = [identity for identity in rollout.tables.identity if has_account(identity)]
    by_header = all(stores_header(identity) for identity in accounts)
    after = replace(
        AFTER,
        summary=f"the backend of rollout {rollout.name}: stores what its rule makes of {rollout.header.name}",
        stores=partial(_stored, rollout.header.name.lower().encode()),
        value=_accepted if by_header else email_or_header,
        column=column,
        columns=tuple(rollout.tables.reference.columns) or (column,),
        insert=_insert(rollout, changed=True),
    )
    return _on_tables(rollout, after)


def _on_tables(rollout: Rollout, build: Build) -> Build:
    tables = rollout.tables
    return replace(
        build,
        routes=tables.request.paths,
        users=tables.store.users,
        headers=tables.reference.headers,
        anonymous_id=partial(_anonymous_id, tables),
    )


def _anonymous_id(tables: Tables, sender: Sender) -> str:
    return next(iter(address_users(tables, (sender.asked.address,))), "")


def _stored(name: bytes, policy: Policy, lines: Sequence[tuple[bytes, bytes]], path: str) -> str | None:
    return policy.stored([value for key, value in lines if key == name], path)


def _accepted(sender: Sender) -> str | None:
    return sender.accepted


def _insert(rollout: Rollout, *, changed: bool) -> AccountingInsert:
    """The accounting statement, and what the build with the change adds to it."""
    reference = rollout.tables.reference
    if reference.insert is None:
        raise UsageError(f"{rollout.folders[0]}: no reference.insert; without it no reference can be started")
    text = rollout.text(reference.insert)
    if not changed:
        return AccountingInsert(text)
    ctes = rollout.text(reference.ctes) if reference.ctes else ""
    return AccountingInsert(
        text, ctes, {name: value for name, value in reference.columns.items() if value != VALUE}
    )
