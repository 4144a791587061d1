"""The commands about a rollout's file itself."""

import click

from harness.cli.command import command
from harness.cli.streams import print_line
from harness.run.options.rollout import ShowOptions


@click.group()
def rollout() -> None:
    """Shows what follows from a rollout's file, or writes a new one."""


@command
def show(options: ShowOptions) -> int:
    """Reads a rollout's folder, checks it, and prints what follows: the rule and its suite, the requests, who asks, the
    steps and their legal orders, the claims that apply, and the queries. Starts and asks nothing.

    Exit codes: 0, 2 for a mistake in the file: one line with file, key, value and what is expected.

    Example: harness rollout show --rollout rollouts/order-origin
    """
    from harness.rollout import load_rollout
    from harness.run.rollout_show import describe_rollout

    for line in describe_rollout(load_rollout(options.rollout)):
        print_line(line)
    return 0


rollout.add_command(show)
