"""The process of the try-outs, as its owner sees it: a program in its place answers, dies, or grows."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from img2imgkit.app.try_outs import TryOuts
from img2imgkit.errors import RequestError

pytestmark = pytest.mark.slow  # it starts processes
PROGRAM = """
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["model"] == "crash":
        os.kill(os.getpid(), 9)
    if request["model"] == "wrong":
        answer = {"error": "no model 'wrong'"}
    else:
        open(request["target"], "wb").write(b"png")
        answer = {"width": 1, "pid": os.getpid(), "full": request["model"] == "huge"}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def try_outs() -> Iterator[TryOuts]:
    made = TryOuts(command=[sys.executable, "-S", "-c", PROGRAM])
    yield made
    made.close()


def ask(try_outs: TryOuts, model: str = "a") -> dict[str, Any]:
    return try_outs.ask({"model": model})


def test_one_process_answers_and_results_are_files_for_a_while(try_outs: TryOuts) -> None:
    first, second = ask(try_outs), ask(try_outs)
    assert first["pid"] == second["pid"] == try_outs.pid
    assert try_outs.result(first["id"]).read_bytes() == b"png"
    with pytest.raises(RequestError, match="no longer kept"):
        try_outs.result("../x")


def test_after_a_crash_the_next_request_has_a_new_process(try_outs: TryOuts) -> None:
    before = ask(try_outs)["pid"]
    with pytest.raises(RequestError, match=r"has ended \(signal 9\): try again"):
        ask(try_outs, "crash")
    assert ask(try_outs)["pid"] != before


def test_after_a_kill_between_requests_too(try_outs: TryOuts) -> None:
    before = ask(try_outs)["pid"]
    os.kill(before, signal.SIGKILL)
    while try_outs.pid is not None:
        time.sleep(0.01)
    assert ask(try_outs)["pid"] != before


def test_a_process_that_holds_too_much_memory_is_ended_after_its_answer(try_outs: TryOuts) -> None:
    assert ask(try_outs, "huge")["width"] == 1
    assert try_outs.pid is None


def test_errors_are_those_of_the_model(try_outs: TryOuts) -> None:
    with pytest.raises(RequestError, match="no model 'wrong'"):
        ask(try_outs, "wrong")


def test_an_idle_process_ends() -> None:
    made = TryOuts(idle=0.05, command=[sys.executable, "-S", "-c", PROGRAM])
    ask(made)
    while made.pid is not None:
        time.sleep(0.01)
    assert ask(made)["width"] == 1
    made.close()


def test_the_end_leaves_neither_process_nor_files(try_outs: TryOuts) -> None:
    answer = ask(try_outs)
    path = try_outs.result(answer["id"])
    try_outs.close()
    assert try_outs.pid is None
    assert not Path(path).parent.exists()
