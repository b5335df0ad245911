from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from tiny_tasks import Painted, Reflecting, Tinted, loaded

import img2imgkit as kit
from img2imgkit.errors import TranslateError
from img2imgkit.geometry_proof import random_inputs, training_side


def shapes(task: type[kit.Task], *size: int) -> dict[str, tuple[int, ...]]:
    bundle = loaded(task)
    made = random_inputs(bundle.task, bundle.nets, np.random.default_rng(0), 2, size or None)  # type: ignore[arg-type]
    return {key: each.shape for key, each in made.items()}


def test_translate_receives_a_source_and_an_array_for_each_condition() -> None:
    assert shapes(Reflecting) == {"source": (2, 16, 16, 3)}
    assert shapes(Reflecting, 48, 60) == {"source": (2, 48, 60, 3)}
    assert shapes(Tinted, 5, 6) == {"source": (2, 5, 6, 3), "style": (2, 3), "colour": (2, 3), "hidden": (2, 5, 6, 1)}
    assert shapes(Painted, 8, 4) == {"source": (2, 8, 4, 1), "instance": (2, 8, 4, 1), "bright": (2, 8, 4, 1)}


def test_a_label_map_has_every_id() -> None:
    painted = loaded(Painted)
    ids = random_inputs(painted.task, painted.nets, np.random.default_rng(0), 1, (8, 8))["source"]
    assert set(ids.ravel()) == {0, 1, 2, 3}


class Required(Tinted):
    """Needs to know the tint."""

    def conditions(self) -> Mapping[str, kit.Condition]:
        return {"tint": kit.Condition("value", "a colour's name", required=True, values=self.tints)}

    tints: tuple[str, ...] = ("blue", "red")


def test_a_required_value_is_one_of_those_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Required()
    made = random_inputs(task, task.build(), np.random.default_rng(0), 1)
    np.testing.assert_allclose(made["colour"], [[-0.5, -0.5, 0.5]])
    monkeypatch.setattr(Required, "tints", ())
    with pytest.raises(TranslateError, match="needs 'tint'"):
        random_inputs(task, task.build(), np.random.default_rng(0), 1)


def test_the_side_for_training_is_what_translate_and_the_crop_need(monkeypatch: pytest.MonkeyPatch) -> None:
    assert training_side(Reflecting()) == 16
    monkeypatch.setattr(Reflecting, "minimum_crop", lambda task: 18)
    assert training_side(Reflecting()) == 20
