"""Transformers that enlarge: what their checkpoints tell and leave open, their sizes, their receptive field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED, built, checkpoint_of, randomised, recognised

from img2imgkit import backend

backend.load()

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from img2imgkit.architectures import Atd, Dat, Drct, Hat, NetworkSpec, Omnisr, Rgt, Srformer, Swinir  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.geometry_proof import reach_of, set_positive_weights  # noqa: E402
from img2imgkit.importing import network_of, put, read_network, read_torch, state_of_model  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"
COLOUR = {"channels": 3, "qkv_bias": True}


def state_of(name: str) -> dict[str, np.ndarray]:
    loaded = read_torch(SMALL / name / "weights.pth")
    return dict(loaded.get("params", loaded.get("params_ema", loaded)))


@pytest.mark.parametrize(
    ("name", "network", "options"),
    [
        (
            "sr_swinir_x2_classical",
            "swinir",
            {
                **COLOUR,
                **{"scale": 2, "width": 12, "depths": (2, 1), "heads": (2, 3), "window": 8, "mlp_ratio": 2.0},
                **{"upsampler": "pixelshuffle", "features": 64, "connection": "1conv"},
                **{"patch_norm": True, "shifted": True},
            },
        ),
        (
            "sr_swinir_x3_light",
            "swinir",
            {
                **COLOUR,
                **{"scale": 3, "width": 20, "depths": (2, 2), "heads": (2, 2), "window": 8, "mlp_ratio": 2.0},
                **{"upsampler": "pixelshuffledirect", "connection": "1conv", "patch_norm": True, "shifted": False},
            },
        ),
        (
            "sr_swinir_jpeg_car_w7",
            "swinir",
            {
                **{"channels": 1, "qkv_bias": True, "gain": 255.0},
                **{"scale": 1, "width": 24, "depths": (2, 2), "heads": (2, 2), "window": 7, "mlp_ratio": 2.0},
                **{"upsampler": "none", "connection": "1conv", "patch_norm": True, "shifted": True},
            },
        ),
        (
            "sr_swinir_x4_real_3conv",
            "swinir",
            {
                **COLOUR,
                **{"scale": 4, "width": 12, "depths": (2, 1), "heads": (3, 3), "window": 8, "mlp_ratio": 2.0},
                **{"upsampler": "nearest+conv", "features": 64, "connection": "3conv"},
                **{"patch_norm": True, "shifted": False},
            },
        ),
        (
            "sr_hat_x2",
            "hat",
            {
                **COLOUR,
                **{"scale": 2, "width": 12, "depths": (2, 1), "heads": (2, 2), "window": 8, "mlp_ratio": 2.0},
                **{"overlap": 0.5, "compress": 3, "squeeze": 4, "features": 64},
                **{"connection": "1conv", "patch_norm": True},
            },
        ),
        (
            "sr_dat_x3_light",
            "dat",
            {
                **COLOUR,
                **{"scale": 3, "width": 96, "depths": (3,), "heads": (6,), "split": (4, 8), "expansion": 1.0},
                **{"upsampler": "pixelshuffledirect", "connection": "3conv"},
            },
        ),
        (
            "sr_srformer_x2_light",
            "srformer",
            {
                **COLOUR,
                **{"scale": 2, "width": 16, "depths": (2, 1), "heads": (2, 4), "window": 8, "mlp_ratio": 2.0},
                **{"upsampler": "pixelshuffledirect", "connection": "1conv", "patch_norm": True},
                **{"shifted": True, "masked": True},
            },
        ),
        (
            "sr_drct_x2",
            "drct",
            {
                **COLOUR,
                **{"scale": 2, "width": 8, "heads": (2, 4), "window": 8, "growth": 4, "mlp_ratio": 2.0},
                **{"features": 64, "connection": "1conv", "patch_norm": True, "shifted": True},
            },
        ),
        (
            "sr_rgt_x2",
            "rgt",
            {
                **COLOUR,
                **{"scale": 2, "width": 64, "depths": (3, 2), "heads": (2, 4), "split": (4, 8), "mlp_ratio": 1.5},
                **{"channel_ratio": 0.25, "features": 16, "connection": "3conv"},
            },
        ),
        (
            "sr_atd_x2_light",
            "atd",
            {
                **COLOUR,
                **{"scale": 2, "width": 16, "depths": (2, 3), "heads": (2, 4), "window": 8, "mlp_ratio": 1.0},
                **{"category_size": 24, "tokens": 12, "token_width": 4, "kernel_size": 7},
                **{"upsampler": "pixelshuffledirect", "connection": "1conv", "patch_norm": True},
            },
        ),
        (
            "sr_omnisr_x4",
            "omnisr",
            {
                **{"channels": 3, "scale": 4, "width": 16, "groups": 2, "blocks": 1, "window": 8},
                **{"position_bias": True, "bias": True},
            },
        ),
    ],
)
def test_the_arguments_are_inferred_from_names_and_shapes(name: str, network: str, options: dict[str, Any]) -> None:
    assert recognised(state_of(name)) == {network: options}


SWIN = {"width": 4, "depths": (2, 1), "heads": (2, 1), "window": 4}
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("swinir", {**SWIN, "scale": 8, "channels": 1, "patch_norm": False}),
    ("swinir", {**SWIN, "scale": 2, "upsampler": "nearest+conv", "connection": "3conv", "qkv_bias": False}),
    ("swinir", {**SWIN, "scale": 5, "upsampler": "pixelshuffledirect", "mlp_ratio": 1.25}),
    ("swinir", {**SWIN, "scale": 1, "upsampler": "none"}),
    ("swinir", {**SWIN, "scale": 1, "features": 3}),
    ("hat", {**SWIN, "scale": 3, "overlap": 1.0, "compress": 2, "squeeze": 4, "connection": "identity"}),
    ("hat", {**SWIN, "scale": 4, "overlap": 0.5, "compress": 1, "squeeze": 1, "channels": 1}),
    ("dat", {"scale": 2, "width": 32, "depths": (1, 2), "heads": (2, 4), "expansion": 2.0, "qkv_bias": False}),
    ("srformer", {**SWIN, "scale": 2, "qkv_bias": False}),
    ("srformer", {**SWIN, "scale": 1, "upsampler": "none", "connection": "3conv", "patch_norm": False}),
    ("drct", {"scale": 3, "width": 6, "heads": (2, 3), "window": 2, "growth": 3, "connection": "identity"}),
    (
        "rgt",
        {
            "scale": 3,
            "width": 32,
            "depths": (1, 2),
            "heads": (2, 4),
            "mlp_ratio": 4.0,
            "qkv_bias": False,
            "channels": 1,
        },
    ),
    ("rgt", {"scale": 1, "width": 32, "depths": (2,), "heads": (2,), "channel_ratio": 1.0, "connection": "3conv"}),
    ("atd", {**SWIN, "scale": 3, "tokens": 5, "token_width": 3, "kernel_size": 3, "connection": "3conv"}),
    (
        "atd",
        {
            **{**SWIN, "scale": 2, "tokens": 1, "token_width": 1, "upsampler": "nearest+conv", "qkv_bias": False},
            **{"patch_norm": False, "channels": 1},
        },
    ),
    ("omnisr", {"scale": 3, "width": 8, "groups": 1, "blocks": 2, "window": 4, "bias": False, "channels": 1}),
    ("omnisr", {"scale": 2, "width": 8, "groups": 1, "position_bias": False}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("network", "options"), WAYS, ids=str)
def test_any_size_is_recognised_and_loaded(network: str, options: dict[str, Any]) -> None:
    model = randomised(network, **options)
    kind, spec = INSTALLED[network].from_arguments(options)
    state = state_of_model(model, checkpoint_of(network).places(kind.arguments(spec)))
    [(found, arguments)] = recognised(state).items()
    assert found == network
    assert arguments.items() >= options.items()
    again = built(network, **options)
    put(state, again, INSTALLED)
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        assert np.sort(np.ravel(mine)) == pytest.approx(np.sort(np.ravel(theirs)))  # channels may have moved


@pytest.mark.parametrize(
    ("name", "dropped", "assumed"),
    [
        ("sr_swinir_x2_classical", (), {"gain": 1.0, "mean": (0.4488, 0.4371, 0.4040)}),
        ("sr_swinir_x2_classical", (".attn_mask",), {"gain": 1.0, "shifted": False}),
        ("sr_swinir_x2_classical", (".attn_mask", "_index"), {"gain": 1.0, "shifted": True}),
        ("sr_swinir_jpeg_car_w7", (), {"gain": 255.0, "mean": (0.0,)}),
        ("sr_hat_x2", (), {"gain": 1.0, "conv_scale": 0.01, "shifted": True}),
        ("sr_rgt_x2", (), {"gain": 1.0}),
        ("sr_rgt_x2", (".rpe_biases",), {"split": (8, 32)}),
        ("sr_atd_x2_light", (), {"gain": 1.0, "category_size": 24}),
        ("sr_dat_x3_light", (), {"gain": 1.0}),
        ("sr_dat_x3_light", (".rpe_biases",), {"split": (8, 32)}),
        ("sr_omnisr_x4", (), {}),
        ("sr_srformer_x2_light", (), {"gain": 1.0}),
        ("sr_srformer_x2_light", (".attn_mask", "_index"), {"shifted": True, "masked": True}),
        ("sr_drct_x2", (), {"gain": 1.0}),
    ],
    ids=str,
)
def test_what_a_file_does_not_state_is_assumed_and_told(
    name: str, dropped: tuple[str, ...], assumed: dict[str, Any]
) -> None:
    left = {key: array for key, array in state_of(name).items() if not (dropped and key.endswith(dropped))}
    [(kind, arguments)] = recognised(left).items()
    chosen, _ = INSTALLED[kind].from_arguments(arguments)
    told = {each.option: each.value for each in checkpoint_of(kind).assumptions(arguments)}
    assert told.items() >= assumed.items()
    assert ("shifted" in told) == ("shifted" in assumed)
    assert ("split" in told) == ("split" in assumed)
    assert ("masked" in told) == ("masked" in assumed)
    for option, value in told.items():
        stated = getattr(chosen, option)
        assert stated == value or (option == "mean" and stated is None)


def test_stated_arguments_replace_what_is_assumed() -> None:
    network = read_network(SMALL / "sr_swinir_x3_light" / "weights.pth", INSTALLED, gain=255.0, shifted=True)
    assert (network.architecture.gain, network.architecture.shifted) == (255.0, True)
    assert [each.option for each in network.assumptions] == ["mean"]


@pytest.mark.parametrize(
    ("name", "array", "shape"),
    [
        ("sr_swinir_x2_classical", "layers.0.residual_group.blocks.0.attn.relative_position_bias_table", (224, 2)),
        ("sr_swinir_x2_classical", "upsample.0.weight", (255, 64, 3, 3)),
        ("sr_swinir_x2_classical", "upsample.0.weight", (63, 64, 3, 3)),
        ("sr_swinir_x3_light", "upsample.0.weight", (2, 20, 3, 3)),
        ("sr_swinir_jpeg_car_w7", "conv_last.weight", (3, 24, 3, 3)),
        ("sr_hat_x2", "layers.0.residual_group.overlap_attn.relative_position_bias_table", (4, 2)),
        ("sr_dat_x3_light", "layers.0.blocks.0.attn.attns.0.pos.pos3.2.weight", (0, 3)),
        ("sr_omnisr_x4", "input.weight", (2, 3, 3, 3)),
        ("sr_rgt_x2", "layers.0.blocks.1.attn.q.weight", (0, 64)),
        ("sr_atd_x2_light", "layers.0.residual_group.td", (0, 16)),
    ],
    ids=str,
)
def test_impossible_shapes_are_refused(name: str, array: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InteropError):
        network_of(StateDict({**state_of(name), array: np.zeros(shape, np.float32)}), INSTALLED)


def test_early_masks_of_srformer_mean_that_windows_continue_at_the_opposite_border() -> None:
    state = state_of("sr_srformer_x2_light")
    name = "layers.0.residual_group.blocks.1.attn_mask"
    early = {**state, name: np.broadcast_to(state[name].min(axis=-1, keepdims=True), state[name].shape)}
    assert recognised(early)["srformer"]["masked"] is False
    network = network_of(StateDict(early), INSTALLED)
    assert network.architecture.geometry(network.spec).radius is None


def test_neosr_marks_an_atd_that_subtracts_no_mean() -> None:
    state = {**state_of("sr_atd_x2_light"), "no_norm": np.zeros(1, np.float32)}
    network = network_of(StateDict(state), INSTALLED)
    assert network.architecture.mean == (0.0, 0.0, 0.0)
    assert [each.option for each in network.assumptions] == ["category_size"]


def test_a_list_of_relative_positions_cannot_ask_for_large_windows() -> None:
    state = state_of("sr_dat_x3_light")
    name = "layers.0.blocks.0.attn.attns.0.rpe_biases"
    assert "split" not in recognised({**state, name: 1e6 * state[name]})["dat"]


X = np.random.default_rng(0).uniform(0, 1, (2, 17, 19, 3)).astype(np.float32)
NETWORKS = [
    Swinir(width=4, depths=(2,), heads=(2,), window=4, upsampler="nearest+conv", features=4),
    Hat(width=4, depths=(2,), heads=(2,), window=4, compress=2, squeeze=2, features=4),
    Dat(width=32, depths=(3,), heads=(2,), split=(2, 4), expansion=1.0, features=4),
    Omnisr(width=8, groups=1),
    Srformer(width=4, depths=(2,), heads=(2,), window=4, features=4),
    Drct(width=4, heads=(2,), window=4, growth=2, features=4),
    Rgt(width=32, depths=(3,), heads=(2,), split=(2, 4), features=4),
    Atd(width=4, depths=(2,), heads=(2,), window=4, category_size=32, tokens=5, token_width=2, features=4),
]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda each: each.name)
def test_it_enlarges_any_size_after_loading_and_at_run_time(architecture: Any, tmp_path: Path) -> None:
    model = architecture.build(NetworkSpec(scale=2))
    made = np.asarray(model(X))
    assert made.shape == (2, 34, 38, 3)
    assert np.std(made) > 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    run = tf.function(again, input_signature=[tf.TensorSpec((None, None, None, 3))], autograph=False)
    np.testing.assert_allclose(run(X), made, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda each: each.name)
def test_the_output_is_float32_under_mixed_precision(architecture: Any) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = architecture.build(NetworkSpec(scale=2))
    finally:
        keras.config.set_dtype_policy(before)
    assert np.asarray(model(X)).dtype == np.float32
    assert model.get_layer("first").compute_dtype == "bfloat16"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "spec", "weights"),
    [
        (Swinir(), NetworkSpec(scale=2), 11_752_487),  # 001_classicalSR_DF2K_s64w8_SwinIR-M_x2
        (
            Swinir(width=60, depths=(6,) * 4, heads=(6,) * 4, upsampler="pixelshuffledirect"),
            NetworkSpec(scale=2),
            910_152,  # 002_lightweightSR_DIV2K_s64w8_SwinIR-S_x2
        ),
        (Hat(), NetworkSpec(scale=4), 20_772_507),  # HAT_SRx4
        (Dat(), NetworkSpec(scale=4), 14_802_051),  # DAT_x4
        (Drct(), NetworkSpec(scale=4), 14_139_579),  # DRCT_SRx4_ImageNet-pretrain
        (Srformer(), NetworkSpec(scale=2), 10_395_791),  # SRFormer_SRx2_DF2K
        (Rgt(), NetworkSpec(scale=4), 13_365_543),  # RGT_x4
        (Rgt(depths=(6,) * 6, heads=(6,) * 6), NetworkSpec(scale=4), 10_198_767),  # RGT_S_x4
        (Atd(), NetworkSpec(scale=4), 20_260_929),  # 003_ATD_SRx4_finetune
    ],
    ids=str,
)
def test_it_has_as_many_weights_as_the_official_one(architecture: Any, spec: NetworkSpec, weights: int) -> None:
    with keras.StatelessScope(initialize_variables=False):
        model = architecture.build(spec)
    assert sum(int(np.prod(variable.shape)) for variable in model.trainable_variables) == weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "scale"),
    [
        (Swinir(width=4, depths=(1,), heads=(1,), window=4, upsampler="pixelshuffledirect"), 3),
        (Swinir(width=4, depths=(2, 1), heads=(1, 1), window=4, upsampler="none"), 1),
        (
            Swinir(
                width=4, depths=(3,), heads=(1,), window=4, upsampler="nearest+conv", features=2, connection="3conv"
            ),
            2,
        ),
        (Srformer(width=4, depths=(2,), heads=(1,), window=4, upsampler="pixelshuffledirect"), 2),
        (Drct(width=4, heads=(1,), window=2, growth=2, features=2), 2),
    ],
    ids=str,
)
def test_the_receptive_radius_is_exact(architecture: Any, scale: int) -> None:
    spec = NetworkSpec(scale=scale)
    geometry = architecture.geometry(spec)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = architecture.build(spec)
        set_positive_weights([model])
        side = -(-(2 * geometry.radius + 8) // 4) * 4
        image = np.random.default_rng(0).uniform(0.1, 1, (1, side, side, 3))
        assert reach_of(lambda each: model(each, training=False), image, geometry) == geometry.radius
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("architecture", "spec", "problem"),
    [
        (Swinir(depths=(6,)), NetworkSpec(scale=2), "1 depths and 6 numbers of heads"),
        (Swinir(width=100), NetworkSpec(scale=2), "width 100 is not a multiple of 6 heads"),
        (Swinir(), NetworkSpec(scale=6), "scale 6: expected 3 or a power of 2"),
        (Swinir(upsampler="none"), NetworkSpec(scale=2), "upsampler 'none' does not enlarge"),
        (Swinir(upsampler="nearest+conv"), NetworkSpec(scale=3), "enlarges by powers of 2"),
        (Swinir(mean=(0.5,)), NetworkSpec(scale=2), "mean has 1 values, but there are 3 channels"),
        (Swinir(), NetworkSpec(3, 1, scale=2), "3 input and 1 output channels"),
        (Hat(window=6), NetworkSpec(scale=2), "overlap 0.5 of windows of 6 pixels: expected an even number"),
        (Hat(width=24, heads=(6,) * 6), NetworkSpec(scale=2), "width 24 is less than compress 3 or squeeze 30"),
        (Dat(split=(8, 20)), NetworkSpec(scale=2), r"split \[8, 20\]: expected sides"),
        (Dat(heads=(3,) * 6), NetworkSpec(scale=2), "3 heads of width 180: expected two equal halves"),
        (Drct(width=9, heads=(2,)), NetworkSpec(scale=2), "width 9 of a block is not a multiple of its 2 heads"),
        (Srformer(width=10, heads=(2,) * 6), NetworkSpec(scale=2), "width 10 is not a multiple of 4"),
        (Omnisr(width=10), NetworkSpec(scale=2), "width 10 is not a multiple of 4"),
        (Omnisr(), NetworkSpec(3, 1), "3 input and 1 output channels"),
        (Rgt(split=(8, 20)), NetworkSpec(scale=2), r"split \[8, 20\]: expected sides"),
        (
            Rgt(channel_ratio=0.49),
            NetworkSpec(scale=2),
            "channel_ratio 0.49: 88 channels cannot be divided into 6 heads",
        ),
        (Atd(kernel_size=4), NetworkSpec(scale=2), "kernel_size 4: expected an odd number"),
    ],
    ids=str,
)
def test_impossible_options_are_told(architecture: Any, spec: NetworkSpec, problem: str) -> None:
    assert re.search(problem, architecture.problem(spec))
