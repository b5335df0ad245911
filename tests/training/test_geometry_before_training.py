"""A training begins only if the task's networks are as it states, and says what it had no time to prove."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_gan_runs import make_place
from small_gan_task import SmallGan, catalog

import img2imgkit as kit
from img2imgkit import degradations
from img2imgkit.catalog import Plugin
from img2imgkit.config import load_yaml
from img2imgkit.errors import GeometryError
from img2imgkit.training import Event, Finished, Started, finish, read_training_plan, train, training_run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path)


def go(place: Path) -> list[Event]:
    events: list[Event] = []
    document = load_yaml(place / "train.yaml").with_overrides(["training.steps=2", "probe=null"])
    train(read_training_plan(document, catalog()), place / "run", catalog(), events.append, device="cpu")
    return events


def test_a_lie_is_refused_before_the_first_step(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmallGan, "geometry", lambda self: kit.Geometry(scale=2, radius=1))
    with pytest.raises(GeometryError, match=r"states radius=1, .* Measured: radius=2"):
        go(place)
    assert not (place / "run" / "bundle").exists()
    assert not list((place / "run").rglob("*.npz"))


@pytest.mark.slow
def test_a_stopped_run_becomes_no_bundle_either(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert go(place)[-1] == Finished(2, place / "run" / "bundle")
    monkeypatch.setattr(SmallGan, "geometry", lambda self: kit.Geometry(scale=2, radius=1))
    own = kit.Catalog((*catalog().plugins, Plugin("degradations", lambda: degradations)))
    with pytest.raises(GeometryError, match="task 'small-gan': "):
        finish(place / "run", own, lambda event: None, "cpu")


@pytest.mark.slow
def test_what_is_not_proved_is_noted_at_the_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "prove_geometry", lambda task: ("not proved: the receptive radius",))
    [started] = [event for event in go(place) if isinstance(event, Started)]
    assert started.notes == ("note: not proved: the receptive radius",)
