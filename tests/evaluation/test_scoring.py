"""The selection of metrics, protocol and weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from toy_metrics import MeanColour, Spread, Weighted, Worst, plugin

from img2imgkit import evaluation
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import ConfigError, DataError, InteropError, NotInstalled
from img2imgkit.evaluation import Scoring, copy_baseline, evaluate_pairs, find_pairs, find_scoring
from img2imgkit.metrics import L1, PAIRS_8BIT, SR_MATLAB, Protocol

BUILT_IN = Plugin("metrics", lambda: evaluation)
CATALOG = Catalog((BUILT_IN, plugin()))


def names(scoring: Scoring) -> list[str]:
    return [metric.name for metric in scoring.metrics]


def test_by_default_all_metrics_of_the_protocol_with_available_weights_are_used(tmp_path: Path) -> None:
    np.savez(tmp_path / "heads.npz", scale=2.0)
    assert names(find_scoring(Catalog((BUILT_IN,)), PAIRS_8BIT)) == ["l1", "psnr", "ssim"]
    assert names(find_scoring(CATALOG, SR_MATLAB)) == ["psnr_y", "ssim_y"]
    assert "weighted" not in names(find_scoring(CATALOG, PAIRS_8BIT))
    assert "weighted" in names(find_scoring(CATALOG, PAIRS_8BIT, weights={"heads": tmp_path / "heads.npz"}))


def test_named_metrics_are_used_once_in_order() -> None:
    assert names(find_scoring(CATALOG, PAIRS_8BIT, ["ssim", "worst", "ssim"])) == ["ssim", "worst"]


@pytest.mark.parametrize(
    ("usual", "chosen", "stated", "label"),
    [
        (SR_MATLAB, ["psnr_y"], None, "sr-matlab"),
        (SR_MATLAB, ["psnr_rgb"], None, "sr-rgb"),
        (PAIRS_8BIT, ["ssim_y"], None, "sr-matlab"),
        (SR_MATLAB, ["psnr_y"], "sr-basicsr-y", "sr-basicsr-y"),
        (SR_MATLAB, [], "sr-rgb", "sr-rgb"),
    ],
)
def test_named_metrics_determine_the_protocol(
    usual: Protocol, chosen: list[str], stated: str | None, label: str
) -> None:
    assert find_scoring(CATALOG, usual, chosen, stated).protocol.label == label


@pytest.mark.parametrize(
    ("chosen", "stated", "error", "said"),
    [
        (["psnr_z"], None, NotInstalled, "no metric 'psnr_z' is installed; did you mean 'psnr_y'"),
        ([], "sr-matlib", NotInstalled, "has the protocol 'sr-matlib'; the protocols are .*; did you mean 'sr-matlab'"),
        (["l1", "psnr_y"], None, ConfigError, "'psnr_y' has the protocols sr-matlab, sr-basicsr-y, not pairs-8b"),
        (["l1"], "sr-rgb", ConfigError, "'l1' has the protocols pairs-8bit, not sr-rgb"),
        (["weighted"], None, ConfigError, r"'weighted' needs weights .*'heads': one number, 'scale' \(get it: https:"),
    ],
)
def test_impossible_requests_are_rejected_with_a_reason(
    chosen: list[str], stated: str | None, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        find_scoring(CATALOG, PAIRS_8BIT, chosen, stated)


def test_a_conflicting_protocol_label_affects_only_its_own_label() -> None:
    other = type("Other", (Worst,), {"name": "other", "protocols": (replace(PAIRS_8BIT, rounded=False),)})
    installed = Catalog((BUILT_IN, plugin(other)))
    assert names(find_scoring(installed, PAIRS_8BIT)) == ["l1", "psnr", "ssim"]
    with pytest.raises(ConfigError, match="have different protocols labelled 'pairs-8bit'"):
        find_scoring(installed, SR_MATLAB, protocol="pairs-8bit")
    with pytest.raises(ConfigError, match="'other' has the protocols pairs-8bit, not"):
        find_scoring(installed, PAIRS_8BIT, ["l1", "other"])


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(NotInstalled, match="no installed metric of protocol 'pairs-8bit' works without"):
        find_scoring(Catalog(()), PAIRS_8BIT)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_weights_are_read_from_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"heads{suffix}"
    arrays = {"scale": np.array([3.0], np.float32)}
    np.savez(path, **arrays) if suffix == ".npz" else save_file(arrays, path)
    (metric,) = find_scoring(CATALOG, PAIRS_8BIT, ["weighted"], weights={"heads": path}).metrics
    assert isinstance(metric, Weighted)
    assert {name: array.tolist() for name, array in metric.weights["heads"].items()} == {"scale": [3.0]}


def test_pytorch_weights_are_read() -> None:
    path = Path(__file__).parents[1] / "fixtures" / "junyanz_pixel_batch" / "weights.pth"
    assert all(isinstance(array, np.ndarray) for array in evaluation.read_arrays(path).values())


def test_damaged_missing_and_unused_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 and no more")
    for name in ("damaged.npz", "gone.npz", "gone.safetensors", "gone.pth"):
        with pytest.raises(InteropError, match=name):
            find_scoring(CATALOG, PAIRS_8BIT, ["weighted"], weights={"heads": tmp_path / name})
    with pytest.raises(ConfigError, match="none of the chosen metrics needs weights 'tails'; they need bias, heads"):
        find_scoring(CATALOG, PAIRS_8BIT, ["weighted"], weights={"tails": tmp_path / "gone.npz"})


@pytest.fixture
def pairs(tmp_path: Path) -> evaluation.PairSet:
    for role, levels in (("source", (10, 30)), ("target", (14, 36))):
        (tmp_path / "val" / role).mkdir(parents=True)
        for name, level in zip("ab", levels, strict=True):
            Image.new("RGB", (12, 12), (level,) * 3).save(tmp_path / "val" / role / f"{name}.png")
    return find_pairs(tmp_path / "val")


def test_set_metrics_and_pair_metrics_are_measured_together(pairs: evaluation.PairSet) -> None:
    result = evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (L1(), MeanColour(), Spread())))
    assert [dict(row.scores) for row in result.rows] == [{"l1": 4}, {"l1": 6}]
    assert result.mean == {"l1": 5}
    assert result.whole_set == {"mean-colour": pytest.approx(5 * 3**0.5), "spread": 10}
    assert result.plain()["whole_set"] == result.whole_set
    assert result.metrics == ("l1", "mean-colour", "spread")


def test_a_report_of_pair_metrics_has_no_whole_set(pairs: evaluation.PairSet) -> None:
    assert "whole_set" not in evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (L1(),))).plain()


def test_a_set_that_cannot_be_measured_is_named(pairs: evaluation.PairSet) -> None:
    ragged = type("Ragged", (Spread,), {"features": lambda metric, picture: picture.ravel()[: int(picture.mean())]})
    with pytest.raises(DataError, match=r"val: spread needs .*features of one shape; got .*\(10,\), \(30,\)"):
        evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (ragged(),)))
