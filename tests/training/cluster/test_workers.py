"""Several machines: TF_CONFIG, and trainings of two processes that act as two machines."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from small_gan_runs import ended, finish, free_ports, make_place, start, start_machines, wait_for_step

from img2imgkit.errors import ConfigError
from img2imgkit.training.cluster.workers import Cluster

PAIR = {"worker": ["a:1", "b:2"]}
PLAIN = ("--set", "options={dropout: 0, pool: 3}", "--set", "training.steps=5")  # dropout differs by device
RATE = 1e-3  # of the critics, whose momentum RMSprop keeps without it


def config(cluster: object, kind: object = "worker", index: object = 0) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize("text", ["", " ", config({"worker": ["a:1"]})])
def test_one_machine_is_no_cluster(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    assert Cluster.from_environment() is None


def test_the_chief_comes_first_under_either_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config(PAIR, index=1))
    assert Cluster.from_environment() == Cluster(("a:1", "b:2"), 1)
    monkeypatch.setenv("TF_CONFIG", config({"worker": ["a:1"], "chief": ["c:3"]}))
    assert Cluster.from_environment() == Cluster(("c:3", "a:1"), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "invalid JSON"),
        ("[]", "expected the keys cluster, task.type and task.index"),
        (config(PAIR, index="0"), "expected the keys cluster, task.type and task.index"),
        (config({**PAIR, "ps": ["c:3"]}), "cluster has the job 'ps'"),
        (config({"worker": ["a:1", "b"]}), "cluster.worker is ['a:1', 'b'], expected a list of host:port"),
        (config({"worker": "a:1"}), "expected a list of host:port"),
        (config({"worker": ["a:1", "b:99999"]}), "expected a list of host:port"),
        (config({"worker": ["a:1", "a:1"]}), "a:1 is listed twice"),
        (config({"chief": ["a:1", "b:1"]}, "chief"), "more than one chief"),
        (config(PAIR, index=2), "task worker 2 is not in the cluster, which has 2 worker(s)"),
        (config({}), "task worker 0 is not in the cluster, which has no machine"),
    ],
)
def test_malformed_values_are_named_with_an_example(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError) as raised:
        Cluster.from_environment()
    assert str(raised.value).startswith("TF_CONFIG: ")
    assert message in str(raised.value)
    assert '"worker": ["first:2222", "second:2222"]' in str(raised.value)


def weights(folder: Path, step: int) -> dict[str, np.ndarray]:
    with np.load(folder / "checkpoints" / f"step-{step:09d}.npz") as stored:
        return {name: stored[name] for name in stored.files}


def prove_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    """Equal up to rounding; RMSprop's momentum is compared as updates, which are RATE times as large."""
    assert one.keys() == other.keys()
    for name, wanted in one.items():
        unit = RATE if name.startswith("optimizer/critics") else 1.0
        np.testing.assert_allclose(unit * other[name], unit * wanted, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_two_machines_end_where_one_does_and_only_the_first_writes(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    first, second = start_machines(place, 2, *PLAIN)
    told = finish(second)
    finish(first)
    finish(start(place, "alone", *PLAIN))
    prove_equal(weights(place / "alone", 5), weights(place / "out", 5))
    assert not (place / "out-1").exists()
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events] == ["waiting", "started", "finished"]
    assert events[1]["replica_batch"] == 2


@pytest.mark.slow
def test_a_killed_machine_ends_the_others_with_a_remedy_and_both_resume(tmp_path: Path) -> None:
    place, longer = make_place(tmp_path), (*PLAIN, "--set", "training.steps=100000")
    machines = start_machines(place, 2, *longer)
    wait_for_step(machines[0], 8)
    machines[1].kill()
    ended(machines[1])
    errors = finish(machines[0], 2)
    assert "error: another machine was lost (" in errors
    assert "The last good checkpoint is out/checkpoints/step-" in errors
    assert "resume the run on all 2 machines" in errors
    assert "Traceback" not in errors
    kept = max((place / "out" / "checkpoints").glob("step-*.npz"))
    assert not list((place / "out").rglob("*.new"))
    before = int(kept.stem[-9:])
    machines = start_machines(place, 2, *PLAIN, "--set", f"training.steps={before + 4}", "--resume")
    told = [json.loads(line) for line in finish(machines[1]).splitlines()]
    finish(machines[0])
    assert told[1]["event"] == "started"
    assert told[1]["step"] == before
    assert int(weights(place / "out", before + 4)["step"]) == before + 4


@pytest.mark.slow
def test_the_first_machine_locks_the_run_folder(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    machines = start_machines(place, 2, *PLAIN, "--set", "training.steps=100000")
    wait_for_step(machines[0], 4)
    refused = finish(start(place, "out", *PLAIN, "--resume"), 2)
    assert f"error: out: another training is using this folder (process {machines[0].pid} on " in refused
    addresses = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    assert "another training is using" in finish(start(place, "out", *PLAIN, tf_config=config(addresses)), 2)  # at once
    machines[0].send_signal(signal.SIGTERM)
    assert [json.loads(ended(machine).splitlines()[-1])["reason"] for machine in machines] == ["interrupted"] * 2


@pytest.mark.slow
def test_if_the_first_machine_is_killed_the_others_state_where_the_checkpoint_is(tmp_path: Path) -> None:
    first, second = start_machines(make_place(tmp_path), 2, *PLAIN, "--set", "training.steps=100000")
    wait_for_step(first, 4)
    first.kill()
    ended(first)
    errors = finish(second, 2)
    assert "The last checkpoint is on the first machine; resume the run on all 2 machines to continue" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_a_signal_to_any_machine_stops_all_after_the_same_step(tmp_path: Path, asked: int) -> None:
    machines = start_machines(make_place(tmp_path), 2, *PLAIN, "--set", "training.steps=100000")
    wait_for_step(machines[0], 4)
    machines[asked].send_signal(signal.SIGTERM)
    ends = [ended(machine).splitlines()[-1] for machine in machines]
    first, second = map(json.loads, ends)
    assert first == second
    assert first["reason"] == "interrupted"
    assert machines[asked].returncode == 143
    assert int(weights(tmp_path / "out", first["step"])["step"]) == first["step"]


@pytest.mark.slow
def test_all_machines_report_differences_of_their_training_files(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    hosts = [f"localhost:{port}" for port in free_ports(2)]
    machines = [
        start(
            place,
            f"out-{index}",
            *PLAIN,
            "--set",
            f"weights.l1={index}",
            tf_config=config({"worker": hosts}, index=index),
        )
        for index in (0, 1)
    ]
    for machine in machines:
        assert "error: the machines differ in: weights. All of them need the same" in finish(machine, 2)


@pytest.mark.slow
def test_a_waiting_machine_can_be_stopped(tmp_path: Path) -> None:
    hosts = [f"localhost:{port}" for port in free_ports(2)]
    machine = start(make_place(tmp_path), "out", tf_config=config({"worker": hosts}))
    assert machine.stderr is not None
    assert json.loads(machine.stderr.readline())["event"] == "waiting"
    time.sleep(1)
    machine.send_signal(signal.SIGINT)
    finish(machine, 130)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        hosts = [f"localhost:{taken.getsockname()[1]}", "localhost:1"]
        errors = finish(start(make_place(tmp_path), "out", tf_config=config({"worker": hosts})), 2)
    assert f"TF_CONFIG: cannot open this machine's port, {hosts[0]}: " in errors
    assert "state a free port on all machines" in errors
