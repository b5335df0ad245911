"""Ctrl-C, SIGTERM and SIGHUP."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from img2imgkit.cli.signals import interrupt_at_end_of_input, stopping_on_signals


class Ended(BaseException):
    """Raised instead of ending the process."""


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The output to file descriptor 2, a terminal. Ending the process raises ``Ended``."""
    written: list[bytes] = []

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr("os.write", lambda handle, data: written.append(data))
    monkeypatch.setattr("os.isatty", lambda handle: True)
    monkeypatch.setattr("os._exit", end)
    return written


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_requests_a_stop_and_the_second_ends_the_process(
    number: signal.Signals, said: list[bytes]
) -> None:
    with stopping_on_signals("finishing") as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
        assert stop.exit_code == 128 + number
        with pytest.raises(Ended) as ended:
            signal.raise_signal(signal.SIGTERM)
    assert ended.value.args == (128 + signal.SIGTERM,)
    assert len(said) == 1


def test_the_message_replaces_the_bar_on_its_own_line(said: list[bytes]) -> None:
    with stopping_on_signals("finishing"):
        signal.raise_signal(signal.SIGINT)
    assert said == [b"\r\x1b[2Kfinishing\n"]


def test_without_a_terminal_only_the_message_is_written(said: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.isatty", lambda handle: False)
    with stopping_on_signals("finishing"):
        signal.raise_signal(signal.SIGTERM)
    assert said == [b"finishing\n"]


def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(handle: int, data: bytes) -> None:
        raise OSError(9, os.strerror(9))

    monkeypatch.setattr("os.write", closed)
    with stopping_on_signals("finishing") as stop:
        signal.raise_signal(signal.SIGINT)
    assert stop.is_set()


@pytest.fixture
def restored() -> Iterator[None]:
    """Restores what SIGHUP does."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_closed_terminal_requests_a_stop_however_often_it_says_so(said: list[bytes], restored: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    with stopping_on_signals("finishing") as stop:
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
        assert stop.is_set()
        assert stop.exit_code == 129
        with pytest.raises(Ended):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_under_nohup_a_closed_terminal_changes_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping_on_signals("finishing") as stop:
            signal.raise_signal(signal.SIGHUP)
        assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_end_of_standard_input_is_an_interrupt(monkeypatch: pytest.MonkeyPatch, restored: None) -> None:
    parts, killed = iter([b"x", b""]), threading.Event()
    monkeypatch.setattr(os, "read", lambda descriptor, count: next(parts))
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.set())
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background
    try:
        interrupt_at_end_of_input()
        assert killed.wait(60)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
