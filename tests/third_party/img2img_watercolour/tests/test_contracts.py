"""Every component keeps its contract, proved by img2imgkit's own batteries."""

import numpy as np
from img2img_watercolour.deckle import Deckle
from img2img_watercolour.edge_error import EdgeError
from img2img_watercolour.edge_l1 import EdgeL1
from img2img_watercolour.fade import Fade
from img2img_watercolour.lift_stains import LiftStains
from img2img_watercolour.stained import Stained, StainedOptions
from img2img_watercolour.wash import Wash
from PIL import Image

import img2imgkit as kit
from img2imgkit.testing import (
    check_architecture,
    check_augmentation,
    check_data_kind,
    check_loss,
    check_metric,
    check_step,
    check_task,
)


def test_wash():
    check_architecture(Wash(width=4, layers=1), kit.NetworkSpec(scale=2))


def test_stained(tmp_path):
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    options = StainedOptions(kind="stained", folder=tmp_path, crop=16, batch=2)
    check_data_kind(Stained, options, probe=tmp_path)


def test_edge_l1():
    check_loss(EdgeL1())
    check_loss(EdgeL1(edges=0))


def test_fade():
    check_augmentation(Fade())


def test_edge_error():
    check_metric(EdgeError)


def test_lift_stains():
    check_task(LiftStains)


def test_deckle():
    check_step(Deckle)
