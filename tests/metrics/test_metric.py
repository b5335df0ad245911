"""The contract of metrics: direction, display, and validation of inputs."""

from __future__ import annotations

import numpy as np
import pytest
from toy_metrics import Contrast, Spread, Weighted, Worst

import img2imgkit as kit
from img2imgkit.metrics import L1, PAIRS_8BIT, SR_MATLAB, Protocol, Psnr, PsnrY, Ssim, protocols_of


def test_the_direction_decides_which_value_is_better() -> None:
    assert Psnr.is_better(30, 20)
    assert not Psnr.is_better(20, 30)
    assert L1.is_better(1, 2)
    assert not L1.is_better(2, 2)


def test_values_and_axes_have_unit_and_digits() -> None:
    assert [Psnr.shown(31.234), Ssim.shown(0.87654), L1.shown(4)] == ["PSNR 31.23 dB", "SSIM 0.8765", "L1 4.00 levels"]
    assert Psnr.axis() == "PSNR (dB, more is better)"
    assert Ssim.axis() == "SSIM (more is better)"
    assert L1.axis() == "L1 (levels, less is better)"
    assert Worst.shown(7.4) == "worst 7 levels"


def test_a_metric_without_a_direction_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"Silent must state its direction: higher_is_better = True or False"):
        type("Silent", (kit.PairMetric,), {"name": "silent"})


@pytest.mark.parametrize("protocols", [(), ("pairs-8bit",), PAIRS_8BIT.name])
def test_a_metric_without_protocols_is_rejected(protocols: object) -> None:
    with pytest.raises(TypeError, match=r"Homeless\.protocols must be a non-empty tuple of Protocols"):
        type("Homeless", (Worst,), {"protocols": protocols})


@pytest.mark.parametrize("metric", [Worst(), Psnr()], ids=["toy", "psnr"])
def test_pictures_of_different_shapes_are_never_broadcast(metric: kit.PairMetric) -> None:
    with pytest.raises(ValueError, match=r"shapes \(8, 8, 3\) and \(8, 8, 1\)"):
        metric.measure(np.zeros((8, 8, 3)), np.zeros((8, 8, 1)))


def test_pictures_smaller_than_the_minimum_size_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"SSIM needs .* at least 11x11 pixels, got shape \(10, 20, 3\)"):
        Ssim().measure(np.zeros((10, 20, 3)), np.zeros((10, 20, 3)))


def test_nan_is_rejected() -> None:
    with pytest.raises(ValueError, match="metric 'worst' returned nan"):
        Worst().measure(np.full((2, 2, 1), np.nan), np.zeros((2, 2, 1)))


def test_set_metrics_need_a_picture_and_features_of_one_shape() -> None:
    one, two = np.zeros(1), np.zeros(2)
    assert Contrast().measure([one, one], [one + 3]) == 3
    with pytest.raises(ValueError, match="an empty set"):
        Contrast().measure([one], [])
    with pytest.raises(ValueError, match=r"features of shapes \(1,\), \(2,\)"):
        Spread().measure([one, two])
    with pytest.raises(ValueError, match=r"cannot compare features of shapes \(1,\) and \(2,\)"):
        Contrast().measure([one], [two])


def test_missing_weights_are_named_with_the_way_to_get_them() -> None:
    with pytest.raises(ValueError, match=r"'weighted' needs .* 'heads': one number, 'scale' \(get it: https://ex"):
        Weighted()
    assert Weighted({"heads": {"scale": np.array(2.0)}}).measure(np.zeros((1, 1, 1)), np.ones((1, 1, 1))) == 2


def test_protocols_are_collected_from_the_metrics() -> None:
    assert protocols_of([Psnr, PsnrY, Weighted]).keys() == {"pairs-8bit", "sr-matlab", "sr-basicsr-y", "whole"}


def test_two_protocols_with_one_label_are_rejected_but_not_two_versions() -> None:
    changed = type("Changed", (Worst,), {"name": "changed", "protocols": (Protocol("pairs-8bit", "luma", "y"),)})
    with pytest.raises(ValueError, match="'psnr' and 'changed' have different protocols labelled 'pairs-8bit'"):
        protocols_of([Psnr, changed])
    newer = type("Newer", (Worst,), {"name": "newer", "protocols": (Protocol("pairs-8bit", "luma", "y", version=2),)})
    assert protocols_of([Psnr, newer])["pairs-8bit"] == PAIRS_8BIT
    assert protocols_of([PsnrY])["sr-matlab"] is SR_MATLAB
