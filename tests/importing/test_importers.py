"""Importers: each format yields the same network, and Keras weights load into the network that they belong to."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED
from hostile_models import entry, safetensors

from img2imgkit import backend
from img2imgkit.bundle import EXPORTED_FILE
from img2imgkit.catalog import Catalog
from img2imgkit.errors import InteropError
from img2imgkit.exchange import SavedWeights
from img2imgkit.importing import (
    KerasImporter,
    SafetensorsImporter,
    TorchImporter,
    network_of,
    read_safetensors,
    read_torch,
)

FIXTURE = Path(__file__).parents[1] / "fixtures" / "junyanz_pixel_batch" / "weights.pth"


def as_safetensors(path: Path, state: dict[str, np.ndarray], dtype: str = "F32") -> Path:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in state.items():
        raw = np.ascontiguousarray(array, {"F32": "<f4", "F16": "<f2", "F64": "<f8"}.get(dtype, "<f4"))
        if dtype == "BF16":
            raw = (raw.view("<u4") >> 16).astype("<u2")
        header[name] = entry(list(array.shape), len(data), len(data) + raw.nbytes, dtype)
        data += raw.tobytes()
    return safetensors(path, header, data)


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return {name: array for name, array in read_torch(FIXTURE).items() if not name.endswith("num_batches_tracked")}


def test_built_in_importers_are_always_installed() -> None:
    assert {"keras", "safetensors", "torch"} <= set(Catalog.installed({"IMG2IMG_PLUGINS": ""}).importers)


def test_the_package_loads_no_heavy_library() -> None:
    import subprocess
    import sys

    code = (
        "import img2imgkit.importing, sys; assert not {'h5py', 'keras', 'safetensors', 'tensorflow'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestSafetensors:
    @pytest.mark.parametrize(("dtype", "within"), [("F32", 0), ("F64", 0), ("F16", 1e-3), ("BF16", 1e-2)])
    def test_every_floating_point_type(self, state: Any, tmp_path: Path, dtype: str, within: float) -> None:
        found = read_safetensors(as_safetensors(tmp_path / "x.safetensors", state, dtype))
        assert found.keys() == state.keys()
        assert found["net.0.weight"].dtype == {"F64": "f8", "F16": "f2"}.get(dtype, "f4")
        for name, array in state.items():
            np.testing.assert_allclose(found[name], array, rtol=within, atol=within)

    def test_arrays_equal_those_of_the_official_library(self, state: Any, tmp_path: Path) -> None:
        from safetensors.numpy import load_file, save_file

        save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, tmp_path / "x.safetensors")
        found, wanted = read_safetensors(tmp_path / "x.safetensors"), load_file(tmp_path / "x.safetensors")
        assert found.keys() == wanted.keys()
        assert all(np.array_equal(found[name], array) for name, array in wanted.items())

    def test_the_network_equals_that_of_the_checkpoint(self, state: Any, tmp_path: Path) -> None:
        ours = SafetensorsImporter().read(as_safetensors(tmp_path / "x.safetensors", state))
        theirs = TorchImporter().read(FIXTURE)
        assert (ours.source, theirs.source) == ("x.safetensors", "weights.pth")
        ours, theirs = network_of(ours, INSTALLED), network_of(theirs, INSTALLED)
        assert (ours.kind, ours.arguments, ours.source) == ("pixel", theirs.arguments, "x.safetensors")
        assert all(map(np.array_equal, ours.model.get_weights(), theirs.model.get_weights()))

    def test_a_key_is_a_prefix_of_names(self, state: Any, tmp_path: Path) -> None:
        both = {f"{part}.{name}": array for part in ("gen", "ema") for name, array in state.items()}
        path = as_safetensors(tmp_path / "x.safetensors", both)
        assert SafetensorsImporter().read(path, "ema").arrays.keys() == state.keys()
        with pytest.raises(InteropError, match=r"no array's name begins with 'dis\.'"):
            SafetensorsImporter().read(path, "dis")

    @pytest.mark.parametrize(
        ("kind", "code", "value"),
        [("F8_E4M3", 0x7E, 448), ("F8_E5M2", 0x7B, 57344), ("F8_E8M0", 0x80, 2)],
    )
    def test_float8_as_float32(self, tmp_path: Path, kind: str, code: int, value: float) -> None:
        path = safetensors(tmp_path / "x.safetensors", {"w": entry([2], 0, 2, kind)}, bytes([code, code]))
        found = read_safetensors(path)["w"]
        assert found.dtype == np.float32
        assert found.tolist() == [value, value]

    def test_a_file_that_is_cut_short(self, state: Any, tmp_path: Path) -> None:
        path = as_safetensors(tmp_path / "x.safetensors", state)
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(InteropError, match=r"cut short, with \d+ of \d+ bytes of arrays; download it again"):
            read_safetensors(path)

    def test_unsupported_types(self, tmp_path: Path) -> None:
        path = safetensors(tmp_path / "x.safetensors", {"w": entry([1], 0, 8, "C64")}, bytes(8))
        with pytest.raises(InteropError, match=r"x\.safetensors: w has type C64"):
            read_safetensors(path)


def critic(width: int = 4) -> Any:
    backend.load()
    from img2imgkit.architectures.pixel import pixel_critic

    return pixel_critic(3, width)


class TestKeras:
    @pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
    def test_weights_load_into_their_network(self, tmp_path: Path, suffix: str) -> None:
        source, target = critic(), critic()
        path = tmp_path / f"generator{suffix}"
        source.save(path) if suffix == ".keras" else source.save_weights(path)
        found = KerasImporter().read(path)
        assert isinstance(found, SavedWeights)
        assert (found.role, found.task, found.source) == ("generator", "", path.name)
        found.fill(target)
        assert all(map(np.array_equal, source.get_weights(), target.get_weights()))

    def test_another_network_is_refused(self, tmp_path: Path) -> None:
        critic().save_weights(tmp_path / "x.weights.h5")
        found = KerasImporter().read(tmp_path / "x.weights.h5")
        with pytest.raises(InteropError, match=r"x\.weights\.h5: has 8 arrays, .* 'pixel_critic' has 8, 0 of"):
            found.fill(critic(5))

    def test_training_state_is_ignored(self, tmp_path: Path) -> None:
        import h5py

        critic().save_weights(tmp_path / "x.weights.h5")
        with h5py.File(tmp_path / "x.weights.h5", "a") as file:
            file.create_dataset("optimizer/vars/0", data=np.zeros(7, "f4"))
        KerasImporter().read(tmp_path / "x.weights.h5").fill(critic())

    def test_weights_that_are_nan(self, tmp_path: Path) -> None:
        broken = critic()
        broken.set_weights([np.full_like(each, np.inf) for each in broken.get_weights()])
        broken.save_weights(tmp_path / "x.weights.h5")
        with pytest.raises(InteropError, match="contains NaN or infinity"):
            KerasImporter().read(tmp_path / "x.weights.h5")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b"{", "img2imgkit.json: invalid JSON"),
            (b"\xff", "codec can't decode"),
            (b'{"format": 1}', "is required"),
            (bytes(5 << 20), "larger than 4 MiB"),
        ],
        ids=["no JSON", "no text", "not whole", "too long"],
    )
    def test_a_damaged_description(self, tmp_path: Path, text: bytes, reason: str) -> None:
        critic().save(tmp_path / "x.keras")
        with zipfile.ZipFile(tmp_path / "x.keras", "a") as archive:
            archive.writestr(EXPORTED_FILE, text)
        with pytest.raises(InteropError, match=reason):
            KerasImporter().read(tmp_path / "x.keras")

    def test_a_key_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match="a Keras file has no entries, so no 'params'"):
            KerasImporter().read(tmp_path / "x.keras", "params")
