import numpy as np
import pytest

from img2imgkit.metrics import PAIRS_8BIT, SR_BASICSR_Y, SR_MATLAB, SR_RGB, Protocol, crop_border, rgb_to_y

ALL = (PAIRS_8BIT, SR_BASICSR_Y, SR_MATLAB, SR_RGB)


@pytest.fixture
def levels():
    first = np.random.default_rng(5).integers(0, 256, (30, 26, 3)).astype(np.uint8)
    return np.clip(first + np.random.default_rng(6).normal(0, 9, first.shape), 0, 255)


def test_the_names_stored_with_scores_do_not_change():
    assert [protocol.label for protocol in ALL] == ["pairs-8bit", "sr-basicsr-y", "sr-matlab", "sr-rgb"]


def test_a_later_version_has_its_own_label():
    assert Protocol("mine", "as before").label == "mine"
    assert Protocol("mine", "cropped now", cropped=True, version=2).label == "mine@2"


def test_matlab_protocol_shows_rounded_luma_inside_the_border(levels):
    assert (SR_MATLAB.view(levels, 3) == np.floor(rgb_to_y(crop_border(levels, 3)) + 0.5)).all()


def test_luma_without_rounding_is_another_protocol(levels):
    exact = SR_BASICSR_Y.view(levels, 2)
    assert (exact == rgb_to_y(crop_border(levels, 2))).all()
    assert (exact != SR_MATLAB.view(levels, 2)).any()


def test_rgb_protocol_shows_all_channels(levels):
    assert (SR_RGB.view(levels, 4) == np.floor(crop_border(levels, 4) + 0.5)).all()


def test_pairs_are_not_cropped_at_any_scale(levels):
    assert (PAIRS_8BIT.view(levels, 4) == np.floor(levels + 0.5)).all()
    assert [protocol.border(4) for protocol in ALL] == [0, 4, 4, 4]


@pytest.mark.parametrize("protocol", ALL, ids=lambda protocol: protocol.name)
def test_grey_is_shown_raw_under_every_protocol(protocol, levels):
    grey = levels[..., :1].round()
    assert (protocol.view(grey, 1) == crop_border(grey, protocol.border(1))).all()


def test_rounding_is_half_up_and_clips():
    planes = SR_MATLAB.planes(np.array([[[-3.0], [0.5], [1.5], [254.49], [256.0]]]))
    assert planes.ravel().tolist() == [0, 1, 2, 254, 255]


@pytest.mark.parametrize(
    ("colour", "luma"),
    [
        ((0, 0, 0), 16),
        ((255, 255, 255), 235),
        ((255, 0, 0), 16 + 65.481),
        ((0, 255, 0), 16 + 128.553),
        ((0, 0, 255), 16 + 24.966),
    ],
)
def test_luma_of_pure_colours_is_studio_range_bt601(colour, luma):
    assert rgb_to_y(np.array([[colour]], np.uint8)).item() == pytest.approx(luma, abs=1e-9)


def test_luma_keeps_the_plane_as_a_channel():
    assert rgb_to_y(np.zeros((4, 5, 3), np.uint8)).shape == (4, 5, 1)


def test_luma_rejects_grey():
    with pytest.raises(ValueError, match="red, green and blue"):
        rgb_to_y(np.zeros((4, 5, 1)))


def test_cropping_removes_the_same_from_each_side():
    numbers = np.arange(7 * 9).reshape(7, 9, 1)
    assert np.array_equal(crop_border(numbers, 2), numbers[2:5, 2:7])
    assert np.array_equal(crop_border(numbers, 0), numbers)


@pytest.mark.parametrize("border", [3, 4, -1])
def test_cropping_everything_away_is_rejected(border):
    with pytest.raises(ValueError, match="of 9x6"):
        crop_border(np.zeros((6, 9, 1)), border)
