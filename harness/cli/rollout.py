"""The commands about a rollout's file itself."""

import sys
from dataclasses import replace
from typing import Any

import click

from harness.cli.command import command
from harness.cli.streams import print_document, print_line
from harness.run.options.rollout import NewOptions, ShowOptions


@command(good="the file is right")
def rollout_show(options: ShowOptions) -> int:
    """Reads a rollout's folder, checks it, and prints what follows: the rule, the requests, who asks, the steps and
    their legal orders, the claims that apply, and the relations of the queries. Starts and asks nothing.

    A mistake in the file is one line with file, key, value and what is expected; the call was wrong then.

    Example: harness rollout show --rollout rollouts/order-origin
    """
    from harness.rollout import load_rollout
    from harness.run.rollout_show import describe_rollout, rollout_document

    if options.json_output:
        print_document(rollout_document(load_rollout(options.rollout)))
        return 0
    for line in tuple(describe_rollout(load_rollout(options.rollout))):  # all is right before any is printed
        print_line(line)
    return 0


@command(good="written")
def rollout_new(options: NewOptions) -> int:
    """Writes the folder of a new rollout: rollout.toml with its JSON Schema beside it, which editors complete by, a
    body to be filled in, and the column's files of SQL. On a terminal what is missing is asked for.

    Example: harness rollout new rollouts/order-origin --header x-request-origin --path /orders --table orders
    --column request_origin --reply-column ref
    """
    from harness.run.rollout_new import ASKED, NewRolloutDocument, write_rollout

    if sys.stdin.isatty():
        missing = {name: question for name, question in ASKED.items() if not getattr(options, name)}
        answers: dict[str, Any] = {
            name: click.prompt(question, err=options.json_output) for name, question in missing.items()
        }
        options = replace(options, **answers)
    written = write_rollout(options)
    if options.json_output:
        files = tuple(map(str, written))
        print_document(NewRolloutDocument(folder=str(options.folder), files=files))
        return 0
    for path in written:
        print_line(f"wrote {path}")
    print_line(f"next: fill in body.json, then harness rollout show --rollout {options.folder}")
    return 0
