"""A program of its own: sends events to an analytics server with the official `posthog` package, as an extension would.

Reads `{"origin": URL, "calls": [{"call": "capture" | "alias", ...arguments}, ...]}` from its input and ends when all
were taken; with a traceback and another code than 0 when one was not. It is run by its path and imports nothing of
the harness, so that the package's threads, exit hooks and environment stay its own.
"""

import json
import sys

TIMEOUT_S = 10.0


def main() -> None:
    """Makes the calls one after another, each sent before the next."""
    from posthog import Posthog

    asked = json.load(sys.stdin)
    client = Posthog(
        "harness",
        host=asked["origin"],
        sync_mode=True,
        max_retries=0,
        timeout=TIMEOUT_S,
        debug=True,  # a call that fails raises, instead of being logged and forgotten
    )
    for call in asked["calls"]:
        name = call.pop("call")
        if name == "capture":
            client.capture(call.pop("event"), **call)
        else:
            client.alias(**call)
    client.shutdown()


if __name__ == "__main__":
    main()
