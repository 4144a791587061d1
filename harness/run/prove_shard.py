"""What `harness prove --shard K/N` does for K beyond the first: its part of the header suite, and nothing else."""

import asyncio
import time
from datetime import UTC, datetime

from harness import plan
from harness.backend import serve
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.report.document import JudgedBy, Report, harness_version
from harness.rule.shard import Shard
from harness.run.headers import SentCounts, prove_headers
from harness.run.options.prove import ProveOptions
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.report import digest_of, inputs
from harness.run.shards import claims_for, left_to_first, shard_report
from harness.stages.stack import stack
from harness.verdict import Claim, Results, decide


def prove_shard(
    options: ProveOptions,
    claims: tuple[Claim, ...],
    shard: Shard,
    on_line: LineCallback,
    progress: ProgressDisplay,
) -> Report:
    """Sends the shard's headers to the plan's build and returns a report of them.

    Raises UnavailableError when the stack cannot be stood up.
    """
    started = time.monotonic()
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    results = Results(claims_for(shard, claims))
    serve.warm()
    with running_server(options.postgres, session_pooler=options.session_pooler) as server:
        name = f"Postgres {server.version} ({server.kind})"
        on_line(name)
        with (
            Templates(server) as templates,
            asyncio.Runner(loop_factory=serve.loop_factory()) as runner,
        ):
            sent = runner.run(_send(options, shard, results, templates, progress))
    judgements = left_to_first(shard, results.judgements())
    return Report(
        harness=harness_version(),
        verdict=decide(judgements),
        subject=plan.HEADER,
        command=options.command,
        seed=options.seed,
        level=options.level,
        policy=options.policy,
        server=name,
        started=stamp,
        seconds=time.monotonic() - started,
        judgements=judgements,
        judged_by=JudgedBy.of("prove", (), judgements),
        inputs=inputs(options.policy),
        rollout=digest_of(options.policy),
        shard=shard_report(shard, sent.share, sent.controls),
    )


async def _send(
    options: ProveOptions, shard: Shard, results: Results, templates: Templates, progress: ProgressDisplay
) -> SentCounts:
    async with stack(templates, options.policy) as shared:
        return await prove_headers(results, shared, options.level, (), progress, shard)
