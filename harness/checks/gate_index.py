"""Judges whether the look-up that the plan's index is for can use an index: by the catalogue, and by the planner.

A difference from the declared index refutes where `WHERE column = value` cannot use it, or where it refuses a NULL or
a duplicate; any other is noted and harms nothing. Pure.
"""

from collections.abc import Sequence
from typing import Final

from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes
from harness.database.declaration import Index, find
from harness.database.declared import DeclaredStore
from harness.database.deployed import LookUp, PlanNode
from harness.verdict import Finding

INDEX: Final = "M4"


def judge_index(indexes: Sequence[Index], look_up: LookUp | None, declared: DeclaredStore) -> Outcomes:
    """Judges M4; without a column there is no look-up."""
    yield Observed(INDEX)
    named = find(indexes, _name(declared))
    if named is not None and (reason := _unfit(named, declared)):
        effect = f"found {named.describe()}: {reason}"
        yield _refuted(effect, f"drop it as harness schema says, then {_build(declared)}", declared)
        return
    fit = [index for index in indexes if not _unfit(index, declared)]
    if look_up is None or not fit:
        yield from _refute_unused(indexes, declared, "there is none on the column")
    elif look_up.refused:
        yield Inconclusive(INDEX, f"the planner cannot be asked: {look_up.refused}")
    else:
        yield from _judge_use(indexes, fit, look_up.nodes, declared)


def _judge_use(
    indexes: Sequence[Index], fit: Sequence[Index], nodes: Sequence[PlanNode], declared: DeclaredStore
) -> Outcomes:
    """Judges the indexes by what the planner takes; of several that would do it takes any."""
    plain = [index for index in fit if _is_plain(index, declared)]
    unused = next(
        (node for node in nodes if not _is_by_value(node, declared) and not (plain and "Index Name" in node)),
        None,
    )
    taken = {node["Index Name"] for node in nodes if "Index Name" in node}
    wrong = sorted(taken & {index.name for index in indexes if index not in fit})
    young = next((index for index in plain if index.young), None)
    if young is not None and (unused is not None or wrong):
        yield Inconclusive(
            INDEX,
            f"{young.name} is younger than a transaction that is still open, so that the planner may not use it yet; "
            "judge again when that transaction has ended (the oldest xact_start in pg_stat_activity)",
        )
    elif unused is not None:
        table = unused.get("Relation Name", declared.table)
        yield from _refute_unused(
            indexes, declared, f"the planner reads all of {table} ({unused['Node Type']})"
        )
    elif wrong and not plain:
        yield from _refute_unused(indexes, declared, f"the planner takes {', '.join(wrong)}")
    else:
        # An index that equals the declared one would serve by its definition, if the planner preferred none to it.
        serving = [index for index in fit if index in plain or index.name in taken] or list(fit)
        best = find(serving, _name(declared)) or serving[0]
        yield from _note_serving(fit, best, declared)
        others = sorted(taken & {index.name for index in indexes if index is not best})
        if others:
            yield Detail(INDEX, f"it takes {', '.join(others)} while that is there, too")


def _note_serving(fit: Sequence[Index], best: Index, declared: DeclaredStore) -> Outcomes:
    yield Detail(INDEX, f"{best.describe()}; the planner finds values by it")
    named = find(fit, _name(declared))
    if named is None:
        yield Detail(INDEX, f"another name than {_name(declared)}")
    elif named != declared.index or named.also:
        if named is not best and not _is_plain(named, declared):
            yield Detail(INDEX, f"{named.describe()} does not serve: drop it concurrently")
        yield Detail(INDEX, f"declared btree ({declared.column.name}) and nothing more")


def _is_by_value(node: PlanNode, declared: DeclaredStore) -> bool:
    return declared.column.name in str(node.get("Index Cond", ""))


def _unfit(index: Index, declared: DeclaredStore) -> str:
    """Why an index cannot be what the look-up uses; empty when only the planner can tell."""
    if index.columns[:1] != (declared.column.name,) or index.method != "btree":
        return f"declared btree ({declared.column.name}), valid, ready, live"
    if not index.is_usable:
        return f"declared btree ({declared.column.name}), valid, ready, live"
    if "EXCLUDE" in index.unlike or (index.unique and not declared.identifying.intersection(index.columns)):
        others = ", ".join(index.columns[1:])
        return (
            "it refuses a value that is there already"
            + (f" with the same {others}" if others else "")
            + (", and a second NULL" if "NULLS NOT DISTINCT" in index.unlike else "")
        )
    return ""


_ALIKE: Final = frozenset({"text_pattern_ops", "varchar_pattern_ops", "NULLS NOT DISTINCT"})
"""Parts of a definition that leave a look-up by equality as it is."""


def _is_plain(index: Index, declared: DeclaredStore) -> bool:
    """Whether an index has every value, and equality as the column has it."""
    return _ALIKE.issuperset(index.unlike) and index.predicate in (
        None,
        f"({declared.column.name} IS NOT NULL)",
    )


def _refute_unused(indexes: Sequence[Index], declared: DeclaredStore, unused: str) -> Outcomes:
    others = [index.describe() for index in indexes if declared.column.name in " ".join(index.columns)]
    instead = f"; there is {'; '.join(others)}" if others else ""
    is_named = any(index.name == _name(declared) for index in indexes)
    remedy = (
        f"drop {_name(declared)} as harness schema says, then {_build(declared)}"
        if is_named
        else _build(declared)
    )
    effect = f"no btree index serves the look-up by {declared.column.name}: {unused}{instead}"
    yield _refuted(effect, remedy, declared)


def _name(declared: DeclaredStore) -> str:
    return declared.index.name if declared.index else ""


def _build(declared: DeclaredStore) -> str:
    return f"apply {declared.index_file}, outside a transaction (in parts: see harness schema)"


def _refuted(effect: str, workaround: str, declared: DeclaredStore) -> Finding:
    return Finding(INDEX, f"table {declared.table} as it is", effect, workaround=workaround)
