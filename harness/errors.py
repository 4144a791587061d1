"""The two ways a run can end without a verdict; both are told in one line, never as a traceback."""


class UnavailableError(Exception):
    """What a run needs is not to be had: a server, an engine, a right, a free port, a known schema. Exit code 3.

    The message is one line: what was refused, the value, the state, and the next move. It holds no secret.
    """


class UsageError(Exception):
    """The caller asked for something that does not exist or does not fit together. Exit code 2."""
