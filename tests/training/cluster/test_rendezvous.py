"""Machines that wait for each other, run as threads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from small_gan_runs import free_ports

from img2imgkit.errors import TrainingError
from img2imgkit.training.cluster.rendezvous import Stopped, meet


def addresses(count: int) -> tuple[str, ...]:
    return tuple(f"localhost:{port}" for port in free_ports(count))


def start(pool: ThreadPoolExecutor, hosts: tuple[str, ...], index: int, stop: threading.Event) -> Future[None]:
    return pool.submit(meet, hosts, index, stop.is_set)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_all_machines_proceed_once_the_last_one_has_connected(order: tuple[int, ...]) -> None:
    hosts, stop = addresses(3), threading.Event()
    with ThreadPoolExecutor(3) as pool:
        early = [start(pool, hosts, index, stop) for index in order[:2]]
        time.sleep(0.5)
        assert not any(machine.done() for machine in early)
        late = start(pool, hosts, order[2], stop)
        for machine in (*early, late):
            machine.result(timeout=10)
    with socket.create_server(("", int(hosts[0].rpartition(":")[2]))):
        pass  # the port is free again


@pytest.mark.parametrize("index", [0, 1])
def test_waiting_can_be_stopped(index: int) -> None:
    hosts, stop = addresses(2), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = start(pool, hosts, index, stop)
        time.sleep(0.3)
        stop.set()
        with pytest.raises(Stopped):
            waiting.result(timeout=10)


def knock(address: str, words: bytes) -> None:
    with socket.create_connection(("localhost", int(address.rpartition(":")[2])), timeout=5) as line:
        line.sendall(words)


@pytest.mark.parametrize("words", [b"GET / HTTP/1.0\r\n\r\n", b"img2img machine 7", b"img2img machine 0", b"\xff\xfe"])
def test_unknown_connections_are_not_counted(words: bytes) -> None:
    hosts, stop = addresses(2), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = start(pool, hosts, 0, stop)
        within(5, lambda: knock(hosts[0], words))
        time.sleep(0.5)
        assert not first.done()
        start(pool, hosts, 1, stop).result(timeout=10)
        first.result(timeout=10)


def test_a_machine_that_disconnected_is_awaited_again() -> None:
    hosts, stop = addresses(3), threading.Event()
    with ThreadPoolExecutor(3) as pool:
        first = start(pool, hosts, 0, stop)
        within(5, lambda: knock(hosts[0], b"img2img machine 1"))  # and disconnects
        second = start(pool, hosts, 2, stop)
        time.sleep(0.7)
        assert not first.done()
        for machine in (start(pool, hosts, 1, stop), second, first):
            machine.result(timeout=10)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
        with pytest.raises(TrainingError, match=f"cannot open this machine's port, {address}: "):
            meet((address, "localhost:1"), 0, lambda: False)


def within(seconds: float, act: Callable[[], None]) -> None:
    """Call until it succeeds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return act()
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)
