"""The metrics without a network and the distances of features: official numbers, closed forms, contracts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from img2imgkit_plugins.quality_metrics.distributions import (
    frechet_distance,
    inception_score,
    kernel_distance,
    kid_subsets,
)
from img2imgkit_plugins.quality_metrics.manifolds import density_coverage, distances, precision_recall, radii
from img2imgkit_plugins.quality_metrics.niqe import Niqe
from img2imgkit_plugins.quality_metrics.resizing import CLEAN_224, CLEAN_299, LEGACY_299, clean_resize
from img2imgkit_plugins.quality_metrics.set_statistics import (
    Colourfulness,
    MsSsim,
    MsSsimY,
    SlicedWasserstein,
    laplacian_pyramid,
    normalised,
    patches,
    sliced_wasserstein,
)
from PIL import Image

from img2imgkit.metrics import PAIRS_8BIT, SR_MATLAB, ms_ssim
from img2imgkit.testing import check_metric

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "metrics" / "metrics.npz"
RNG = np.random.default_rng(3)


@pytest.fixture(scope="module")
def official():
    with np.load(OFFICIAL) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def features(official):
    return official["feat.real"], official["feat.generated"]


@pytest.mark.parametrize(
    "metric",
    [
        Colourfulness,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (SlicedWasserstein, MsSsim, MsSsimY, Niqe)),
    ],
)
def test_metrics_keep_their_contract(metric):
    check_metric(metric)


class TestMsSsim:
    def test_it_equals_piq(self, official):
        pair = [official[name][..., None] for name in ("ref.gray", "ref.gray_distorted")]
        assert ms_ssim(*pair) == pytest.approx(0.9931195974349976, rel=2e-6)  # piq computes in float32

    def test_channels_are_averaged_and_luma_is_their_own_metric(self, official):
        first, second = (official[name][..., None].astype(float) for name in ("ref.gray", "ref.gray_distorted"))
        colour = [np.concatenate([first, first, first], -1), np.concatenate([first, first, second], -1)]
        assert MsSsim().measure(*colour) == pytest.approx((2 + ms_ssim(first, second)) / 3)
        assert MsSsimY().measure(first, second) == ms_ssim(first, second)

    def test_sides_may_be_odd_at_every_scale(self):
        picture = RNG.uniform(0, 255, (161, 173, 1))
        assert ms_ssim(picture, picture) == pytest.approx(1)
        assert 0 < ms_ssim(picture, picture + 20 * RNG.standard_normal(picture.shape)) < 1

    def test_small_pictures_are_refused(self):
        with pytest.raises(ValueError, match=r"at least 161x161 pixels, got shape \(160, 200, 3\)"):
            MsSsim().measure(np.zeros((160, 200, 3)), np.zeros((160, 200, 3)))


class TestNiqe:
    @pytest.mark.parametrize(
        ("name", "border", "expected"), [("gray", 0, 6.197795239393242), ("gray2", 2, 6.994130082948934)]
    )
    def test_grey_pictures_equal_basicsr(self, official, name, border, expected):
        picture = official[f"niqe.{name}"][..., None].astype(float)
        inside = SR_MATLAB.view(picture, border) if border else picture
        assert Niqe().features(inside)[0] == pytest.approx(expected, rel=1e-5)

    def test_colour_pictures_equal_basicsr_under_both_kinds_of_protocol(self, official):
        picture = official["niqe.bgr"][..., ::-1]
        found = Niqe().features(PAIRS_8BIT.view(picture))
        assert found[0] == pytest.approx(5.638622840497631, rel=1e-5)
        assert Niqe().features(SR_MATLAB.planes(picture)) == found

    def test_the_set_scores_the_mean(self):
        assert Niqe().measure([np.array([4.0]), np.array([5.0])]) == 4.5

    def test_other_parameters_replace_those_that_come_along(self, official):
        picture = official["niqe.gray"][..., None].astype(float)
        with pytest.raises(ValueError, match="the parameters of NIQE have no 'cov_pris_param'"):
            Niqe({"niqe": {"mu_pris_param": np.zeros(36)}}).features(picture)

    @pytest.mark.parametrize(
        ("shape", "said"),
        [((191, 100), "two blocks of 96x96 pixels, got 100x191"), ((192, 96), "flat; this picture has 0")],
    )
    def test_pictures_without_enough_blocks_are_refused(self, shape, said):
        with pytest.raises(ValueError, match=said):
            Niqe().features(np.full((*shape, 1), 80.0))


class TestFrechetDistance:
    def test_it_equals_official_code(self, features):
        assert frechet_distance(*features) == pytest.approx(2.565053277630632, rel=1e-10)

    def test_fewer_pictures_than_features_are_exact(self, features):
        few = [each[:12] for each in features]
        assert frechet_distance(*few) == pytest.approx(9.624475831346968, abs=1e-4)
        assert frechet_distance(few[0], few[0]) == pytest.approx(0, abs=1e-12)

    def test_one_dimension_has_the_closed_form(self):
        first, second = np.array([[0.0], [2.0], [4.0]]), np.array([[10.0], [11.0]])
        deviations = first.std(ddof=1), second.std(ddof=1)
        expected = (10.5 - 2) ** 2 + (deviations[0] - deviations[1]) ** 2
        assert frechet_distance(first, second) == pytest.approx(expected)

    def test_one_picture_is_refused(self):
        with pytest.raises(ValueError, match=r"at least 2 pictures, got shape \(1, 4\)"):
            frechet_distance(np.zeros((1, 4)), np.zeros((3, 4)))


class TestKernelDistance:
    def test_it_equals_torch_fidelity_for_its_subsets(self, official, features):
        drawn = zip(official["kid.0.idx_real"], official["kid.0.idx_generated"], strict=True)
        expected = (0.01562448753967054, 0.052539138928922986)
        assert kernel_distance(*features, drawn) == pytest.approx(expected, rel=1e-9)

    def test_it_equals_clean_fid_for_its_subsets(self, official, features):
        drawn = zip(
            official["kid_cleanfid.idx_feats2_real"], official["kid_cleanfid.idx_feats1_generated"], strict=True
        )
        assert kernel_distance(*features, drawn)[0] == pytest.approx(-0.021295417272283727, rel=1e-9)

    def test_subsets_are_drawn_as_torch_fidelity_draws_them(self, official, monkeypatch):
        monkeypatch.setattr("img2imgkit_plugins.quality_metrics.distributions.KID_SUBSET_SIZE", 30)
        real, generated = (np.array(each) for each in zip(*list(kid_subsets(60, 70))[:10], strict=True))
        assert (real == official["kid.0.idx_real"]).all()
        assert (generated == official["kid.0.idx_generated"]).all()

    def test_the_whole_of_two_small_sets_has_the_closed_form(self):
        assert len(list(kid_subsets(2, 2))) == 1
        assert len(list(kid_subsets(2, 3))) == len(list(kid_subsets(2000, 2000))) == 100
        ones, zeros = np.ones((2, 1)), np.zeros((2, 1))
        assert kernel_distance(ones, zeros) == pytest.approx((2**3 + 1 - 2, 0))


class TestInceptionScore:
    @pytest.mark.parametrize(
        ("splits", "seed", "expected"),
        [
            (10, 2020, (2.6006497957297956, 0.49694063684130235)),
            (5, None, (2.861219522828292, 0.15793711794181448)),
            (1, None, (3.2240872296263574, 0.0)),
        ],
    )
    def test_it_equals_torch_fidelity(self, official, splits, seed, expected):
        assert inception_score(official["isc.logits"], splits, seed) == pytest.approx(expected, rel=1e-9)

    def test_pictures_of_one_class_score_1(self):
        assert inception_score(np.tile([5.0, 0.0], (20, 1))) == pytest.approx((1, 0))

    def test_fewer_pictures_than_splits_are_refused(self):
        with pytest.raises(ValueError, match="a picture for each of 10 splits, got 9"):
            inception_score(np.zeros((9, 4)))


class TestManifolds:
    @pytest.mark.parametrize(
        ("neighbours", "expected"),
        [
            (3, (0.9285714285714286, 0.7, 1.0952380952380951, 0.95)),
            (5, (0.9285714285714286, 0.85, 1.2028571428571428, 1)),
        ],
    )
    def test_they_equal_official_code(self, features, neighbours, expected):
        found = (*precision_recall(*features, neighbours), *density_coverage(*features, neighbours))
        assert found == pytest.approx(expected, rel=1e-12)

    def test_blocks_of_rows_make_no_difference(self, features, monkeypatch):
        whole = (*precision_recall(*features), *density_coverage(*features))
        monkeypatch.setattr("img2imgkit_plugins.quality_metrics.manifolds._ROWS", 7)
        assert (*precision_recall(*features), *density_coverage(*features)) == whole

    def test_the_edge_belongs_to_precision_but_not_to_density(self):
        references = np.array([[0.0], [1.0], [2.0], [3.0]])
        edge = np.array([[4.0], [5.0], [6.0], [7.0]])
        assert radii(references, 1).tolist() == [1, 1, 1, 1]
        assert precision_recall(references, edge, 1)[0] == 0.25
        assert density_coverage(references, edge, 1) == (0, 0)

    def test_doubled_pictures_do_not_hide_themselves_among_rounding_errors(self):
        points = np.repeat(RNG.uniform(1e3, 1e4, (4, 5)), 2, axis=0)
        assert radii(points, 1) == pytest.approx(np.zeros(8), abs=1e-2)
        assert (distances(points, points) >= 0).all()

    def test_too_few_neighbours_are_refused(self):
        with pytest.raises(ValueError, match="3 neighbours need at least 4 pictures, got 3"):
            precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))


class TestSlicedWasserstein:
    @pytest.mark.parametrize(("level", "expected"), [(0, 322.08233642578125), (1, 498.35675048828125)])
    def test_it_equals_official_code_for_its_patches_and_directions(self, official, level, expected):
        sets = [normalised(self._descriptors(official, name, level)) for name in ("real", "fake")]
        repeats = [official[f"swd.dirs.level{level}.repeat{number}"] for number in (0, 1)]
        assert 1000 * sliced_wasserstein(*sets, repeats) == pytest.approx(expected, rel=1e-6)

    def _descriptors(self, official, name, level):
        found = []
        for number, picture in enumerate(official[f"swd.{name}"]):
            drawn = slice(8 * number, 8 * number + 8)
            rows, columns = (official[f"swd.{name}.level{level}.{axis}"][drawn] for axis in "yx")
            found.append(patches(laplacian_pyramid(np.moveaxis(picture, 0, -1))[level], rows, columns))
        return np.concatenate(found)

    def test_the_pyramid_equals_official_code(self, official):
        pyramid = laplacian_pyramid(np.moveaxis(official["swd.real"][0], 0, -1))
        for number, level in enumerate(pyramid):
            expected = np.moveaxis(official[f"swd.real.pyramid{number}"][0], 0, -1)
            np.testing.assert_allclose(level, expected, atol=1e-4)

    def test_sets_of_different_size_and_small_pictures_are_refused(self):
        metric = SlicedWasserstein()
        one = metric.features(np.zeros((20, 40, 1)))
        with pytest.raises(ValueError, match="two sets of the same size, got 2 and 1 pictures"):
            metric.measure([one, one], [one])
        with pytest.raises(ValueError, match=r"at least 16x16 pixels, got shape \(15, 40, 3\)"):
            metric.features(np.zeros((15, 40, 3)))


class TestColourfulness:
    def test_a_set_scores_the_mean_and_grey_scores_0(self):
        metric, red = Colourfulness(), np.tile([255.0, 0, 0], (4, 4, 1))
        scores = [metric.features(picture) for picture in (red, np.full((4, 4, 1), 77.0), np.full((4, 4, 3), 77.0))]
        assert [float(each[0]) for each in scores] == pytest.approx([0.3 * np.hypot(255, 127.5), 0, 0])
        assert metric.measure(scores) == pytest.approx(0.1 * np.hypot(255, 127.5))


class TestResizing:
    @pytest.mark.parametrize(
        ("source", "output", "kernel"), [("small", 6, "BICUBIC"), ("small", 9, "LANCZOS"), ("large", 2, "BILINEAR")]
    )
    def test_it_equals_clean_fid(self, official, source, output, kernel):
        expected = official[f"resize.out{output}"]
        found = clean_resize(official[f"resize.{source}"], *expected.shape[:2], Image.Resampling[kernel])
        np.testing.assert_allclose(found, expected, atol=1e-3)

    def test_the_protocol_equals_clean_fids_mode_clean(self, official):
        found = CLEAN_299.view(official["resize.large"])
        np.testing.assert_allclose(found[::26, ::26], official["resize.out12"], atol=1e-3)

    @pytest.mark.slow
    def test_the_old_protocol_equals_tensorflow_1(self, official):
        import tensorflow as tf

        for name in ("resize.large", "resize.small"):
            picture = official[name].astype(np.float32)
            expected = tf.raw_ops.ResizeBilinear(images=picture[None], size=(299, 299))[0].numpy()
            np.testing.assert_allclose(LEGACY_299.view(official[name]), expected, atol=1e-3)

    @pytest.mark.parametrize("protocol", [CLEAN_299, LEGACY_299, CLEAN_224])
    def test_grey_pictures_become_colour_of_one_size(self, protocol):
        levels = RNG.integers(0, 256, (31, 47, 1)).astype(np.uint8)
        found = protocol.view(levels, 3)
        assert found.shape == (protocol.side, protocol.side, 3)
        assert (found == protocol.view(np.repeat(levels, 3, axis=2))).all()
