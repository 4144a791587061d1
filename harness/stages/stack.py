"""What environments are made of: the stack that all stages of a run share, and replicas."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg

from harness import plan
from harness.backend.serve import HOST, Process, ReplicaConfig, Replicas, upstream
from harness.backend.tokens import issue_token
from harness.clients.listening import is_listening
from harness.clients.request_spec import RequestSpec, plan_spec
from harness.database.declared import DeclaredStore, plan_store
from harness.database.relations import of_users
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.probing.probe_factory import Caller, SignedIn
from harness.rollout import Rollout, is_plans
from harness.rollout.tables import UsersTable
from harness.rule.policy import Policy, header_policy
from harness.stages.model import StageModel
from harness.stages.of_rollout import model_of, plan_model
from harness.stages.schema import CORRECTED, Schema
from harness.stages.steps import Version

DRAIN_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class BuildPair:
    """The builds that run as `before` and as `after`; the reference's own unless a defect is being shown."""

    before: str = "before"
    after: str = "after"

    def build_for(self, version: Version) -> str:
        """Name of the build that runs as the version."""
        return self.before if version is Version.BEFORE else self.after


@dataclass(frozen=True, slots=True)
class Stack:
    """What all stages of a run share: templates to clone, an upstream, a signing key, the rule, builds, schema."""

    templates: Templates
    upstream: Process
    policy: str
    builds: BuildPair
    secret: str
    replicas: Replicas
    """What starts them."""
    schema: Schema = CORRECTED
    model: StageModel = field(default_factory=plan_model)
    """The stages and steps of the rollout; by default the plan's."""
    spec: RequestSpec = field(default_factory=plan_spec)
    """What its requests look like."""
    store: DeclaredStore = field(default_factory=plan_store)
    """Where their rows are."""
    _first_user: list[SignedIn] = field(default_factory=list, repr=False)
    """The same in every database, since all are made from one: read once."""

    @property
    def rollout(self) -> Rollout:
        """The rollout whose stages they are."""
        return self.templates.rollout

    @property
    def rule(self) -> Policy:
        """The header rule that `after` builds must keep."""
        return header_policy(self.rollout, self.policy)

    async def signed_in(self, dsn: str) -> SignedIn:
        """The first user of the seeded database, with a token."""
        if not self._first_user:
            self._first_user.append(await signed_in(dsn, self.secret, self.rollout.tables.store.users))
        return self._first_user[0]

    async def caller(self, dsn: str) -> Caller:
        """Who may ask as anybody, signed in as that user."""
        user = await self.signed_in(dsn)
        given = {"token": user.token, "email": user.email, "user_id": user.user_id}
        return Caller(self.spec, self.rule, parameters=_reference_parameters(self.rollout) | given)


def _reference_parameters(rollout: Rollout) -> dict[str, str]:
    """What stands for {NAME} in requests to the reference."""
    given = {name: one.reference or one.default for name, one in rollout.tables.parameter.items()}
    return {name: value for name, value in given.items() if value is not None}


async def signed_in(dsn: str, secret: str, users: UsersTable | None = plan.USERS) -> SignedIn:
    """The first user of a seeded database, with a token made with that key."""
    assert users is not None, "a reference signs its users in"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        user = await (await connection.execute(of_users("first_user", users))).fetchone()
    assert user is not None, "templates are seeded with users"
    return SignedIn(user[0], user[1], issue_token(user[0], secret))


@asynccontextmanager
async def stack(
    templates: Templates, policy: str, builds: BuildPair | None = None, schema: Schema = CORRECTED
) -> AsyncIterator[Stack]:
    """The shared part of every stage, running."""
    async with upstream() as stub, Replicas() as replicas:
        rollout = templates.rollout
        yield Stack(
            templates,
            stub,
            policy,
            builds or BuildPair(),
            secrets.token_hex(32),
            replicas,
            schema,
            model_of(rollout),
            plan_spec() if is_plans(rollout) else RequestSpec(rollout),
            plan_store() if is_plans(rollout) else DeclaredStore(rollout),
        )


@dataclass(slots=True)
class Replica:
    """One running replica and the version that its build runs as."""

    process: Process
    version: Version
    _open: AsyncExitStack

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return (HOST, self.process.port)

    async def stop(self) -> None:
        """Drains and ends it."""
        await self._open.aclose()


async def start_replica(stack: Stack, dsn: str, version: Version) -> Replica:
    """A replica of a version, on a database. Raises UnavailableError when it does not start."""
    open_ = AsyncExitStack()
    config = ReplicaConfig(
        build=stack.builds.build_for(version),
        policy=stack.policy,
        dsn=dsn,
        origin=stack.upstream.origin,
        secret=stack.secret,
        rollout=stack.rollout,
    )
    process = await open_.enter_async_context(stack.replicas.replica(config))
    return Replica(process, version, open_)


async def until_closed(address: tuple[str, int]) -> None:
    """Waits until the port is closed. Raises UnavailableError when that does not happen."""

    async def is_closed() -> bool:
        return not await is_listening(address)

    if not await apoll_until(is_closed, DRAIN_S_MAX):
        raise UnavailableError(
            f"a replica at {address[0]}:{address[1]} was asked to end and still listens after {DRAIN_S_MAX:.0f} s"
        )
