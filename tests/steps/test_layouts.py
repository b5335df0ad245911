"""Edits of layouts: nearest pixels, and ids of objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from img2imgkit.errors import TranslateError
from img2imgkit.steps.layouts import Layout, nearest_outside

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.booleans())


def layout(label: list[list[int]], instance: list[list[int]] | None = None) -> Layout:
    maps = {"label": label, **({"instance": instance} if instance else {})}
    return Layout({name: np.asarray(ids, np.int32) for name, ids in maps.items()})


@settings(max_examples=200, deadline=None)
@given(MASKS.filter(lambda mask: mask.any() and not mask.all()))
def test_no_outside_pixel_is_nearer_than_the_one_found(mask: np.ndarray) -> None:
    inside, outside = np.argwhere(mask), np.argwhere(~mask)
    found = np.stack(nearest_outside(mask), axis=1)
    assert not mask[found[:, 0], found[:, 1]].any()
    distances = np.square(inside[:, None] - outside[None]).sum(-1).min(1)
    np.testing.assert_array_equal(np.square(found - inside).sum(-1), distances)


def test_a_hole_is_filled_from_both_sides() -> None:
    made = layout([[1, 5, 5, 5, 5, 2]], [[1, 5001, 5001, 5001, 5001, 2001]])
    made.fill(made.label == 5, None)
    assert made.label.tolist() == [[1, 1, 1, 2, 2, 2]]
    assert made.instance is not None
    assert made.instance.tolist() == [[1, 1, 1, 2001, 2001, 2001]]


def test_a_hole_is_filled_with_a_class() -> None:
    made = layout([[1, 5, 2]], [[1, 5001, 2]])
    made.fill(made.label == 5, 7)
    assert (made.maps["label"].tolist(), made.maps["instance"].tolist()) == ([[1, 7, 2]], [[1, 7, 2]])


def test_a_mask_of_the_whole_picture_has_no_surroundings() -> None:
    with pytest.raises(TranslateError, match="has no surroundings"):
        layout([[5, 5]]).fill(np.ones((1, 2), bool), None)


def test_each_object_remains_an_object_when_its_class_changes() -> None:
    made = layout([[5, 5, 5, 6, 5]], [[5001, 5000, 5001, 6003, 5]])
    made.relabel(made.label == 5, 6)
    assert made.label.tolist() == [[6, 6, 6, 6, 6]]
    assert made.maps["instance"].tolist() == [[6005, 6004, 6005, 6003, 6]]


def test_a_free_id_is_above_those_of_its_class() -> None:
    assert layout([[5]], [[5007]]).free_instance(5) == 5008
    assert layout([[5]], [[5]]).free_instance(5) == 5000
    assert layout([[5, 6]], [[5999, 6000]]).free_instance(5) == 6001
    assert layout([[0, 0]], [[0, 7]]).free_instance(0) == 8


def test_pixels_moved_out_of_the_picture_are_lost() -> None:
    made = layout([[1, 5, 5], [1, 1, 2]], [[1, 5001, 5002], [1, 1, 2]])
    made.move(made.label == 5, (1, 1), 3)
    assert made.label.tolist() == [[1, 3, 3], [1, 1, 5]]
    assert made.maps["instance"].tolist() == [[1, 3, 3], [1, 1, 5001]]


def test_the_edited_maps_are_copies() -> None:
    label = np.zeros((2, 2), np.int32)
    Layout({"label": label}).paint(np.ones((2, 2), bool), 4, 4)
    assert not label.any()
