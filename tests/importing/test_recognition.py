"""From a state dict to a network: refused state dicts and the errors that explain why."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED
from torch_pickles import pickled_network

from img2imgkit import backend

backend.load()

from img2imgkit.architectures import Checkpoint, State, Unet  # noqa: E402
from img2imgkit.architectures.patch.network import patch_critic  # noqa: E402
from img2imgkit.architectures.resnet.network import resnet  # noqa: E402
from img2imgkit.errors import InteropError  # noqa: E402
from img2imgkit.exchange import StateDict  # noqa: E402
from img2imgkit.importing import load_torch, network_of, put, read_network, read_torch  # noqa: E402
from img2imgkit.importing.weight_sets import state_of  # noqa: E402

SMALL = Path(__file__).parents[1] / "fixtures"


def test_a_file_written_before_torch_1_6_has_the_same_content() -> None:
    folder = SMALL / "junyanz_pixel_batch"
    old, new = (
        load_torch(folder / f"{name}.pth", INSTALLED).get_weights() for name in ("weights_oldformat", "weights")
    )
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(old, new, strict=True))


def test_a_network_that_was_pickled_whole_is_recognised_and_told(tmp_path: Path) -> None:
    fixture = SMALL / "sr_srvgg_x2_leaky" / "weights.pth"
    state = state_of(read_torch(fixture))
    path = pickled_network(tmp_path / "model.pth", "realesrgan.archs.SRVGGNetCompact", state)
    found, wanted = read_network(path, INSTALLED), read_network(fixture, INSTALLED)
    assert (found.kind, found.arguments) == (wanted.kind, wanted.arguments)
    assert [each.text for each in found.assumptions if each not in wanted.assumptions] == [
        "the file contains a whole network, realesrgan.archs.SRVGGNetCompact, not its weights alone; they were read "
        "out of it, and none of its code was run"
    ]
    pairs = zip(found.model.get_weights(), wanted.model.get_weights(), strict=True)
    assert all(np.array_equal(mine, theirs) for mine, theirs in pairs)


class TestErrors:
    @pytest.fixture
    def state(self) -> dict[str, np.ndarray]:
        return dict(read_torch(SMALL / "junyanz_patchgan_none" / "weights.pth"))

    def test_an_error_lists_the_arrays_and_the_installed_architectures(self) -> None:
        kernel = np.zeros((2, 3, 1, 1), np.float32)
        with pytest.raises(InteropError, match=r"resnet, .*unet, .*contains 1 arrays: strange\.weight \(2, 3, 1, 1\)"):
            put({"strange.weight": kernel}, resnet(1, 2), INSTALLED)

    def test_an_architecture_that_fails_is_named_where_no_other_recognises_the_file(self) -> None:
        def failing(state: State) -> None:
            raise RuntimeError("no such module")

        class Failing(Unet):
            name = "failing"
            checkpoint = Checkpoint(failing, lambda arguments: ())

        installed = {"failing": Failing, **INSTALLED}
        unknown = StateDict({"a.weight": np.zeros((2, 3, 1, 1), np.float32)})
        said = rf"; failing \(from {re.escape(__name__)}\) failed: RuntimeError: no such module$"
        with pytest.raises(InteropError, match=said):
            network_of(unknown, installed)
        assert load_torch(SMALL / "junyanz_pixel_batch" / "weights.pth", installed).weights

    def test_a_stated_architecture_must_match(self) -> None:
        path = SMALL / "junyanz_pixel_batch" / "weights.pth"
        assert load_torch(path, INSTALLED, "pixel").name == "pixel_critic"
        with pytest.raises(InteropError, match=r"weights\.pth: not a unet network: it contains 9 arrays"):
            load_torch(path, INSTALLED, "unet")
        with pytest.raises(InteropError, match=r"architecture 'vnet': checkpoints can be read of .*unet"):
            load_torch(path, INSTALLED, "vnet")

    def test_an_unknown_network_is_named_and_the_way_by_onnx_is_shown(self) -> None:
        state = {"intro.weight": np.zeros((8, 3, 3, 3), "f4"), "encoders.0.0.beta": np.zeros((1, 8, 1, 1), "f4")}
        with pytest.raises(
            InteropError, match=r"looks like NAFNet, but .* matches no .*torch\.onnx\.export.*describe:"
        ):
            network_of(StateDict(state), INSTALLED)

    def test_a_model_of_another_size_keeps_its_weights(self, state: dict[str, np.ndarray]) -> None:
        model = patch_critic(3, 5, 2, "none")
        before = model.get_weights()
        with pytest.raises(InteropError, match=r"model\..*weight: its shape .* does not fit"):
            put(state, model, INSTALLED)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            ((3, 6, 3, "none"), r"model\.8\.weight: its shape .* does not fit conv3/kernel"),
            ((3, 6, 1, "none"), r"model\.8\.weight, model\.8\.bias do not belong to the network 'patch_critic'"),
            ((3, 6, 2, "batch"), r"norm1/gamma.* are missing in the file"),
        ],
    )
    def test_a_model_with_other_layers_names_them(self, state: Any, model: Any, reason: str) -> None:
        if model[2] == 1:  # let the convolution before fit
            state["model.5.weight"], state["model.5.bias"] = np.zeros((1, 12, 4, 4)), np.zeros(1)
        with pytest.raises(InteropError, match=reason):
            put(state, patch_critic(*model), INSTALLED)

    def test_shapes_larger_than_the_file_take_no_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shapes = {"net.0.weight": (200_000, 1, 1, 1), "net.0.bias": (200_000,)}
        state = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        state |= {f"net.{number}.weight": np.zeros((1, 1, 1, 1), np.float32) for number in (2, 5)}
        monkeypatch.setattr("img2imgkit.importing.recognition.read_weights", lambda path: state)
        with pytest.raises(InteropError, match=r"net\.2\.weight: its shape .* \(1, 1, 200000, 400000\)"):  # 320 GB
            load_torch("small.pth", INSTALLED)
        assert patch_critic(3, 2, 1).built  # nor does Keras take it later

    def test_the_file_is_named(self, tmp_path: Path) -> None:
        shutil.copy(SMALL / "junyanz_pixel_batch" / "io.npz", tmp_path / "io.pth")
        with pytest.raises(InteropError, match=r"io\.pth: "):
            load_torch(tmp_path / "io.pth", INSTALLED)


def test_a_network_among_others_is_reported_and_loaded_by_its_prefix() -> None:
    """PyTorch Lightning saves a module with several networks like this."""
    state = read_torch(SMALL / "junyanz_pixel_batch" / "weights.pth")
    held = {"state_dict": {f"{word}.{name}": array for word in ("netD", "net2") for name, array in state.items()}}
    with pytest.raises(InteropError, match=r"begin with 'netD\.' form a pixel: state the key 'netD'") as caught:
        network_of(StateDict(state_of(held)), INSTALLED)
    assert caught.value.decided_by == "key"
    assert network_of(StateDict(state_of(held, "netD")), INSTALLED).kind == "pixel"
    with pytest.raises(InteropError, match="no state dict named 'netG'"):
        state_of(held, "netG")
