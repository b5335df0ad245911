"""The memory of a network computed from its graph, for networks with known peak memory."""

from __future__ import annotations

from typing import Any

import pytest
import tiny_tasks
from tiny_tasks import Plain, Reflecting, loaded

import img2imgkit as kit
from img2imgkit.inference.engines import footprint
from img2imgkit.inference.engines.footprint import WORKSPACE, bytes_per_pixel


class Wide(tiny_tasks._Tiny):
    """One wide layer; with ``skip``, the input is used again at the end."""

    name = "tiny-wide"

    class Options(tiny_tasks._Tiny.Options):
        width: int = 64
        skip: bool = False

    def network(self, image: Any) -> Any:
        from keras import layers

        first = layers.Conv2D(32, 1, use_bias=False)(image)
        wide = layers.Conv2D(self.options.width, 1, use_bias=False)(first)
        last = layers.Conv2D(32, 1, use_bias=False)(wide)
        return layers.Conv2D(3, 1, use_bias=False)(first + last if self.options.skip else last)


def measured(task: type[kit.Task], **options: Any) -> float:
    bundle = loaded(task, **options)
    return bytes_per_pixel(bundle.task, bundle.nets) / WORKSPACE


def test_the_peak_counts() -> None:
    assert measured(Wide, scale=1) == pytest.approx(4 * (64 + 32), rel=0.05)
    assert measured(Wide, scale=1, width=256) == pytest.approx(4 * (256 + 32), rel=0.05)


def test_a_tensor_that_is_needed_later_counts_until_then() -> None:
    assert measured(Wide, scale=1, skip=True) == pytest.approx(4 * (64 + 32 + 32), rel=0.05)


def test_a_minimum_size_above_the_probe_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "PROBE", 4)  # too small for this network's reflection
    assert measured(Reflecting) > 0


def test_a_larger_output_counts() -> None:
    assert measured(Plain, scale=4) > measured(Plain, scale=2) > measured(Plain, scale=1)
