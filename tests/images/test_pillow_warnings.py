from __future__ import annotations

import threading
import warnings

import pytest

from img2imgkit.images.pillow_warnings import captured_warnings


def warn_as_pillow(text):
    """Issue a warning that appears to come from one of Pillow's modules."""
    warnings.warn_explicit(text, UserWarning, "x.py", 1, module="PIL.TestPlugin", registry={})


def test_pillows_warnings_become_lines_and_do_not_raise():
    with captured_warnings() as lines:
        warn_as_pillow("one\n  thing")
        warn_as_pillow("one thing")
        warn_as_pillow("another")
    assert lines == ["one thing", "another"]


def test_other_warnings_are_not_captured():
    with captured_warnings() as lines, pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)
    assert lines == []
    with pytest.raises(UserWarning, match="later"):
        warn_as_pillow("later")  # this test run turns warnings into errors


def test_each_thread_captures_its_own_and_the_last_one_restores_the_state():
    before = warnings.filters[:], warnings.showwarning
    barrier, found = threading.Barrier(6), {}

    def work(number):
        barrier.wait()
        for turn in range(50):
            with captured_warnings() as lines:
                warn_as_pillow(f"{number} {turn}")
            found.setdefault(number, []).extend(lines)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [f"{number} {turn}" for turn in range(50)] for number in range(6)}
    assert (warnings.filters, warnings.showwarning) == before


def test_nested_captures_are_separate():
    with captured_warnings() as outer:
        warn_as_pillow("outer")
        with captured_warnings() as inner:
            warn_as_pillow("inner")
        warn_as_pillow("outer again")
    assert (outer, inner) == (["outer", "outer again"], ["inner"])
