"""Processes that take turns: each is timed in every round, failures are told, and none outlives it."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest

from img2imgkit.benchmark import turns
from img2imgkit.errors import BenchmarkError

nothing = partial(partial, sum, ())  # makes a call that can be timed
dies_at_once = partial(os._exit, 7)
dies_when_called = partial(partial, os._exit, 8)
raises = partial(int, "no number")
ENDED = "its process ended with exit code"
SLEEPING = """
import signal, sys, time
from functools import partial
from img2imgkit.benchmark import turns
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore it
    print("started", flush=True)
    turns.timed({"one": partial(partial, time.sleep, 60), "other": partial(partial, time.sleep, 60)}, 1, turns.Extent())
"""


def lasting(calls):
    """Makes a call that succeeds so many times, then raises."""
    return partial(partial, next, iter(range(calls)))


class TestWork:
    """What a process does, without a process."""

    def answers(self, make, rounds, extent=None):
        told = []

        def receive():
            if len(told) > rounds:
                raise EOFError

        turns._work(make, extent or turns.Extent(), SimpleNamespace(send=told.append, recv=receive))
        return told

    def test_it_is_warm_then_times_each_round(self):
        told = self.answers(nothing, rounds=3)
        assert len(told) == 4
        assert all(took > 0 and peak > 1 << 20 and not failure for took, peak, failure in told)

    def test_a_round_has_the_stated_calls(self):
        calls = []
        self.answers(lambda: partial(calls.append, 0), rounds=2, extent=turns.Extent(calls=5))
        assert len(calls) == turns.WARM_UP + 2 * 5

    def test_a_round_of_some_seconds_has_as_many_calls_as_fit(self):
        calls = []

        def call():
            calls.append(0)
            time.sleep(0.01)

        self.answers(lambda: call, rounds=1, extent=turns.Extent(seconds=0.1))
        assert turns.WARM_UP + 1 < len(calls) <= turns.WARM_UP + 10

    @pytest.mark.parametrize("make", [raises, lasting(0), lasting(turns.WARM_UP)])
    def test_an_error_is_told_and_ends_it(self, make):
        *before, (_, _, failure) = self.answers(make, rounds=5)
        assert failure.startswith(("ValueError: invalid literal", "StopIteration"))
        assert not [each for each in before if each[2]]


@pytest.mark.slow
def test_each_side_is_timed_in_every_round():
    found = turns.in_processes({"one": nothing, "other": nothing}, calls=2, rounds=3)
    assert {name: len(seconds) for name, seconds in found.items()} == {"one": 3, "other": 3}
    assert all(second > 0 for seconds in found.values() for second in seconds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dead", "reason"),
    [(dies_at_once, f"{ENDED} 7"), (dies_when_called, f"{ENDED} 8"), (raises, "ValueError: invalid literal for int")],
)
def test_a_side_that_fails_is_told_or_ends_the_comparison(dead, reason):
    sides = {"one": nothing, "other": dead}
    found = turns.timed(sides, 2, turns.Extent())
    assert len(found["one"].seconds) == 2
    assert not found["one"].failure
    assert found["other"].seconds == ()
    assert found["other"].failure.startswith(reason)
    with pytest.raises(BenchmarkError, match=f"^other: {reason}"):
        turns.in_processes(sides, calls=1, rounds=1)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_side_that_fails_after_some_rounds_keeps_them():
    found = turns.timed({"one": nothing, "other": lasting(turns.WARM_UP + 1)}, 3, turns.Extent())
    assert (len(found["one"].seconds), len(found["other"].seconds)) == (3, 1)
    assert found["other"].failure == "StopIteration"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("after", [0.0, 2.0], ids=["while they start", "while they work"])
def test_ctrl_c_ends_all_processes(tmp_path, after):
    script = tmp_path / "sleeping.py"
    script.write_text(SLEEPING)
    process = subprocess.Popen(
        [sys.executable, str(script)], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors
    assert errors.count("Traceback") == 1  # the children say nothing
    assert is_gone(process.pid)


def is_gone(group):
    """Whether all processes of a group end within a few seconds."""
    for _ in range(50):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_the_ratio_is_the_median_over_the_rounds():
    assert turns.median_ratio([1.0, 2.0, 1.0], [3.0, 2.0, 2.0]) == 2.0
