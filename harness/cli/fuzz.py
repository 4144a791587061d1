"""The commands that hunt for a header that is treated wrongly, and that send a find again."""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.command import command
from harness.cli.hosts import check_host
from harness.cli.streams import print_aside, print_document, print_line, show_progress
from harness.errors import UsageError
from harness.run.options.fuzz import REFERENCE, FuzzedOptions, FuzzOptions, ReplayOptions

if TYPE_CHECKING:
    from harness.run.replay import Replayed


@command(good="nothing found", bad="found")
def fuzz(options: FuzzOptions) -> int:
    """Hunts with Hypothesis; what it finds is shrunk to a minimal header, stored as a file, and can be replayed.

    A --target URL is judged as by the gate: what differs is tried again before it is believed. Requests are noted in a
    journal before they are sent, and harness clean deletes the rows that they left.

    Example: harness fuzz --seconds 20 --build limit-256
    """
    if options.list_builds and options.json_output:
        raise UsageError("--list-builds prints a build a line and no document; leave --json out")
    if options.list_builds:
        from harness.backend.defects import build_lines

        for line in build_lines():
            print_line(line)
        return 0
    from harness.run.counterexample import describe_counterexample, store_counterexample
    from harness.run.fuzz import fuzz
    from harness.run.tally import Tally, fuzz_document

    check_target(options.subject)
    tally = Tally()
    with show_progress("fuzzing") as on_progress:
        found = fuzz(options, print_aside if options.json_output else print_line, on_progress, tally)
    find = store_counterexample(found, options.subject, Path(), function=options.function) if found else None
    if options.json_output:
        print_document(fuzz_document(options, tally, find))
    else:
        for line in describe_counterexample(find) if find else ["nothing found"]:
            print_line(line)
    return 1 if find else 0


@command(good="FIXED", bad="STILL FAILS")
def replay(options: ReplayOptions) -> int:
    """Sends the requests of FILE, or one request with the given header lines, and judges replies and rows.

    With --exploration, runs a failure of prove's exploration again, which names the line to copy; of the options only
    --build, --policy, --rollout and --postgres count then.
    Requests to a --target URL are noted in a journal; harness clean deletes the rows that they left.

    Example: harness replay harness-find-0123456789.json
    """
    from harness.run.replay import options_of, replay, replay_exploration, reproduction_of

    if sum((options.file is not None, bool(options.lines), options.exploration is not None)) > 1:
        raise UsageError("of a file, --line and --exploration more than one was given; give one of them")
    if options.exploration is not None:
        with show_progress("replaying"):
            explored = replay_exploration(options.exploration, options.backend)
        return _print_replayed(explored, options)
    if options.file is None and not options.lines:
        print_aside("no FILE and no --line: one request without the header is sent")
    reproduction = reproduction_of(options)
    subject = options_of(options.backend, reproduction)
    check_target(subject)
    with show_progress("replaying"):
        replayed = replay(reproduction, subject)
    return _print_replayed(replayed.masked(subject.given), options)


def _print_replayed(replayed: "Replayed", options: ReplayOptions) -> int:
    from harness.run.replay import describe_replay, replay_document

    if options.json_output:
        print_document(replay_document(replayed))
    else:
        for line in describe_replay(replayed):
            print_line(line)
    return 0 if replayed.fixed else 1


def check_target(options: FuzzedOptions) -> None:
    """Raises UsageError for another machine's backend that is not allowed, and for one without its free model."""
    from harness.sut.external import site_of

    under = options.under_test
    if options.target == REFERENCE:
        if under.rollout.tables.reference.insert is None:
            raise UsageError(
                f"--rollout {under.rollout.name}: no reference.insert, so there is no reference to send to; name a "
                "backend of your own with --target"
            )
        return
    if under.is_plans and not options.free_model:
        raise UsageError(
            f"--target {options.target} needs --free-model ID: which model is free there is not guessed"
        )
    check_host(site_of(options.target).address[0], options.allowed_hosts)
