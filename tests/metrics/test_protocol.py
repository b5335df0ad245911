import numpy as np
import pytest

from img2imgkit.metrics import PROTOCOLS, crop_border, psnr, rgb_to_y, ssim


@pytest.fixture
def pair():
    first = np.random.default_rng(5).integers(0, 256, (30, 26, 3)).astype(np.uint8)
    second = np.clip(first + np.random.default_rng(6).normal(0, 9, first.shape), 0, 255)
    return first, second


def test_protocols_carry_the_name_they_are_found_by():
    assert {name: protocol.name for name, protocol in PROTOCOLS.items()} == {name: name for name in PROTOCOLS}
    assert "sr-matlab" in PROTOCOLS


def test_protocols_cannot_be_replaced():
    with pytest.raises(TypeError):
        PROTOCOLS["sr-matlab"] = None


def test_matlab_protocol_scores_rounded_luma_inside_the_border(pair):
    planes = [np.floor(rgb_to_y(crop_border(levels, 3)) + 0.5) for levels in pair]
    assert PROTOCOLS["sr-matlab"].compare(*pair, 3) == {"psnr_y": psnr(*planes), "ssim_y": ssim(*planes)}


def test_luma_without_rounding_is_another_protocol(pair):
    rounded = PROTOCOLS["sr-matlab"].compare(*pair, 2)["psnr_y"]
    exact = PROTOCOLS["sr-basicsr-y"].compare(*pair, 2)["psnr_y"]
    assert exact == psnr(*(rgb_to_y(crop_border(levels, 2)) for levels in pair))
    assert exact != rounded


def test_rgb_protocol_scores_all_channels(pair):
    scores = PROTOCOLS["sr-rgb"].compare(*pair, 0)
    assert scores["psnr_rgb"] == psnr(pair[0], np.floor(pair[1] + 0.5))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_grey_is_scored_raw_under_every_protocol(name, pair):
    first, second = (levels[..., :1] for levels in pair)
    scores = PROTOCOLS[name].compare(first, second, 1)
    wanted = psnr(crop_border(first, 1), PROTOCOLS[name].planes(crop_border(second, 1)))
    assert next(iter(scores.values())) == wanted


@pytest.mark.parametrize("name", PROTOCOLS)
def test_scores_are_named_as_announced(name, pair):
    assert tuple(PROTOCOLS[name].compare(*pair, 0)) == PROTOCOLS[name].metrics


def test_rounding_is_half_up_and_clips():
    planes = PROTOCOLS["sr-matlab"].planes(np.array([[[-3.0], [0.5], [1.5], [254.49], [256.0]]]))
    assert planes.ravel().tolist() == [0, 1, 2, 254, 255]
