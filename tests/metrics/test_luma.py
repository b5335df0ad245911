import numpy as np
import pytest

from img2imgkit.metrics import crop_border, rgb_to_y


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
