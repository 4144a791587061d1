"""What is going on, on standard error that is no terminal: one line at once, then how far it is, seldom."""

import pytest

from harness.cli import streams


def test_log_is_told_how_far_it_is_each_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    with streams.show_progress("orders") as on_progress:
        for clock[0], left in ((29.0, 161), (30.0, 160), (31.0, 159), (60.0, 140)):
            on_progress(f"{left} paths left")
    lines = ["orders", "orders: 160 paths left", "orders: 140 paths left"]
    assert capsys.readouterr().err.splitlines() == lines
