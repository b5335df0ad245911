"""The selection of metrics, protocol and weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from registry_server import add_from_wheel
from safetensors.numpy import save, save_file
from toy_metrics import MeanColour, Spread, Weighted, Worst, plugin

from img2imgkit import evaluation
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import ConfigError, DataError, InteropError, NotInstalled
from img2imgkit.evaluation import Scoring, copy_baseline, evaluate_pairs, find_pairs, find_scoring
from img2imgkit.metrics import L1, PAIRS_8BIT, SR_MATLAB, Protocol
from img2imgkit.places import Places

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


@pytest.mark.parametrize("kind", ["features", "parameters"])
def test_weights_that_the_user_added_by_name_need_not_be_stated(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMG2IMG_HOME", str(tmp_path / "home"))
    with pytest.raises(ConfigError, match="needs weights that are missing: 'heads'"):
        find_scoring(CATALOG, PAIRS_8BIT, ["weighted"])
    data = save({"scale": np.array([5.0], np.float32)})
    add_from_wheel(Places.of_user(), tmp_path, "heads", kind, "kit/heads.safetensors", data)
    scoring = find_scoring(CATALOG, PAIRS_8BIT, ["weighted"])
    (metric,) = scoring.metrics
    assert isinstance(metric, Weighted)
    assert {name: array.tolist() for name, array in metric.weights["heads"].items()} == {"scale": [5.0]}
    assert scoring.digests == {"heads": hashlib.sha256(data).hexdigest()}


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


def test_metrics_that_are_not_measured_by_default_are_measured_when_named() -> None:
    shy = type("Shy", (Worst,), {"__doc__": "A metric.", "name": "shy", "by_default": False})
    installed = Catalog((BUILT_IN, plugin(Worst, shy)))
    assert names(find_scoring(installed, PAIRS_8BIT)) == ["l1", "psnr", "ssim", "worst"]
    assert names(find_scoring(installed, PAIRS_8BIT, ["shy"])) == ["shy"]


def test_equal_features_are_computed_once(pairs: evaluation.PairSet) -> None:
    calls = []

    def features(metric: MeanColour | Spread, picture: np.ndarray) -> np.ndarray:
        calls.append(metric.name)
        return picture.mean(axis=(0, 1))

    shared = {"__doc__": "A metric.", "features_of": "colour", "features": features}
    both = tuple(type(each.__name__, (each,), shared)() for each in (MeanColour, Spread))
    result = evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, both))
    assert len({*calls}) == 1
    assert len(calls) == 4  # two pictures and their references
    assert result.whole_set == {"mean-colour": pytest.approx(5 * 3**0.5), "spread": 10}


def test_features_of_references_are_not_computed_for_metrics_of_one_set(pairs: evaluation.PairSet) -> None:
    seen = []

    def features(_: Spread, picture: np.ndarray) -> np.ndarray:
        seen.append(picture.mean())
        return picture.mean(keepdims=True)

    alone = type("Alone", (Spread,), {"features": features})
    evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (alone(),)))
    assert seen == [10, 30]


def test_the_digests_of_weights_are_in_the_report(pairs: evaluation.PairSet, tmp_path: Path) -> None:
    np.savez(tmp_path / "heads.npz", scale=2.0)
    scoring = find_scoring(CATALOG, PAIRS_8BIT, ["weighted"], weights={"heads": tmp_path / "heads.npz"})
    digest = hashlib.sha256((tmp_path / "heads.npz").read_bytes()).hexdigest()
    assert scoring.digests == {"heads": digest}
    assert evaluate_pairs(pairs, copy_baseline, scoring).plain()["weights"] == {"heads": digest}


def test_convolutions_of_keras_weights_are_read_in_order(tmp_path: Path) -> None:
    kernels = [np.full((3, 3, 1, 2), 1.0), np.full((1, 1, 2, 1), 2.0)]
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for number, kernel in enumerate(kernels):
            file[f"layers/conv2d_{number}/vars/0"] = kernel
            file[f"layers/conv2d_{number}/vars/1"] = np.full(kernel.shape[-1], 5.0)
    arrays = evaluation.read_arrays(tmp_path / "net.h5")
    assert list(arrays) == ["conv0.kernel", "conv0.bias", "conv1.kernel", "conv1.bias"]
    assert [arrays[f"conv{number}.kernel"].tolist() for number in (0, 1)] == [kernel.tolist() for kernel in kernels]
    assert arrays["conv1.bias"].tolist() == [5]


def test_confidence_intervals_are_computed_on_request(pairs: evaluation.PairSet) -> None:
    assert "confidence" not in evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (L1(),))).plain()
    result = evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (L1(),), confidence=True))
    assert result.plain()["confidence"] == {"level": 0.95, "seed": 0, "intervals": {"l1": {"low": 4, "high": 6}}}
    with pytest.raises(DataError, match="val: a confidence interval needs at least 4 pictures, got 2"):
        evaluate_pairs(pairs, copy_baseline, Scoring(PAIRS_8BIT, (Spread(),), confidence=True))


def test_sets_are_halved_with_their_references(tmp_path: Path) -> None:
    for role, step in (("source", 0), ("target", 8)):
        (tmp_path / "val" / role).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (12, 12), (20 * number + step,) * 3).save(tmp_path / "val" / role / f"{number}.png")
    result = evaluate_pairs(
        find_pairs(tmp_path / "val"), copy_baseline, Scoring(PAIRS_8BIT, (MeanColour(), Spread()), confidence=True)
    )
    apart = result.intervals["mean-colour"]  # each picture is as far from its reference as any other
    assert (apart.low, apart.high) == (pytest.approx(8 * 3**0.5), pytest.approx(8 * 3**0.5))
    assert result.intervals["spread"].low < result.whole_set["spread"] < result.intervals["spread"].high
