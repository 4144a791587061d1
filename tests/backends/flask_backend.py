"""A backend that shares with the reference only what the gate may assume: Flask, its own tables, its own replies.

Users with a key are looked up, everybody else is anonymous. Must not know the harness or the plan.
"""

import itertools
import json
import random
import re
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from tests.backends.flask_ledger import Ledger
from tests.backends.flask_server import BadDay, OneRequest
from tests.backends.options import Listener, Options, Variant, announce, options, when_unneeded

FREE_MODEL = "house/small-0"
EMAIL = "grace.o'neil+billing@flask.example"
USER_ID = "usr_41f0c9"
WORDS = (
    "a",
    "kettle",
    "hums",
    "où",
    "nobody",
    "listens",
    "and",
    "tea",
    "茶",
    "cools",
    "slowly",
    "🙂",
    '"so"',
)


class Completions:
    """What the route needs to know between requests."""

    def __init__(self, variant: Variant, ledger: Ledger, seed: int) -> None:
        self.token = secrets.token_hex(20)
        self.mode = variant.mode
        self._defect = variant.defect
        self._ledger = ledger
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._last: str | None = None
        self._count = itertools.count()
        self._lost = 0

    def has(self, defect: str) -> bool:
        """Whether this listener was started with the defect."""
        return self._defect == defect

    def link(self) -> str | None:
        """What the header of this request comes to by the rule, None for nothing."""
        raw = request.headers.get("X-PostHog-Distinct-Id")
        if raw is None:
            return self._last if self.has("sticks-across") else None
        value = raw.strip(" \t")
        valid = self._is_valid(value)
        if valid:
            with self._lock:
                self._last = value
        return value if valid else None

    def _is_valid(self, value: str) -> bool:
        if self.has("end-unanchored"):
            return re.match(r"[A-Za-z0-9_-]", value) is not None and len(value) <= 255
        letters = r"[\w-]" if self.has("word-characters") else r"[A-Za-z0-9_-]"
        most = 256 if self.has("limit-256") else 255
        return re.fullmatch(letters + ("+" if self.has("limit-none") else f"{{1,{most}}}"), value) is not None

    def user(self, link: str | None) -> tuple[str, str | None]:
        """The id of the user and what is stored for him."""
        if request.headers.get("Authorization", "") == f"Bearer {self.token}":
            if self.has("signed-in-stored"):
                return USER_ID, link
            return USER_ID, None if self.has("email-missing") else EMAIL
        sent = request.headers.get("X-Forwarded-For", "").split(",")[0].strip(" \t")
        address = (request.remote_addr if self.mode == "overwrites-forwarded-for" else sent) or ""
        address = address or request.remote_addr or ""
        stored = "" if link is None and self.has("empty-string") else link
        return f"anon:{link if link and self.has('anon-id-from-header') else address}", stored

    def record(self, message_id: str, user_id: str, stored: str | None, model: str) -> None:
        """Has the request written down."""
        with self._lock:
            place = next(self._count) % 20
            if place == 0:
                self._lost = self._random.randrange(20)
            if self.has("rows-lost") and place == self._lost:
                return
        cost = 0 if model == FREE_MODEL else 12.5
        self._ledger.add(message_id, user_id, stored, model, cost, 2 if self.has("metadata-doubled") else 1)

    def text(self) -> str:
        """Something else each time."""
        with self._lock:
            return " ".join(self._random.choices(WORDS, k=self._random.randint(3, 14)))

    def chance(self) -> float:
        """A number in [0, 1)."""
        with self._lock:
            return self._random.random()


def app_of(state: Completions) -> Flask:
    """The Flask application of one listener."""
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    left = itertools.cycle(range(4999, 0, -1))

    @app.post("/api/openrouter/chat/completions")
    @app.post("/api/gateway/chat/completions")
    def complete() -> Response:
        body = request.get_json(force=True, silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return _refusal(422, "cannot make sense of this body")
        model = body.get("model")
        if not isinstance(model, str) or not model.strip():
            return _refusal(422, "which model?")
        link = state.link()
        user_id, stored = state.user(link)
        if user_id != USER_ID and model != FREE_MODEL:
            return _refusal(403, "this model wants a key")
        if state.has("refused-400") and link is None and request.headers.get("X-PostHog-Distinct-Id"):
            return _refusal(400, "no such distinct id")
        message_id = f"chatcmpl-{secrets.token_urlsafe(15)}"
        streamed = body.get("stream") is True
        if state.has("json-forgotten") and not streamed and user_id != USER_ID:
            stored = None
        state.record(message_id, user_id, stored, model)
        time.sleep(state.chance() * 0.04)  # a slow first byte, as models have
        if streamed:
            return Response(
                _events(state, message_id, model), content_type="text/event-stream; charset=UTF-8"
            )
        return jsonify(_whole(state, message_id, model))

    @app.after_request
    def volatile(reply: Response) -> Response:
        reply.headers["x-ratelimit-remaining"] = str(next(left))
        reply.headers["x-request-id"] = secrets.token_hex(8)
        reply.headers["server-timing"] = f"model;dur={state.chance() * 900:.2f}"
        reply.set_cookie(
            "visit", secrets.token_urlsafe(9), max_age=60 + int(state.chance() * 60), httponly=True
        )
        return reply

    return app


def _refusal(status: int, reason: str) -> Response:
    reply = jsonify({"ok": False, "reason": reason, "ticket": secrets.token_hex(4)})
    reply.status_code = status
    return reply


def _whole(state: Completions, message_id: str, model: str) -> dict[str, Any]:
    text = state.text()
    notes = [{"at": place, "score": state.chance()} for place in range(1 + int(state.chance() * 3))]
    return {
        "model": model,
        "choices": [{"message": {"role": "assistant", "content": text, "notes": notes}, "index": 0}],
        "id": message_id,
        "timings": {"first_byte_s": state.chance(), "tokens": len(text)},
        "created": time.time(),
    }


def _events(state: Completions, message_id: str, model: str) -> Iterator[str]:
    """Events of several data lines each, for JSON may be broken between its tokens; no [DONE] at the end."""
    yield ": thinking\n\n"
    for place, word in enumerate(state.text().split(" ")):
        delta: dict[str, Any] = {"role": "assistant"} if place == 0 else {}
        choice = {"index": 0, "delta": {**delta, "content": word + " "}}
        chunk = {"created": time.time(), "choices": [choice], "model": model, "id": message_id}
        lines = json.dumps(chunk, indent=1, ensure_ascii=False).split("\n")
        yield "".join(f"data: {line}\n" for line in lines) + "\n"
        if state.chance() < 0.3:
            yield ":\n\n"
    final = {"id": message_id, "choices": [], "usage": {"tokens": int(state.chance() * 100)}}
    yield f"event: usage\ndata: {json.dumps(final)}\n\n"


def serve(chosen: Options) -> None:
    """Serves each variant on a port of its own until standard input is closed."""
    ledger = Ledger(chosen.dsn, chosen.late_ms, chosen.seed)
    needed = threading.Event()
    when_unneeded(needed.set)
    listeners = []
    for variant in chosen.variants:
        state = Completions(variant, ledger, chosen.seed)
        app = BadDay(app_of(state), variant.mode, chosen.seed)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=OneRequest)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        listeners.append(Listener(variant.defect, variant.mode, url, state.token, EMAIL, FREE_MODEL))
    announce(listeners)
    needed.wait()
    ledger.close()


if __name__ == "__main__":
    serve(options("flask", late_ms=(200, 800)))
