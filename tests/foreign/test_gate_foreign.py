"""The gate on a backend in another stack: its faults are NO-GO, or INCONCLUSIVE where rows are hidden; the rest GO.

By default a fixed sample that holds every kind; HARNESS_FOREIGN=all judges the whole catalogue, at the level that
HARNESS_FOREIGN_LEVEL names. Both rates are printed, apart from the self-test's.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from harness.database.server import Server
from harness.run.gate import gate
from harness.run.options.gate import GateOptions
from harness.verdict import Verdict
from tests.foreign.catalogue import CATALOGUE, Entry
from tests.foreign.launch import serving
from tests.foreign.rates import LEVEL, RIGHT

pytestmark = pytest.mark.foreign

FAULTS_OF_KIND, HARMLESS_OF_KIND = 3, 1
"""How many of each kind are in the sample, spread over the catalogue."""
HIDDEN: Final = "hidden rows"


def sample() -> list[Entry]:
    """Some of each kind, the same ones each time."""
    if os.environ.get("HARNESS_FOREIGN") == "all":
        return list(CATALOGUE)
    chosen: list[Entry] = []
    for kind in dict.fromkeys(entry.kind for entry in CATALOGUE):
        for harmful, most in ((True, FAULTS_OF_KIND), (False, HARMLESS_OF_KIND)):
            some = [entry for entry in CATALOGUE if entry.kind == kind and entry.harmful is harmful]
            chosen += some[:: max(1, len(some) // most)][:most]
    return chosen


SAMPLE: Final = sample()


def test_the_sample_has_a_fault_and_a_variant_of_every_kind() -> None:
    kinds = {entry.kind for entry in CATALOGUE}
    assert {entry.kind for entry in SAMPLE if entry.harmful} == kinds
    assert {entry.kind for entry in SAMPLE if not entry.harmful} == kinds
    assert sum(entry.harmful for entry in SAMPLE) >= 39


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.name) for entry in SAMPLE])
def test_the_gate_is_right_about_it(
    entry: Entry,
    server: Server,
    packages: None,  # noqa: ARG001
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with server.database() as dsn, serving(dsn, entry.name) as backend:
        options = GateOptions(
            backend.url,
            backend.role_dsn,
            backend.free_model,
            backend.token,
            backend.email,
            level=LEVEL,
            journal=tmp_path / "journal.jsonl",
        )
        report = gate(options, lambda _: None)
    allowed = {Verdict.GO}
    if entry.harmful:
        allowed = {Verdict.NO_GO, Verdict.INCONCLUSIVE} if entry.kind == HIDDEN else {Verdict.NO_GO}
    record_property(RIGHT, [entry.harmful, report.verdict in allowed])
    told = [f"{one.claim.id} {one.status}: {one.detail}" for one in report.judgements]
    assert report.verdict in allowed, "\n".join([entry.sentence, *told, *report.remarks])
