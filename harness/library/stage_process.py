"""The process that a user's stage runs in, seen from outside: started with what is asked for, ended by its input."""

import select
import subprocess
import sys
from pathlib import Path
from typing import IO, Final

from msgspec import json

from harness.errors import UnavailableError, UsageError
from harness.library.stage_messages import StageFailed, StageReady, StageRequest

START_S_MAX: Final = 180.0
"""Above what the embedded server is given."""
STOP_S_MAX: Final = 60.0

# Not `python -m`, which finds the package only where it is installed or lies in the working directory: this process may
# have it by a changed sys.path, which a child does not inherit. The root goes last, so that it hides nothing.
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv[1]); from harness.library.host import main; sys.exit(main())"
)


class StageProcess:
    """A process that runs a stage from when it is made until it is ended, or this interpreter ends."""

    def __init__(self, request: StageRequest) -> None:
        """Waits until it runs. Raises UsageError for what there is none of, UnavailableError when it does not start."""
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the user's program, which then leaves the context
        )
        try:
            self.ready = self._started(request)
            """Where the stage is."""
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def end(self) -> None:
        """Ends it, and all that it started."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            process.stdout.close()

    def _started(self, request: StageRequest) -> StageReady:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.encode(request) + b"\n")
        self._process.stdin.flush()
        message = _message(self._process.stdout)
        if isinstance(message, StageFailed):
            raise (UsageError if message.misuse else UnavailableError)(message.message)
        return message


def _message(stdout: IO[bytes]) -> StageReady | StageFailed:
    ready = select.poll()
    ready.register(stdout, select.POLLIN)
    if not ready.poll(START_S_MAX * 1000):
        return StageFailed(f"the stage did not start in {START_S_MAX:.0f} s", misuse=False)
    line = stdout.readline()
    if not line:
        return StageFailed("the stage's process ended before it ran; standard error says why", misuse=False)
    message: StageReady | StageFailed = json.decode(line, type=StageReady | StageFailed)
    return message
