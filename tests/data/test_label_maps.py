"""Label maps: ids from all encodings, and invalid ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.label_maps import checked, read_ids, resized_ids
from img2imgkit.data.palettes import Palette
from img2imgkit.errors import DataError

IDS = np.arange(48).reshape(6, 8) % 4
OFFICIAL = Path(__file__).parents[1] / "fixtures" / "preprocess.npz"
COLOURS = [(0, 0, 0), (128, 64, 128), (0, 0, 142), (107, 142, 35)]
PALETTE = Palette({"sky": 0, "road": 1, "car": 2, "tree": 3}, dict(enumerate(COLOURS)))


def saved(path: Path, mode: str) -> Path:
    image = Image.fromarray(IDS.astype(np.uint8))
    if mode == "P":  # two entries with the same colour: only indices distinguish them
        image.putpalette([10, 20, 30] * 2 + [0, 0, 0, 255, 0, 0])
    elif mode == "I;16":
        image = Image.fromarray((IDS * 1000).astype(np.uint16))
    elif mode == "RGB":
        image = image.convert("RGB")
    elif mode == "1":
        image = Image.fromarray(IDS > 1)
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("mode", "suffix", "expected"),
    [
        ("L", "png", IDS),
        ("P", "png", IDS),
        ("P", "gif", IDS),
        ("RGB", "png", IDS),
        ("I;16", "png", IDS * 1000),
        ("I;16", "tif", IDS * 1000),
        ("1", "png", IDS > 1),
        ("L", "bmp", IDS),
    ],
)
def test_ids_are_read_from_every_kind_of_file(tmp_path: Path, mode: str, suffix: str, expected: np.ndarray) -> None:
    ids = read_ids(saved(tmp_path / f"map.{suffix}", mode))
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, expected)


def test_grey_of_few_bits_is_not_stretched(tmp_path: Path) -> None:
    import imagecodecs

    from img2imgkit.images.png_chunks import SIGNATURE, packed

    head = np.asarray((8, 6), ">u4").tobytes() + bytes((2, 0, 0, 0, 0))  # 8 x 6 pixels of 2 bits, grey
    rows = np.packbits(np.unpackbits(IDS.astype(np.uint8)[..., None], axis=2)[..., -2:].reshape(6, -1), axis=1)
    data = imagecodecs.zlib_encode(np.insert(rows, 0, 0, axis=1).tobytes())
    chunks = (packed(b"IHDR", head), packed(b"IDAT", data), packed(b"IEND", b""))
    (tmp_path / "map.png").write_bytes(SIGNATURE + b"".join(chunks))
    np.testing.assert_array_equal(read_ids(tmp_path / "map.png"), IDS)


def test_colours_are_read_as_their_ids_in_the_palette(tmp_path: Path) -> None:
    colours = np.asarray(COLOURS, np.uint8)[IDS]
    Image.fromarray(colours).save(tmp_path / "map.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "map.png", PALETTE), IDS)
    with pytest.raises(DataError, match=r"map\.png: is in colour; state a 'palette'"):
        read_ids(tmp_path / "map.png")
    colours[2, 3] = (1, 2, 3)
    Image.fromarray(colours).save(tmp_path / "map.png")
    with pytest.raises(DataError, match=r"pixel \(3, 2\) has the colour \[1, 2, 3\], which is not in the palette"):
        read_ids(tmp_path / "map.png", PALETTE)


def test_ids_are_those_that_the_palette_states(tmp_path: Path) -> None:
    shifted = Palette({"sky": 9, "road": 5}, {9: COLOURS[1], 5: COLOURS[0], 6: COLOURS[0]}, frozenset({6}))
    Image.fromarray(np.asarray(COLOURS, np.uint8)[IDS % 2]).save(tmp_path / "map.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "map.png", shifted), np.asarray([5, 9])[IDS % 2])


@pytest.mark.parametrize(("mode", "palette"), [("L", None), ("P", None), ("RGB", PALETTE)])
def test_a_map_of_too_many_pixels_is_refused(tmp_path: Path, mode: str, palette: Palette | None) -> None:
    path = saved(tmp_path / "map.png", mode)
    with pytest.raises(DataError, match=r"map\.png: states 8x6 = 48 pixels, more than the limit of 47"):
        read_ids(path, palette, max_pixels=47)


def test_a_damaged_map_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "map.png", "P")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"map\.png: is damaged"):
        read_ids(path)


def test_a_palette_map_with_a_changed_byte_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "map.png", "P")
    data = path.read_bytes()
    last = data.rfind(b"IEND") - 12  # in the checksum of the rows, which Pillow does not read
    path.write_bytes(data[:last] + bytes([data[last] ^ 1]) + data[last + 1 :])
    with pytest.raises(DataError, match=r"map\.png: is damaged: the checksum of its IDAT chunk is wrong"):
        read_ids(path)


def test_resizing_takes_the_nearest_pixel_as_the_official_code_does() -> None:
    with np.load(OFFICIAL) as official:
        for channel in range(3):
            ids = official["picture"][..., channel].astype(np.int32)
            np.testing.assert_array_equal(resized_ids(ids, (40, 30)), official["nearest_40x30"][..., channel])
    np.testing.assert_array_equal(
        resized_ids(IDS.astype(np.int32) * 70000, (16, 12)), IDS.repeat(2, 0).repeat(2, 1) * 70000
    )


def test_ids_out_of_range_are_named_with_their_place() -> None:
    ids = IDS.astype(np.int32).copy()
    np.testing.assert_array_equal(checked(Path("map.png"), ids, 4, None), ids)
    ids[1, 5] = 255
    with pytest.raises(DataError, match=r"map\.png: pixel \(5, 1\) has the id 255, but ids are 0 to 3"):
        checked(Path("map.png"), ids, 4, None)
    assert checked(Path("map.png"), ids, 4, 255)[1, 5] == 4
    with pytest.raises(DataError, match="has the id 3, but ids are 0 to 2"):  # although 255 is stated as unknown
        checked(Path("map.png"), ids, 3, 255)


def test_a_format_that_changes_ids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jpg: is a JPEG, whose compression changes ids"):
        read_ids(saved(tmp_path / "a.jpg", "L"))


def test_kinds_that_are_not_lossless_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a HEIF file, which cannot be a label map; save the map as PNG"):
        read_ids(Path(__file__).parents[1] / "fixtures" / "heif" / "grey.heic")
    with pytest.raises(DataError, match="is a WEBP, whose compression changes ids"):
        read_ids(saved(tmp_path / "a.webp", "L"))
