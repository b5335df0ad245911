"""Random batches: keys, channels and sizes of each data kind, and the draws of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import img2imgkit as kit
from img2imgkit.data import Degraded, Labelled, Unpaired
from img2imgkit.testing.batches import random_batch, with_draws


class Sized(kit.Task):
    """A task defined by sizes only."""

    name = "sized"
    data = "degraded"
    sizes = kit.Geometry(scale=2, multiple=12, channels=1, output_channels=3, minimum=30)

    def build(self) -> kit.Networks:
        raise NotImplementedError

    def geometry(self) -> kit.Geometry:
        return self.sizes

    def forward(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {}

    def generator_losses(self, nets: kit.Networks, batch: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return inputs["source"]


class Drawing(Sized):
    """Draws a number for each image."""

    drawn: Mapping[str, Any] = {}

    def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        assert sample["source"].shape == (36, 36, 1)
        return {"noise": random.normal(size=4), "mean": np.mean(sample["target"]), **self.drawn}


class Doubled(Unpaired):
    """A task of an unknown data kind."""

    @classmethod
    def random_batch(cls, random: np.random.Generator, images: int, side: int, *more: Any) -> dict[str, np.ndarray]:
        made = Degraded.random_batch(random, images, side, *more)
        return {"a": made["source"], "b": made["target"]}


class Choosy(Sized):
    """Its critic needs larger pictures than its translation."""

    def minimum_crop(self) -> int:
        return 100


class Named(Sized):
    """Knows the names of its domains and the size of their pictures."""

    data = "labelled"
    sets: tuple[list[str], ...] = (["cat", "dog"], ["day", "dusk", "night"])

    def example_data(self) -> Mapping[str, Any]:
        return {"sets": self.sets, "size": 20}

    def data_problems(self, data: Mapping[str, Any]) -> list[str]:
        return [] if data["sets"] is Named.sets else ["other domains"]


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    ("data", "read", "written"),
    [(Degraded, "source", "target"), (Doubled, "a", "b")],
)
def test_pictures_have_the_stated_channels_and_an_allowed_size(
    data: type[kit.DataKind], read: str, written: str
) -> None:
    batch = random_batch(Sized(), data, rng(), 5)
    assert {key: values.shape for key, values in batch.items()} == {read: (5, 36, 36, 1), written: (5, 72, 72, 3)}
    assert all(values.dtype == np.float32 and np.abs(values).max() <= 1 for values in batch.values())


def test_pictures_are_as_large_as_critics_need() -> None:
    batch = random_batch(Choosy(), Degraded, rng(), 1)
    assert [batch[key].shape[1:3] for key in ("source", "target")] == [(60, 60), (120, 120)]


def test_labels_are_of_the_tasks_own_sets() -> None:
    batch = random_batch(Named(), Labelled, rng(), 4)
    assert batch["source"].shape == (4, 20, 20, 1)
    assert list(batch["label_set"]) == [0, 1, 0, 1]
    for key in ("label", "target_label"):
        np.testing.assert_array_equal(batch[key][:, :2].sum(axis=1), [1, 0, 1, 0])
        np.testing.assert_array_equal(batch[key][:, 2:].sum(axis=1), [0, 1, 0, 1])


def test_missing_example_fields_are_requested_from_the_task() -> None:
    said = r"'labelled' data needs .* return 'sets' \(the names of the domains, one list per set\) from example_data"
    with pytest.raises(AssertionError, match=said):
        random_batch(Sized(), Labelled, rng(), 4)


def test_an_example_that_the_task_rejects_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Named, "example_data", lambda task: {"sets": [["x"]]})
    with pytest.raises(AssertionError, match=r"rejects the task's own example_data\(\): \['other domains'\]"):
        random_batch(Named(), Labelled, rng(), 4)


def test_draws_are_stacked_over_images() -> None:
    batch = random_batch(Drawing(), Degraded, rng(), 3)
    assert (batch["noise"].shape, batch["mean"].shape) == ((3, 4), (3,))
    assert len(set(batch["noise"].ravel())) == 12
    assert batch["mean"] == pytest.approx(batch["target"].mean(axis=(1, 2, 3)))
    assert (random_batch(Drawing(), Degraded, rng(), 3)["noise"] == batch["noise"]).all()


def test_a_draw_with_a_key_of_the_batch_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drawing, "drawn", {"target": np.zeros(3)})
    with pytest.raises(
        AssertionError, match=r"draw\(\) returns \['target'\], which 'degraded' batches already contain"
    ):
        random_batch(Drawing(), Degraded, rng(), 3)


def test_draws_of_different_shapes_are_rejected() -> None:
    class Uneven(Sized):
        """Draws more for each image."""

        made = 0

        def draw(self, random: np.random.Generator, sample: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
            self.made += 1
            return {"noise": random.normal(size=self.made)}

    with pytest.raises(AssertionError, match="different keys or shapes for different images"):
        with_draws(Uneven(), rng(), {"source": np.zeros((2, 4, 4, 1))})
