"""The tables and keys of a rollout's file as types: what may be given, its default, and what is expected. Pure.

`reading` fills them, `checking` holds together what one type alone cannot; the JSON Schema is made of them.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from harness.rollout.client_tables import BackendTable, Client, Consumer
from harness.rollout.file_types import (
    ClaimId,
    FileName,
    FileTable,
    Identifier,
    JsonPath,
    Least,
    Name,
    Status,
    Take,
    Title,
    Token,
    TypeName,
    UrlPath,
    Variable,
    _text,
)
from harness.rollout.step_tables import PlanOrder, Reference, RolloutStep, RunnerTable


class About(FileTable, frozen=True, kw_only=True):
    """What is rolled out, and by which plan."""

    name: Name
    """Of the rollout, in reports."""
    extends: str = ""
    """A folder whose file this one extends: tables are merged, lists replaced, identities merged by their names."""
    plan: FileName | None = None
    """The plan as text or Markdown, in which each quote is looked for."""


class Parameter(FileTable, frozen=True):
    """What differs between sites: in texts of the file it stands as {NAME}. Given by --set NAME=VALUE or a variable."""

    help: str = ""
    secret: bool = False
    """Masked in each report; given as --set NAME=@FILE or by its variable, never in the command line."""
    env: Variable | None = None
    """A variable of the environment that gives it."""
    default: str | None = None
    """Its value where none is given, of any backend."""
    reference: str | None = None
    """Its value for the harness's own reference."""


class RequestTable(FileTable, frozen=True, kw_only=True):
    """The request that carries the header."""

    method: Annotated[str, _text("method", "a token in capital letters", "[A-Z]{1,16}")] = "POST"
    paths: Annotated[tuple[UrlPath, ...], Meta(min_length=1, max_length=8)]
    """Each is tried."""
    bodies: Annotated[tuple[FileName, ...], Meta(max_length=16)] = ()
    """Files of JSON with {NAME} in them; the first is the usual one. Without one the requests have no body."""
    refused: Annotated[tuple[FileName, ...], Meta(max_length=8)] = ()
    """Bodies that the usual identity is refused; what is refused stays refused with the header."""
    statuses: Annotated[tuple[Status, ...], Meta(min_length=1)] = (200,)
    """Those of a request that was served."""
    streams: bool = False
    """Whether a reply may come as server-sent events, which {stream} in a body asks for."""
    headers: Mapping[Token, tuple[str, ...]] = {}
    """Other headers, each with the values that it is sent with; "" is to leave it out, no value to send it never."""
    reply_id: JsonPath
    """Where the reply's JSON holds the id by which its row is found."""
    client_address: Token | None = None
    """The header from which the backend takes the address of the client."""


class Operation(FileTable, frozen=True):
    """One step of the rule: exactly one of take, trim, lower, match, one_of."""

    take: Take | None = None
    """The first so many units."""
    unit: Literal["units", "bytes", "points"] = "units"
    """What `take` counts: UTF-16 code units as JavaScript's length, bytes as UTF-8, code points."""
    trim: Literal["js", "http"] | None = None
    """Blanks at both ends go: JavaScript's, or HTTP's space and tab."""
    lower: Literal["js", "ascii"] | None = None
    """Letters become lower-case ones."""
    match: str | None = None
    """A regular expression of JavaScript that must fit the whole text; else nothing is stored."""
    one_of: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    """The words that the text may be; else nothing is stored."""


class Header(FileTable, frozen=True):
    """The header that is rolled out: how the backend reads it, and which value it stores."""

    name: Token
    rule: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=8)]
    """Operations in the order in which they are applied."""
    decode: Literal["latin-1", "utf-8"] = "latin-1"
    """How bytes become characters."""
    duplicates: Literal["join", "first", "last"] = "join"
    """Which of several lines count: all, joined with comma and space (as Node does), or one."""
    empty: Literal["absent", "value"] = "absent"
    """Whether an empty header is like none, or goes through the rule."""
    absent: Mapping[UrlPath, str] = {}
    """What is stored without the header on a path; elsewhere NULL."""
    suite: Literal["auto", "sampled"] = "auto"
    """`sampled` makes no suite of the rule, whose automaton is then not needed."""
    oracle: FileName | None = None
    """A file with one function of JavaScript, from the header to what is stored."""
    examples: tuple[str, ...] = ()
    """Values that the rule accepts."""


class MainTable(FileTable, frozen=True):
    """The table with a row for each request."""

    table: Identifier
    key: Identifier
    """Its primary key."""
    user: Identifier | None = None
    """Who is accounted."""
    reply_id: Identifier | None = None
    """The reply's id, where this table holds it."""
    created_at: Identifier | None = None
    """When the row was written; an index on it keeps queries small."""
    column: Identifier | None = None
    """The column that is rolled out, where there is no detail."""
    type: TypeName = "text"
    noun: Title | None = None
    """What a row of it is called in reports; by default a row of the table."""


class DetailTable(FileTable, frozen=True):
    """A second table with one row for each of the main one's, which holds the column."""

    table: Identifier | None = None
    key: Identifier | None = None
    """Its column that equals the main table's key."""
    column: Identifier | None = None
    """The column that is rolled out."""
    type: TypeName = "text"
    reply_id: Identifier | None = None
    created_at: Identifier | None = None
    noun: Title | None = None
    """What a row of it is called in reports; by default a row of the table."""
    rows: FileName | None = None
    """One SELECT that gives key, value, and the others by these names: where a lookup table must be joined."""
    grows: Identifier | None = None
    """A lookup table that gets a row for each new value."""


class AgentColumn(FileTable, frozen=True):
    """Where the user agent of a row's request is stored: a lookup table and the detail's column that refers to it."""

    table: Identifier
    key: Identifier
    column: Identifier
    reference: Identifier


class UsersTable(FileTable, frozen=True):
    """Who may sign in: a table with a row for each user."""

    table: Identifier
    key: Identifier
    """Its column with the user's id."""
    email: Identifier


class Store(FileTable, frozen=True):
    """Where a request's rows are."""

    main: MainTable
    detail: DetailTable | None = None
    agent: AgentColumn | None = None
    users: UsersTable | None = None


class Identity(FileTable, frozen=True):
    """Who asks, who is accounted, and what is stored."""

    name: Title
    auth: str | None = None
    """The value of the Authorization header."""
    headers: Mapping[Token, str] = {}
    user: str | None = None
    """What the main table's user column holds."""
    value: str = "{header}"
    """What the column holds: {header} is what the rule makes of the header."""
    like: str | None = None
    """Name of an identity, before this one, for which it is another credential: `gate` asks as it in fewer requests."""


class Wording(FileTable, frozen=True):
    """How the plan words a claim."""

    sentence: str = ""
    quote: str = ""
    section: str = ""
    least: Least | None = None
    """Fewest observations below which the claim is unknown."""


class Audit(FileTable, frozen=True, kw_only=True):
    """A sentence of the plan that is examined by itself."""

    id: ClaimId
    kind: Literal["rests", "build", "query", "catalog", "client", "manual"]
    sentence: str
    quote: str = ""
    section: str = ""
    expect: Literal["proven", "refuted", "unknown"] = "proven"
    workaround: str = ""
    least: Least = 1
    on: tuple[ClaimId, ...] = ()
    """Of `rests`: the claims that it rests on."""
    build: str | None = None
    """Of `build`: the build that is run."""
    query: FileName | None = None
    """Of `query`: the plan's query."""
    columns: Least | None = None
    """Of `catalog`: how many columns the plan says the table with the column has before the rollout."""


class Tables(FileTable, frozen=True, kw_only=True):
    """A rollout: one optional header, stored in one column, in steps of which each may be taken by itself."""

    rollout: About
    parameter: Mapping[str, Parameter] = {}
    request: RequestTable
    header: Header | None = None
    """Without it a file can only be extended."""
    store: Store
    identity: tuple[Identity, ...] = (Identity(name="anyone"),)
    step: tuple[RolloutStep, ...] = ()
    plan_order: PlanOrder = PlanOrder()
    reference: Reference = Reference()
    runner: RunnerTable = RunnerTable()
    client: Client | None = None
    backend: BackendTable = BackendTable()
    consumer: Consumer = Consumer()
    claims: Mapping[ClaimId, Wording] = {}
    audit: tuple[Audit, ...] = ()


FILLED_IN: Final = frozenset({"client_address", "uuid", "header", "value", "stream"})
"""What {} may name beside a parameter; a run fills it in."""
