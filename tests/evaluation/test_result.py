import json
import os

import pytest

from img2imgkit.bundle import describe
from img2imgkit.errors import BundleError
from img2imgkit.evaluation import BICUBIC, Scoring, evaluate, find_set, record
from img2imgkit.metrics import SR_MATLAB, PsnrY, SsimY

MATLAB = Scoring(SR_MATLAB, (PsnrY(), SsimY()))

MANIFEST = {
    "format": 1,
    "name": "tiny",
    "task": "super-resolution",
    "plugin": {"name": "super-resolution", "version": "0.1.0"},
    "options": {"scale": 2},
    "contract": {"data": "degraded", "scale": 2, "multiple": 1, "radius": 3, "channels": 3},
    "weights": {"file": "weights.npz", "sha256": "0" * 64, "parameters": 7},
    "licence": "CC0-1.0",
    "scores": [{"set": "Old", "protocol": "sr-matlab", "metric": "psnr_y", "value": 1.5}],
}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "tiny"
    place.mkdir()
    (place / "bundle.json").write_text(json.dumps(MANIFEST))
    return place


@pytest.fixture
def measured(scenes):
    return evaluate(find_set(scenes, 2), BICUBIC, MATLAB)


def scores(folder):
    return {(s.set, s.protocol, s.metric): s.value for s in describe(folder).scores}


def test_means_are_added_and_the_rest_stays(folder, measured):
    before = describe(folder)
    record(folder, measured)
    assert scores(folder) == {
        ("Old", "sr-matlab", "psnr_y"): 1.5,
        ("scenes", "sr-matlab", "psnr_y"): pytest.approx(measured.mean["psnr_y"], abs=1e-5),
        ("scenes", "sr-matlab", "ssim_y"): pytest.approx(measured.mean["ssim_y"], abs=1e-5),
    }
    after = describe(folder)
    assert after.model_copy(update={"scores": before.scores}) == before
    assert after.digest == before.digest


def test_recording_again_replaces(folder, measured):
    record(folder, measured)
    first = (folder / "bundle.json").read_bytes()
    record(folder, measured)
    assert (folder / "bundle.json").read_bytes() == first


def test_scores_of_other_choices_are_kept(folder, measured):
    record(folder, measured)
    record(folder, measured, {"direction": "b_to_a"})
    once = describe(folder).scores
    record(folder, measured, {"direction": "b_to_a"})
    assert describe(folder).scores == once
    assert [s.choices for s in once if s.metric == "psnr_y"] == [{}, {}, {"direction": "b_to_a"}]


def test_nothing_else_is_left_in_the_folder(folder, measured):
    record(folder, measured)
    assert [path.name for path in folder.iterdir()] == ["bundle.json"]


def test_scores_of_another_scale_are_rejected(folder, scenes):
    measured = evaluate(find_set(scenes, 3), BICUBIC, MATLAB)
    with pytest.raises(BundleError, match="has scale 2; the scores are for scale 3"):
        record(folder, measured)


def test_a_failed_write_keeps_the_old_manifest(folder, measured, monkeypatch):
    before = (folder / "bundle.json").read_bytes()
    full = OSError(28, "No space left on device")

    def fsync(_):
        raise full

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(BundleError, match="cannot record the scores: No space left"):
        record(folder, measured)
    assert (folder / "bundle.json").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["bundle.json"]
