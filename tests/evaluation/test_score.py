from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from img2imgkit import evaluation
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import DataError
from img2imgkit.evaluation import BICUBIC, Method, Scoring, evaluate, find_scoring, find_set, translated
from img2imgkit.images.matlab import imresize
from img2imgkit.metrics import SR_BASICSR_Y, SR_MATLAB, SR_RGB, PsnrY, SsimY, crop_border, psnr, rgb_to_y, ssim

MATLAB = Scoring(SR_MATLAB, (PsnrY(), SsimY()))
BUILT_IN = Catalog((Plugin("metrics", lambda: evaluation),))


def identity(sample, protocol):
    return sample.reference


def test_bicubic_starts_from_rounded_luma_and_is_not_rounded_again(scenes):
    sample = find_set(scenes, 3).samples[0]
    luma = np.floor(rgb_to_y(sample.reference) + 0.5)
    enlarged = np.floor(np.clip(imresize(imresize(luma, Fraction(1, 3)), 3), 0, 255) + 0.5)
    pair = crop_border(luma, 3), crop_border(enlarged, 3)
    row = evaluate(find_set(scenes, 3), BICUBIC, MATLAB).rows[0]
    assert row.scores == {"psnr_y": psnr(*pair), "ssim_y": ssim(*pair)}


def test_bicubic_from_eight_bit_colour_scores_differently(scenes):
    def from_bytes(sample, protocol):
        return imresize(sample.lr.color, sample.scale)

    reference = find_set(scenes, 2)
    published, practical = (evaluate(reference, method, MATLAB).mean for method in (BICUBIC, Method(from_bytes)))
    assert published["psnr_y"] == pytest.approx(practical["psnr_y"], abs=0.5)
    assert published["psnr_y"] != practical["psnr_y"]


def test_grey_is_scored_raw(scenes):
    sample = find_set(scenes, 2).samples[2]
    row = evaluate(find_set(scenes, 2), BICUBIC, MATLAB).rows[2]
    grey = sample.reference.astype(float)
    enlarged = np.floor(np.clip(imresize(imresize(grey, Fraction(1, 2)), 2), 0, 255) + 0.5)
    assert row.scores["psnr_y"] == psnr(crop_border(grey, 2), crop_border(enlarged, 2))


def test_the_mean_is_over_pictures(scenes):
    result = evaluate(find_set(scenes, 2), BICUBIC, MATLAB)
    assert [row.name for row in result.rows] == ["a", "b", "grey"]
    assert result.mean["psnr_y"] == pytest.approx(np.mean([row.scores["psnr_y"] for row in result.rows]))


@pytest.mark.parametrize(
    ("protocol", "names"),
    [
        (SR_MATLAB, ["psnr_y", "ssim_y"]),
        (SR_BASICSR_Y, ["psnr_y", "ssim_y"]),
        (SR_RGB, ["psnr_rgb", "ssim_rgb"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_protocol_scores_by_its_own_metrics(scenes, protocol, names):
    result = evaluate(find_set(scenes, 2), BICUBIC, find_scoring(BUILT_IN, protocol))
    assert list(result.mean) == names
    assert (result.protocol, result.border) == (protocol.name, 2)
    assert 10 < next(iter(result.mean.values())) < 60


def test_the_perfect_method_is_infinite_and_null_in_json(scenes):
    plain = evaluate(find_set(scenes, 2), Method(identity), MATLAB).plain()
    assert plain["mean"] == {"psnr_y": None, "ssim_y": pytest.approx(1)}
    assert plain["pictures"][0]["psnr_y"] is None


def test_a_translation_uses_the_published_low_resolution_pictures(published):
    seen = []

    def translate(picture):
        seen.append(picture)
        return picture.with_pixels(imresize(picture.color, 2), None)

    result = evaluate(find_set(published, 2), translated(translate), MATLAB)
    given = np.asarray(Image.open(published / "LR_bicubic/X2/boatx2.png"))
    assert np.array_equal(seen[0].color, given)
    assert result.inputs == "LR_bicubic/X2"
    sharp = np.asarray(Image.open(published / "HR/boat.png"))
    planes = [SR_MATLAB.planes(levels) for levels in (sharp, imresize(given, 2))]
    assert result.rows[0].scores["psnr_y"] == psnr(*(crop_border(plane, 2) for plane in planes))


def test_rows_are_passed_through_watch_one_by_one(scenes):
    seen = []

    def watch(rows):
        for row in rows:
            seen.append(row.name)
            yield row

    evaluate(find_set(scenes, 2), BICUBIC, MATLAB, watch)
    assert seen == ["a", "b", "grey"]


def test_a_result_of_the_wrong_size_is_reported_with_the_picture(scenes):
    def shorter(sample, protocol):
        return sample.reference[:-1]

    with pytest.raises(DataError, match=r"a\.png: cannot compare shapes"):
        evaluate(find_set(scenes, 2), Method(shorter), MATLAB)


def test_a_picture_too_small_for_ssim_is_named(tmp_path):
    Image.new("RGB", (14, 40)).save(tmp_path / "thin.png")
    with pytest.raises(DataError, match=r"thin\.png: SSIM\(Y\) needs"):
        evaluate(find_set(tmp_path, 2), BICUBIC, MATLAB)


def test_the_report_states_the_conditions_of_the_scores(scenes):
    plain = evaluate(find_set(scenes, 2), BICUBIC, MATLAB).plain()
    assert (plain["protocol"], plain["scale"], plain["border"], plain["set"]) == ("sr-matlab", 2, 2, "scenes")
    assert "without rounding" in plain["inputs"]
