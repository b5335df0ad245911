"""A proof builds the networks itself, and says what it had no time for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import pytest
from tiny_tasks import Normed, Painted, Plain, Recoloured, Reflecting, Tinted

import img2imgkit as kit
from img2imgkit.errors import GeometryError
from img2imgkit.geometry_proof import prove_geometry


class Shortsighted(Plain):
    """Sees 3 pixels far, and says 1."""

    radius = 1


def ticking(seconds: float) -> Callable[[], float]:
    """A clock with which each small translation takes so long."""
    ticks: Iterator[float] = count(0.0, seconds)
    return lambda: next(ticks)


@pytest.mark.parametrize("task", [Plain, Normed, Recoloured, Reflecting, Painted, Tinted])
def test_what_is_true_is_proved(task: type[kit.Task]) -> None:
    assert prove_geometry(task(), clock=ticking(0.001)) == ()


def test_a_lie_is_refused_with_the_name_of_the_task() -> None:
    with pytest.raises(GeometryError, match=r"task 'tiny-plain': geometry\(\) states radius=1, .* Measured: radius=3"):
        prove_geometry(Shortsighted(), clock=ticking(0.001))


def test_what_would_take_too_long_is_not_proved() -> None:
    sizes, radius = prove_geometry(Shortsighted(), clock=ticking(6.0))
    assert sizes == ("not proved: scale 2, multiple 1 and minimum 1, measuring would take longer than 10 s")
    assert radius == "not proved: the receptive radius of 1, measuring would take longer than 10 s"


def test_without_time_for_a_square_the_radius_is_measured_on_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    class Far(Shortsighted):
        """States a radius that needs large pictures."""

        radius = 100

    seen = []
    translate = Far.translate

    def counted(task: Any, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        seen.append(tuple(inputs["source"].shape[1:3]))
        return translate(task, nets, inputs)

    monkeypatch.setattr(Far, "translate", counted)
    assert prove_geometry(Far(), clock=ticking(0.5)) == ()
    assert seen[-2:] == [(8, 207), (207, 8)]


def test_a_proof_that_is_too_long_for_a_second_translation_needs_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    translate = Plain.translate

    def counted(task: Any, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        calls.append(inputs["source"].shape)
        return translate(task, nets, inputs)

    monkeypatch.setattr(Plain, "translate", counted)
    assert len(prove_geometry(Plain(), clock=ticking(60.0))) == 2
    assert calls == [(2, 32, 32, 3)]


def test_inputs_that_cannot_be_made_up_prove_nothing() -> None:
    class Named(Tinted):
        """Needs a value that is not listed."""

        def conditions(self) -> Mapping[str, kit.Condition]:
            return {"tint": kit.Condition("value", "a colour's name", required=True)}

    [note] = prove_geometry(Named())
    assert note.startswith("not proved: the geometry, because the inputs cannot be made up (")
    assert "needs 'tint'" in note
