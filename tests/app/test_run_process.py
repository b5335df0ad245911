from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from img2imgkit.app.run_process import NICENESS, RunProcess

pytestmark = pytest.mark.slow  # it starts processes
TALKING = """
import json, sys
print('{"event": "started", "total": 2}', file=sys.stderr)
print("some library says hello", file=sys.stderr)
print('{"no": "event"}', '{broken', file=sys.stderr, sep="\\n", flush=True)
sys.stdin.read()
print(json.dumps({"stopped": True}))
sys.exit(3)
"""


def process(program: str, heard: list[Mapping[str, Any]]) -> RunProcess:
    return RunProcess([sys.executable, "-S", "-c", program], heard.append)


def test_events_are_heard_and_the_end_of_its_input_stops_it() -> None:
    heard: list[Mapping[str, Any]] = []
    made = process(TALKING, heard)
    made.stop()
    ended = made.wait()
    assert heard == [{"event": "started", "total": 2}]
    assert (ended.code, ended.answer) == (3, {"stopped": True})
    assert "some library says hello" in ended.text


def test_a_killed_process_has_the_code_of_the_signal() -> None:
    made = process("import sys; sys.stdin.read()", [])
    made.kill()
    ended = made.wait()
    assert (ended.code, ended.answer) == (-9, None)


def test_a_run_lets_the_page_go_first() -> None:
    made = process("import sys; sys.stdin.read()", [])
    assert os.getpriority(os.PRIO_PROCESS, made.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    made.stop()
    made.wait()


def test_a_process_that_closes_its_streams_is_waited_for() -> None:
    assert process("import os; os.close(1); os.close(2); os._exit(5)", []).wait().code == 5
