"""The commands of the release gate: judge a deployed backend, take back what that wrote, serve its upstream stub."""

from dataclasses import replace

from harness.cli.command import command, secrets_of
from harness.cli.hosts import check_host
from harness.cli.streams import command_line, print_document, print_line, show_progress, write_report
from harness.errors import UsageError
from harness.run.options.gate import CleanOptions, GateOptions, SigningOptions, UpstreamOptions
from harness.run.options.shared import Outputs


@command(good="GO", bad="NO-GO")
def gate(options: GateOptions, outputs: Outputs, signing: SigningOptions) -> int:
    """Judges somebody's deployed backend and says GO, NO-GO or INCONCLUSIVE, with evidence.

    The target is asked for completions of the free model, with and without the header, on every path, by every caller
    and in many shapes: about 400 requests at smoke, 6,500 at standard, 119,000 at exhaustive. Addresses are from ranges
    for documentation. Rows are read as they come, and all of them again at the end: SELECT on both tables is enough.
    Signed-in users are judged with --auth-token and --auth-email only.

    Example: harness gate --backend-url https://staging.example.com --database-url postgresql://reader@db/backend
    --free-model vendor/model:free --level smoke --waive I1='no test account'
    """
    from harness.checks.user_checks import load_checks
    from harness.run.gate import gate
    from harness.run.sign import check_signing, sign_report
    from harness.sut.external import site_of

    outputs.check()
    keys = check_signing(signing, options)
    if options.dry_run:
        from harness.run.gate_forecast import dry_run

        dry_run(options, print_line)
        return 0
    if not options.read_only:
        check_host(site_of(options.backend_url).address[0], options.allowed_hosts)
    load_checks(options.checks)
    report = gate(replace(options, command=command_line(*secrets_of(options))), print_line, show_progress)
    code = write_report(report, outputs)
    if signing.sign is not None:
        print_line(sign_report(report, signing.sign, keys, outputs.label))
    return code


@command(good="deleted, or listed")
def clean(options: CleanOptions) -> int:
    """Deletes the rows of RUN, which is the name that the run printed or the file of its journal, and no others.

    Rows of lookup tables stay, since others may refer to them; they are named. Of rows that have only a mark or only an
    address nobody knows whose they are: they stay, a SELECT that shows them is printed, and there is no answer.

    Example: harness clean 20260301-120000-1a2b3c4d --database-url postgresql://owner@db.example.com/backend
    """
    from harness.rollout import load_rollout
    from harness.run.clean import clean
    from harness.run.clean_all import clean_all
    from harness.sut.journal import find_journal

    if (options.run is None) is not options.all_runs:
        raise UsageError("name a run, or give --all-runs: one of the two; harness clean --help has examples")
    if options.yes and not options.all_runs:
        raise UsageError("--yes goes with --all-runs; a run that is named needs none")
    rollout = load_rollout(options.rollout)
    if options.run is None:
        everything = clean_all(options.database_url, rollout, delete=options.yes)
        if options.json_output:
            print_document(everything.document)
        else:
            for line in everything.lines():
                print_line(line)
        return 3 if everything.half else 0
    cleaned = clean(options.database_url, find_journal(options.run), rollout)
    if options.json_output:
        print_document(cleaned.document)
    else:
        print_line(cleaned.words)
    return 0


@command(good="it was ended")
def upstream(options: UpstreamOptions) -> int:
    """Serves the upstream stub on 127.0.0.1 until Ctrl-C: chat completions, streamed or not, each with an id.

    A staging backend that asks it instead of a real model can be judged at no cost, and bodies can be compared whole.

    Example: harness upstream --port 3001
    """
    from harness.run.upstream import serve_upstream

    serve_upstream(options.port, print_line)
    return 0
