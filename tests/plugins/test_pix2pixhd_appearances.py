"""pix2pixHD's appearances of objects: found, clustered, stored and chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from img2imgkit_plugins.pix2pixhd.appearance_table import appearance_table
from img2imgkit_plugins.pix2pixhd.appearances import (
    Chosen,
    clustered,
    fill,
    looks_in,
    numbers_of,
    parsed_choice,
)


def test_an_object_gets_features_and_class_of_its_middle_pixel() -> None:
    features = np.arange(16 * 16.0).reshape(16, 16, 1)
    label, instance = np.zeros((2, 16, 16), int)
    label[4:8], instance[4:8] = 2, 70000
    instance[0, :4] = 9  # exactly a 64th of the picture: too small
    found = {each: float(look[0]) for each, look in looks_in(features, label, instance)}
    places = np.flatnonzero(instance == 0)
    assert found == {0: places[len(places) // 2], 2: 4 * 16 + 32}


def test_clusters_are_found_whatever_their_sizes() -> None:
    random = np.random.default_rng(1)
    centres = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    points = np.concatenate(
        [random.normal(centre, 0.01, (count, 2)) for centre, count in zip(centres, (40, 4, 1), strict=True)]
    )
    found = clustered(random.permutation(points), 3, random)
    apart = np.abs(found[:, None] - centres).max(axis=-1)
    assert sorted(apart.argmin(axis=1)) == [0, 1, 2]
    assert apart.min(axis=1).max() < 0.1


def test_fewer_objects_than_clusters_are_one_cluster_each() -> None:
    points = np.array([[1.0], [2.0]])
    assert sorted(clustered(points, 10, np.random.default_rng(0)).reshape(-1)) == [1, 2]
    assert clustered(np.ones((5, 2)), 3, np.random.default_rng(0)).shape == (1, 2)


def test_the_table_looks_up_by_class_and_wraps_around() -> None:
    table = appearance_table(3, 2, 2)
    label = np.int32([0, 1, 1, 1, 2]).reshape(1, 1, 5, 1)
    number = np.int32([0, 0, 1, 5, 7]).reshape(1, 1, 5, 1)
    assert not np.asarray(table([label, number])).any()
    fill(table, {0: np.array([[1.0, 2.0]]), 1: np.array([[3.0, 4.0], [5.0, 6.0]])})
    wanted = [[1, 2], [3, 4], [5, 6], [5, 6], [0, 0]]
    np.testing.assert_array_equal(np.asarray(table([label, number]))[0, 0], wanted)


def test_each_object_gets_its_own_appearance_by_seed() -> None:
    label, instance = (np.int32(ids).reshape(1, 6, 1) for ids in ([1, 1, 1, 2, 2, 2], [7, 7, 8, 7, 9, 9]))
    first, again, other = (numbers_of(label, instance, seed, Chosen())[0, :, 0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first[0] == first[1] == first[3]
    assert len(set(first)) == 3
    assert set(first).isdisjoint(other)


def test_a_choice_for_an_object_takes_precedence_over_its_class() -> None:
    label, instance = (np.int32(ids).reshape(1, 4, 1) for ids in ([1, 1, 1, 2], [7, 7, 8, 9]))
    chosen = parsed_choice("1=3, #7=0,#9=4")
    assert list(numbers_of(label, instance, 0, chosen)[0, :, 0]) == [0, 0, 3, 4]


def test_a_choice_is_a_mapping_or_a_text() -> None:
    wanted = Chosen({26: 3}, {26001: 0})
    assert parsed_choice({26: 3, "#26001": 0}) == parsed_choice("26=3,#26001=0") == wanted


@pytest.mark.parametrize("value", [7, "26", "26=a", "car=3", {26: -1}, {26: 1.5}, ["26=3"], "#=2", f"1={2**20}"])
def test_other_choices_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        parsed_choice(value)


def test_a_duplicate_choice_is_refused() -> None:
    assert parsed_choice("1=3,#1=4") == Chosen({1: 3}, {1: 4})
    with pytest.raises(ValueError, match="#1 is given twice"):
        parsed_choice("1=3,#1=4,#01=5")
