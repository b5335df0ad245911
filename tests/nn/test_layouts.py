"""Network inputs from label maps equal those of the official code of pix2pixHD and SPADE."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from img2imgkit import backend

backend.load()

from img2imgkit.nn import instance_edges, one_hot  # noqa: E402

CLASSES = 8


@pytest.fixture(scope="module")
def official() -> dict[str, np.ndarray]:
    """Arrays in channels-last order, float32 as they come in batches."""
    with np.load(Path(__file__).parents[1] / "fixtures" / "label_preprocess.npz") as stored:
        return {name: stored[name].transpose(0, 2, 3, 1).astype(np.float32) for name in stored.files}


def test_pix2pixhd_gets_a_channel_for_each_class_and_the_edges(official: dict[str, np.ndarray]) -> None:
    classes, edges = one_hot(official["label"], CLASSES), instance_edges(official["inst"])
    np.testing.assert_array_equal(classes, official["pix2pixhd_input_no_instance"])
    np.testing.assert_array_equal(np.concatenate([classes, edges], axis=-1), official["pix2pixhd_input"])


def test_spade_also_gets_a_channel_for_pixels_of_no_class(official: dict[str, np.ndarray]) -> None:
    label = official["spade_label_with_dontcare"]  # 255 in the file is one more than the last class by now
    assert label.max() == CLASSES
    classes = one_hot(label, CLASSES + 1)
    edges = instance_edges(official["inst"])
    np.testing.assert_array_equal(np.concatenate([classes, edges], axis=-1), official["spade_input_semantics"])


def test_an_id_beyond_the_classes_has_no_channel() -> None:
    assert np.asarray(one_hot(np.full((1, 2, 2, 1), 3.0, np.float32), 3)).max() == 0


def test_ids_may_be_as_large_as_16_bits() -> None:
    ids = np.float32([[65534, 65535, 65535]]).reshape(1, 1, 3, 1)
    np.testing.assert_array_equal(instance_edges(ids)[0, 0, :, 0], [1, 1, 0])
