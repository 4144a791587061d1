"""The two ways a run can end without a verdict; both are told in one line, never as a traceback."""


class CannotRunError(Exception):
    """The environment refuses: no server, no engine, no right, a port taken. Exit code 3.

    The message is one line: what was refused, the value, the state, and the next move. It holds no secret.
    """


class MisuseError(Exception):
    """The user asked for something that does not exist or does not fit together. Exit code 2."""
