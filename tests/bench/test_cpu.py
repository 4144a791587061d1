"""What a command costs includes what outlives it."""

import sys

from tests.bench.cpu import cost_of

SPENDS = "import time\nwhile time.process_time() < {}: pass"
LEAVES_AN_ORPHAN = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"


def test_cpu_of_an_orphan_is_the_commands() -> None:
    alone = cost_of((sys.executable, "-c", LEAVES_AN_ORPHAN, SPENDS.format(0.0)))
    both = cost_of((sys.executable, "-c", LEAVES_AN_ORPHAN, SPENDS.format(0.5)))
    assert both.code == 0
    assert both.cpu_s >= alone.cpu_s + 0.3


def test_the_exit_code_is_the_commands() -> None:
    assert cost_of((sys.executable, "-c", "raise SystemExit(3)")).code == 3
