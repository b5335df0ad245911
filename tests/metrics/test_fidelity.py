import json
import math
from pathlib import Path

import numpy as np
import pytest

from img2imgkit.metrics import crop_border, psnr, rgb_to_y, ssim

FIXTURES = Path(__file__).parent / "fixtures"
ENTRIES = json.loads((FIXTURES / "basicsr.json").read_text(encoding="utf-8"))["entries"]
METRICS = {"psnr": psnr, "ssim": ssim}


@pytest.fixture(scope="module")
def pictures():
    with np.load(FIXTURES / "basicsr.npz") as stored:
        return stored["a"], stored["b"]


@pytest.mark.parametrize(
    "entry", ENTRIES, ids=lambda e: f"{e['metric']}-border{e['border']}-{'y' if e['luma'] else 'rgb'}"
)
def test_equals_basicsr(entry, pictures):
    planes = [crop_border(picture, entry["border"]) for picture in pictures]
    if entry["luma"]:
        planes = [rgb_to_y(plane) for plane in planes]
    # BasicSR computes luma in float32, everything else in float64.
    assert METRICS[entry["metric"]](*planes) == pytest.approx(entry["value"], abs=1e-6 if entry["luma"] else 1e-12)


def test_the_fixture_covers_every_combination():
    assert {(e["metric"], e["border"], e["luma"]) for e in ENTRIES} == {
        (metric, border, luma) for metric in METRICS for border in (0, 2, 4) for luma in (True, False)
    }


@pytest.mark.parametrize("distance", [1, 3, 255])
def test_psnr_of_a_constant_distance_is_the_closed_form(distance):
    dark = np.zeros((5, 7, 3), np.uint8)
    assert psnr(dark, dark + np.uint8(distance)) == pytest.approx(20 * math.log10(255 / distance))


def test_psnr_of_bytes_does_not_wrap_around():
    dark, bright = np.zeros((4, 4, 1), np.uint8), np.full((4, 4, 1), 200, np.uint8)
    assert psnr(dark, bright) == psnr(bright, dark) == pytest.approx(20 * math.log10(255 / 200))


def test_psnr_of_equal_pictures_is_infinite(pictures):
    assert psnr(pictures[0], pictures[0]) == math.inf


def test_ssim_of_equal_pictures_is_one(pictures):
    assert ssim(pictures[0], pictures[0]) == pytest.approx(1, abs=1e-12)


def test_ssim_of_flat_pictures_is_its_luminance_term():
    first, second = np.full((12, 15, 1), 50.0), np.full((12, 15, 1), 120.0)
    constant = (0.01 * 255) ** 2
    assert ssim(first, second) == pytest.approx((2 * 50 * 120 + constant) / (50**2 + 120**2 + constant), abs=1e-9)


def test_ssim_of_one_window_is_the_formula_with_gaussian_weights():
    x, y = np.random.default_rng(3).uniform(0, 255, (2, 11, 11, 1))
    ramp = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    weights = np.outer(ramp, ramp)[..., np.newaxis] / ramp.sum() ** 2
    mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
    var_x, var_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
    covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    assert ssim(x, y) == pytest.approx(luminance * (2 * covariance + c2) / (var_x + var_y + c2), abs=1e-12)


def test_ssim_of_channels_is_the_mean_over_channels(pictures):
    first, second = pictures
    each = [ssim(first[..., c : c + 1], second[..., c : c + 1]) for c in range(3)]
    assert max(each) - min(each) > 1e-4
    assert ssim(first, second) == pytest.approx(np.mean(each), abs=1e-12)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_different_shapes_are_rejected(metric):
    with pytest.raises(ValueError, match=r"\(12, 12, 1\) and \(12, 12, 3\)"):
        metric(np.zeros((12, 12, 1)), np.zeros((12, 12, 3)))


def test_ssim_rejects_pictures_smaller_than_its_window():
    with pytest.raises(ValueError, match="at least 11x11"):
        ssim(np.zeros((11, 10, 1)), np.zeros((11, 10, 1)))
