"""The command that tells what this machine, a backend and a database have of what the commands need."""

from harness.cli.command import command
from harness.run.options.doctor import DoctorOptions


@command(good="what is needed is there", bad="something that is needed is missing")
def doctor(options: DoctorOptions) -> int:
    """Tries what the commands need: Postgres and Node as they start here, Docker, npm, Chromium, ports, memory, locale;
    of a backend its paths and clock, of a database its rights, policies, pooler and clock. Says what would mend what is
    missing. Some five seconds.

    Nothing is sent but a GET of each path, and nothing is written but a server that is gone at the end. What is
    optional may be missing.

    Example: harness doctor --target http://127.0.0.1:3000 --database-url postgresql://me@localhost/backend
    """
    from rich.console import Console
    from rich.text import Text

    from harness.cli.streams import plain, print_document
    from harness.run.doctor import Part, Presence, document, examine, exit_code

    console = Console()
    marks = {
        Presence.PRESENT: ("ok", "green"),
        Presence.OPTIONAL: ("--", "yellow"),
        Presence.MISSING: ("MISSING", "red"),
    }
    shown: list[str] = []

    def show(group: str, part: Part) -> None:
        if group not in shown:
            shown.append(group)
            console.print(Text(group[0].upper() + group[1:], style="bold"))
        word, style = marks[part.state]
        line = Text.assemble((f"{word:>8}", style), "  ", plain(part.line))
        console.print(line, soft_wrap=not console.is_terminal)

    groups = examine(options, (lambda _group, _part: None) if options.json_output else show)
    if options.json_output:
        print_document(document(groups))
    else:
        missing = [part.name for group in groups for part in group.parts if part.state is Presence.MISSING]
        count = (
            f"{len(missing)} missing: {', '.join(missing)}"
            if missing
            else "nothing that is needed is missing"
        )
        console.print(plain(count), soft_wrap=True)
    return exit_code(groups)
