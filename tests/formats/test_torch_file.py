"""Reading PyTorch files: every type of tensor; files that run code or claim more data than they have are refused."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_pickles import called, entries, legacy, named, number, numbers, tensor, text, torch_zip

from img2imgkit.errors import InteropError
from img2imgkit.formats.torch_file import MAX_PICKLE
from img2imgkit.importing import read_torch

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture(params=["zip", "legacy"])
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Write one storage and a pickle in each of the two formats."""

    def write(structure: bytes, data: np.ndarray) -> Path:
        if request.param == "zip":
            return torch_zip(tmp_path / "file.pth", structure, data.tobytes())
        keys = ("0",) if b"storage" in structure else ()
        return legacy(tmp_path / "file.pth", structure, data, keys)

    return write


DATA = np.arange(12, dtype=np.float32)


class TestReads:
    def test_nested_values_and_tensors(self, save: Any) -> None:
        structure = entries(
            a=tensor((3, 4)), b=entries(c=number(7), d=b"]" + number(1) + b"a", e=b"N"), f=numbers(1, 2)
        )
        loaded = read_torch(save(structure, DATA))
        np.testing.assert_array_equal(loaded.pop("a"), DATA.reshape(3, 4))
        assert loaded == {"b": {"c": 7, "d": [1], "e": None}, "f": (1, 2)}

    @pytest.mark.parametrize(
        ("kind", "numpy"),
        [
            *(("Double", "f8"), ("Float", "f4"), ("Half", "f2"), ("Long", "i8"), ("Int", "i4")),
            *(("Short", "i2"), ("Char", "i1"), ("Byte", "u1"), ("Bool", "?")),
        ],
    )
    def test_each_type_of_number(self, save: Any, kind: str, numpy: str) -> None:
        data = (np.arange(6) % 2 if kind == "Bool" else np.arange(6)).astype(numpy)
        loaded = read_torch(save(tensor((6,), kind=kind), data))
        assert loaded.dtype == data.dtype
        np.testing.assert_array_equal(loaded, data)

    def test_bfloat16_as_float32(self, save: Any) -> None:
        values = np.array([1.0, -2.5, 1e30, 0.0], np.float32)
        loaded = read_torch(save(tensor((4,), kind="BFloat16"), (values.view("u4") >> 16).astype("u2")))
        np.testing.assert_allclose(loaded, values, rtol=2**-7)  # the lower bits were truncated
        assert loaded.dtype == np.float32

    @pytest.mark.parametrize(
        ("shape", "strides", "offset", "wanted"),
        [
            ((4, 3), (1, 4), 0, DATA.reshape(3, 4).T),
            ((2, 2), (4, 1), 5, DATA.reshape(3, 4)[1:, 1:3]),
            ((), (), 3, DATA[3]),
            ((0, 5), (5, 1), 0, np.zeros((0, 5))),
            ((3,), (4,), 0, DATA[::4]),
        ],
    )
    def test_views_of_a_storage(self, save: Any, shape: Any, strides: Any, offset: int, wanted: np.ndarray) -> None:
        loaded = read_torch(save(tensor(shape, strides, offset, count=12), DATA))
        assert loaded.shape == wanted.shape
        np.testing.assert_array_equal(loaded, wanted)

    def test_parameters_and_attributes_of_state_dicts(self, save: Any) -> None:
        ordered = called(named("collections", "OrderedDict"))
        parameter = called(named("torch._utils", "_rebuild_parameter"), tensor((3,), count=12), b"\x88", ordered)
        structure = ordered + b"(" + text("w") + parameter + b"u" + entries(_metadata=entries()) + b"b"
        loaded = read_torch(save(structure, DATA))
        assert list(loaded) == ["w"]
        assert type(loaded) is dict
        np.testing.assert_array_equal(loaded["w"], DATA[:3])

    def test_two_tensors_share_a_storage(self, save: Any) -> None:
        loaded = read_torch(save(entries(a=tensor((2,), count=12), b=tensor((3,), offset=2, count=12)), DATA))
        np.testing.assert_array_equal(np.concatenate([loaded["a"], loaded["b"]]), DATA[:5])

    def test_big_endian_files(self, tmp_path: Path) -> None:
        path = torch_zip(tmp_path / "file.pth", tensor((12,)), DATA.astype(">f4").tobytes(), byteorder="big")
        np.testing.assert_array_equal(read_torch(path), DATA)

    def test_an_old_storage_that_is_a_view_of_another(self, tmp_path: Path) -> None:
        part = b"(" + text("1") + number(4) + number(3) + b"t"
        path = legacy(tmp_path / "file.pth", tensor((3,), count=12, view=part), DATA)
        np.testing.assert_array_equal(read_torch(path), DATA[4:7])

    def test_without_keras(self) -> None:
        """Reading a file and recognising its architecture do not import Keras."""
        import subprocess
        import sys

        code = f"from img2imgkit.formats.torch_file import read_torch; read_torch({str(FIXTURES)!r} + '/{{}}')"
        code = code.replace("{}", "junyanz_pixel_batch/weights.pth")
        code += "; import sys; assert not {'torch', 'tensorflow', 'keras'} & sys.modules.keys()"
        subprocess.run([sys.executable, "-c", code], check=True)


SHARED = b"]q\x00"  # a list, memoised as number 0
HOSTILE = {
    "a program": (called(named("os", "system"), text("touch HARM")), "refers to os.system"),
    "an old name for it": (b"(" + text("touch HARM") + b"ios\nsystem\n", "refers to os.system"),
    "an expression": (called(named("builtins", "eval"), text("open('HARM', 'w')")), "refers to builtins.eval"),
    "a pickle in it": (called(named("torch.storage", "_load_from_bytes"), text("")), "_load_from_bytes"),
    "a module": (called(named("torch.nn.modules.container", "Sequential")), "torch.nn.modules.container.Sequential"),
    "a changed function": (
        named("torch._utils", "_rebuild_tensor_v2") + b"N" + entries(function=number(1)) + b"\x86b",
        "modifies a function",
    ),
    "a function for a value": (entries(a=named("torch", "Size")), "not plain data"),
    "a type for a value": (entries(a=named("torch", "FloatStorage")), "not plain data"),
    "a list in itself": (SHARED + b"h\x00a", "contains itself"),
    "memory for the memo": (b"]r" + struct.pack("<I", 2**31), "more memory than it can need"),
    "a tensor outside": (tensor((3,), offset=10, count=12), "beyond its storage"),
    "a tensor before": (tensor((3,), offset=-1, count=12), "record"),
    "a negative stride": (tensor((3,), (-1,), 2, count=12), "record"),
    "strides too few": (tensor((2, 2), (1,), count=12), "2 axes and 1 strides"),
    "too many axes": (tensor((1,) * 20, (1,) * 20, count=12), "20 axes"),
    "a number repeated into terabytes": (tensor((2**40,), (0,), count=12), "beyond its storage"),
    "more than the storage": (tensor((2**60, 4), count=12), "beyond its storage"),
    "a fraction for a size": (
        called(named("torch._utils", "_rebuild_tensor"), numbers(), b"G" + b"\0" * 8, numbers(1), numbers(1)),
        "record",
    ),
    "another reference": (text("x") + b"Q", "damaged"),
    "a storage of no type": (
        b"(" + text("storage") + text("f4") + text("0") + text("cpu") + number(12) + b"tQ",
        "storage",
    ),
    "nothing": (b"", "damaged"),
}


class TestRefuses:
    @pytest.mark.parametrize("what", HOSTILE)
    def test_hostile_pickles_and_runs_nothing(self, what: str, save: Any, monkeypatch: Any, tmp_path: Path) -> None:
        monkeypatch.chdir(tmp_path)
        structure, reason = HOSTILE[what]
        path = save(structure, DATA)
        with pytest.raises(InteropError, match=reason) as caught:
            read_torch(path)
        assert str(caught.value).startswith(str(path))
        assert not (tmp_path / "HARM").exists()

    @pytest.mark.parametrize("count", [11, 13, 2**62, -1])
    def test_a_storage_of_another_size(self, save: Any, count: int) -> None:
        with pytest.raises(InteropError):
            read_torch(save(tensor((1,), count=count), DATA))

    def test_a_missing_storage(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "file.pth", "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + tensor((12,)) + b".")
        with pytest.raises(InteropError, match="data/0"):
            read_torch(tmp_path / "file.pth")

    def test_compressed_members(self, tmp_path: Path) -> None:
        path = torch_zip(tmp_path / "bomb.pth", tensor((12,)), bytes(10**6), zipfile.ZIP_DEFLATED)
        with pytest.raises(InteropError, match="compressed"):
            read_torch(path)

    def test_members_that_claim_more_than_the_file(self, tmp_path: Path) -> None:
        path = torch_zip(tmp_path / "file.pth", tensor((12,)), DATA.tobytes())
        content = path.read_bytes()
        directory = content.rindex(b"PK\x01\x02")
        lying = bytearray(content)
        lying[directory + 24 : directory + 28] = struct.pack("<I", 2**31)  # its size
        path.write_bytes(lying)
        with pytest.raises(InteropError, match="claim more bytes"):
            read_torch(path)

    def test_torchscript(self, tmp_path: Path) -> None:
        path = torch_zip(tmp_path / "file.pth", tensor((12,)), DATA.tobytes(), **{"constants.pkl": "x"})
        with pytest.raises(InteropError, match="TorchScript"):
            read_torch(path)

    def test_other_zip_files(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "file.pth", "w") as archive:
            archive.writestr("word/document.xml", "<x/>")
        with pytest.raises(InteropError, match=r"no data\.pkl"):
            read_torch(tmp_path / "file.pth")

    @pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x80", b"\x80\x02K\x01.", b"version https://git-lfs"])
    def test_other_files(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file.pth").write_bytes(content)
        with pytest.raises(InteropError, match=r"file\.pth: (empty|not a PyTorch|damaged)"):
            read_torch(tmp_path / "file.pth")

    def test_a_missing_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match="No such file"):
            read_torch(tmp_path / "none.pth")
        with pytest.raises(InteropError, match="cannot be read"):
            read_torch(tmp_path)

    @pytest.mark.parametrize("name", ["weights", "weights_oldformat"])
    def test_truncated_files(self, tmp_path: Path, name: str) -> None:
        whole = (FIXTURES / "junyanz_pixel_batch" / f"{name}.pth").read_bytes()
        for end in range(0, len(whole) - 1, 97):
            (tmp_path / "file.pth").write_bytes(whole[:end])
            with pytest.raises(InteropError, match=r"file\.pth: "):
                read_torch(tmp_path / "file.pth")

    def test_huge_pickles(self, tmp_path: Path) -> None:
        path = torch_zip(tmp_path / "file.pth", text("x" * (MAX_PICKLE + 1)))
        with pytest.raises(InteropError, match="larger than 32 MiB"):
            read_torch(path)

    def test_one_storage_of_two_types(self, save: Any) -> None:
        with pytest.raises(InteropError, match="storage 0: used with two types"):
            read_torch(save(b"](" + tensor((2,)) + tensor((2,), kind="Int") + b"e", np.zeros(2, "f4")))
