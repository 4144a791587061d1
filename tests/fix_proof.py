"""One whole proof of the reference at the smallest level, run once whatever the number of workers."""

import fcntl
import os
import pickle

import pytest

from harness.database.server import Server
from harness.report.document import Report
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from tests.fix_gate import said


@pytest.fixture(scope="session")
def proven(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Its report. The worker that asks first runs it; others wait for it and read what it has left."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers of this run
    left = folder / "proof.pickle"
    with (folder / "proof.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not left.exists():
            options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"))
            left.write_bytes(pickle.dumps(prove(options, said)))
        report = pickle.loads(left.read_bytes())  # noqa: S301 - our own
    assert isinstance(report, Report)
    return report
