"""The task keeps its contract, and what it promises of colours and brightness is true."""

import numpy as np
import pytest
from img2img_colourise.losses import chroma_l1
from img2img_colourise.task import Colourise

import img2imgkit as kit
from img2imgkit.testing import check_task


def test_the_contract():
    check_task(Colourise, Colourise.Options(width=2))


def test_the_brightness_stays():
    task = Colourise(Colourise.Options(width=2))
    grey = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 1)).astype(np.float32)
    made = np.asarray(task.translate(task.build(), {"source": grey}))
    np.testing.assert_allclose(made.mean(axis=-1, keepdims=True), grey, atol=1e-6)


def test_strong_colours_count_more():
    grey, red = np.zeros((1, 2, 2, 3)), np.broadcast_to([1.0, -0.5, -0.5], (1, 2, 2, 3))
    assert float(chroma_l1(grey + 0.3, grey, 4.0)[0]) == pytest.approx(0, abs=1e-7)
    assert float(chroma_l1(grey, red, 0.0)[0]) == pytest.approx(2 / 3)
    assert float(chroma_l1(grey, red, 4.0)[0]) == pytest.approx(5 * 2 / 3)


def test_it_trains_and_colours_a_picture(tiny_data, tmp_path):
    training = {
        "name": "colours",
        "task": "colourise",
        "options": {"width": 2},
        "data": tiny_data("paired", crop=16),
        "training": {"steps": 2},
    }
    finished = kit.train(training, tmp_path / "run")
    with kit.load(finished.bundle) as model:
        assert model(np.zeros((12, 10), np.uint8)).shape == (12, 10, 3)
