"""A training begins only if the task's networks are as it states, and says what it had no time to prove."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_gan_runs import make_place
from small_gan_task import SmallGan, catalog

import img2imgkit as kit
from img2imgkit.config import load_yaml
from img2imgkit.errors import GeometryError
from img2imgkit.training import Event, Started, finish, read_training_plan, train, training_run

TRUE = kit.Geometry(scale=2, radius=2)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_place(tmp_path)


def go(place: Path) -> list[Event]:
    events: list[Event] = []
    document = load_yaml(place / "train.yaml").with_overrides(["training.steps=2", "probe=null"])
    train(read_training_plan(document, catalog()), place / "run", catalog(), events.append, device="cpu")
    return events


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (kit.Geometry(scale=2, radius=1), "states radius=1, .* Measured: radius=2"),
        (kit.Geometry(scale=2, radius=2, output_channels=1), "Measured: output_channels=3"),
    ],
)
def test_a_lie_is_refused_before_the_first_step(
    place: Path, monkeypatch: pytest.MonkeyPatch, stated: kit.Geometry, said: str
) -> None:
    monkeypatch.setattr(SmallGan, "geometry", lambda self: TRUE)
    document = load_yaml(place / "train.yaml").with_overrides(["training.steps=2", "probe=null"])
    plan = read_training_plan(document, catalog())
    monkeypatch.setattr(SmallGan, "geometry", lambda self: stated)
    monkeypatch.setattr(training_run, "open_reader", lambda data, *_: data.reader(TRUE))
    with pytest.raises(GeometryError, match=said):
        train(plan, place / "run", catalog(), lambda event: None, device="cpu")
    assert not (place / "run" / "bundle").exists()
    assert not list((place / "run").rglob("*.npz"))
    monkeypatch.setattr(SmallGan, "geometry", lambda self: TRUE)
    assert go(place)[-1].bundle == place / "run" / "bundle"  # type: ignore[union-attr]


def test_a_stopped_run_becomes_no_bundle_either(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(place)
    monkeypatch.setattr(SmallGan, "geometry", lambda self: kit.Geometry(scale=2, radius=1))
    with pytest.raises(GeometryError, match="task 'small-gan': "):
        finish(place / "run", catalog(), lambda event: None, "cpu")


def test_what_is_not_proved_is_noted_at_the_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "prove_geometry", lambda task: ("not proved: the receptive radius",))
    [started] = [event for event in go(place) if isinstance(event, Started)]
    assert started.notes == ("note: not proved: the receptive radius",)
