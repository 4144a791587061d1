"""What the gate writes is noted before it is sent, and can be taken back: those rows, and no others."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from harness.clients.exchange import Outcome, Reply
from harness.clients.extension import Auth, plan_header
from harness.clients.shape import PLAIN
from harness.errors import UnavailableError, UsageError
from harness.probing.probe_factory import ProbeFactory, SignedIn, plan_caller
from harness.rollout import load_rollout
from harness.rule.cases import HeaderCase, Kind
from harness.rule.policy import STRICT
from harness.run.clean import clean
from harness.run.options.gate import GateOptions
from harness.sut.journal import Journal, find_journal, journal_file, note_end, read_journal
from harness.sut.observation import Exchange, Probe
from tests.fix_backends import independent
from tests.fix_gate import Judge, of_backend, of_reference, requests_of
from tests.fix_stack import StartReplica

pytestmark = pytest.mark.usefixtures("own_journals")

STARTED = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = "20260301-120000-00000001"
OTHER_RUN = "20260301-120001-00000002"


@pytest.fixture
def factory() -> ProbeFactory:
    return ProbeFactory(
        plan_caller("some:free", STRICT, "after", signed_in=SignedIn("grace", "grace@example.com", "geheim")),
        run=1,
    )


def counts(dsn: str) -> tuple[int, int]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM microdollar_usage), (SELECT count(*) FROM microdollar_usage_metadata)"
        ).fetchone()
    assert found is not None
    return found[0], found[1]


def exchange(probe: Probe, identity: str | None) -> Exchange:
    return Exchange(probe, Reply(Outcome.REPLY, 200, (), json.dumps({"id": identity}).encode()), 0.0)


def test_requests_are_on_disk_first_and_without_secrets(factory: ProbeFactory, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    probes = [
        factory.probe(HeaderCase(plan_header(b"a\xe9\\"), Kind.BYTES)),
        factory.control(PLAIN._replace(auth=Auth.SIGNED_IN, stream=True)),
    ]
    with Journal.open(file, RUN, "http://backend.example", STARTED) as journal:
        journal.sending(probes)
        text = file.read_text()
        assert probes[0].address in text
        assert "a\\\\xe9\\\\x5c" in text
        assert "geheim" not in text
        assert "grace" not in text
        journal.replied([exchange(probes[0], "m1"), exchange(probes[1], None)])
    read = read_journal(file)
    assert (read.run, read.backend, read.started, read.requests) == (
        RUN,
        "http://backend.example",
        STARTED,
        2,
    )
    assert (read.addresses, read.ids) == ({probes[0].address}, {"m1"})


def test_a_journal_that_was_cut_short_is_read_as_far_as_it_goes(
    factory: ProbeFactory, tmp_path: Path
) -> None:
    file = tmp_path / "journal.jsonl"
    with Journal.open(file, RUN, "http://backend.example", STARTED) as journal:
        journal.sending([factory.control() for _ in range(3)])
    file.write_text(file.read_text()[:-20])
    assert read_journal(file).requests == 2


@pytest.mark.parametrize("text", ["", "{}", "not JSON", '{"schema": "harness.report/1"}\n', '["a"]\n'])
def test_any_other_file_is_no_journal(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other"
    file.write_text(text)
    with pytest.raises(UsageError, match="is no journal"):
        read_journal(file)


def test_a_journal_of_a_finished_run_is_set_aside(factory: ProbeFactory, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    for run in (RUN, OTHER_RUN):
        with Journal.open(file, run, "http://x", STARTED) as journal:
            journal.sending([factory.control()])
    assert read_journal(file).run == OTHER_RUN
    assert read_journal(tmp_path / f"journal-{RUN}.jsonl").run == RUN
    with Journal.open(file, OTHER_RUN, "http://x", STARTED):
        pass
    with pytest.raises(UsageError, match="cannot be set aside"):
        Journal.open(file, OTHER_RUN, "http://x", STARTED)


@pytest.mark.parametrize("cut", [0, 20])
def test_an_unfinished_journal_is_named_with_what_cleans_up(
    factory: ProbeFactory, tmp_path: Path, cut: int
) -> None:
    file = tmp_path / "my journal.jsonl"
    with suppress(KeyboardInterrupt), Journal.open(file, RUN, "http://x", STARTED) as journal:
        journal.sending([factory.control() for _ in range(3)])
        raise KeyboardInterrupt
    file.write_text(file.read_text()[: len(file.read_text()) - cut])
    with pytest.raises(
        UsageError, match=f"of run {RUN}, which did not come to its end; .* harness clean '.*'"
    ):
        Journal.open(file, OTHER_RUN, "http://x", STARTED)
    note_end(file)
    assert read_journal(file).ended
    assert read_journal(file).requests == 3 - bool(cut)
    with Journal.open(file, OTHER_RUN, "http://x", STARTED):
        pass


def test_a_journal_overwrites_no_other_file_and_must_be_writable(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is no journal"):
        Journal.open(file, RUN, "http://x", STARTED)
    assert file.read_text() == "mine"
    with pytest.raises(UnavailableError, match="cannot write journal"):
        Journal.open(Path("/proc/none/journal.jsonl"), RUN, "http://x", STARTED)
    with pytest.raises(UnavailableError, match="cannot write journal"):
        Journal.open(Path("/proc/none/journal.jsonl"), RUN, "http://x", STARTED)


def test_a_run_is_found_by_its_name_or_by_its_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has left a journal"):
        find_journal(RUN)
    with Journal.open(journal_file(RUN), RUN, "http://x", STARTED):
        pass
    assert find_journal(RUN) == journal_file(RUN) == find_journal(str(journal_file(RUN)))
    assert str(tmp_path) in str(journal_file(RUN))
    with pytest.raises(UsageError, match=f"known runs: {RUN}"):
        find_journal("another")


async def test_clean_takes_back_all_that_a_run_wrote(reference: GateOptions, run_gate: Judge) -> None:
    before = counts(reference.database_url)
    reference = replace(reference, max_requests=100)
    kept = await run_gate(reference)
    between = counts(reference.database_url)
    assert between[0] > before[0] + 40
    cleaned = await run_gate(reference, clean=True)
    assert counts(reference.database_url) == between
    assert any("deleted" in remark and "http_ip" in remark for remark in cleaned.remarks)
    done = clean(reference.database_url, Path(requests_of(kept).journal), load_rollout())
    assert counts(reference.database_url) == before
    assert [count for _, count in done.rows] == [between[0] - before[0], between[1] - before[1]]
    assert read_journal(Path(requests_of(kept).journal)).ended
    repeat_of = clean(reference.database_url, Path(requests_of(kept).journal), load_rollout())
    assert [count for _, count in repeat_of.rows] == [0, 0]


async def test_clean_finds_rows_by_id_where_addresses_are_overwritten(
    empty_dsn: str, run_gate: Judge
) -> None:
    with independent("flask", empty_dsn, mode="overwrites-forwarded-for", late_ms=(0, 20)) as backend:
        report = await run_gate(of_backend(backend), clean=True, max_requests=100)
    assert requests_of(report).sent > 40
    assert counts(empty_dsn) == (0, 0)


async def test_clean_takes_doubled_rows_too(start: StartReplica, ready_dsn: str, run_gate: Judge) -> None:
    before = counts(ready_dsn)
    options = of_reference(await start(ready_dsn, "doubles"), ready_dsn)
    await run_gate(replace(options, token=None, email=None), clean=True, max_requests=100)
    assert counts(ready_dsn) == before


def test_clean_leaves_rows_of_others_with_the_same_id(
    factory: ProbeFactory, ready_dsn: str, tmp_path: Path
) -> None:
    probe = factory.control()
    file = tmp_path / "journal.jsonl"
    with Journal.open(file, RUN, "http://x", STARTED) as journal:
        journal.sending([probe])
        journal.replied([exchange(probe, "chatcmpl-1")])
    with psycopg.connect(ready_dsn) as connection:
        connection.execute(
            "UPDATE microdollar_usage_metadata SET message_id = 'chatcmpl-1' WHERE id IN "
            "(SELECT id FROM microdollar_usage_metadata LIMIT 2)"
        )
    before = counts(ready_dsn)
    assert clean(ready_dsn, file, load_rollout()).rows[0][1] == 0
    assert counts(ready_dsn) == before


def test_clean_says_when_the_database_refuses(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    with Journal.open(file, RUN, "http://x", STARTED):
        pass
    with pytest.raises(UnavailableError, match="nothing was deleted"):
        clean("postgresql://me:geheim@127.0.0.1:1/x", file, load_rollout())
