"""Palettes: their files, and label maps drawn with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from img2imgkit.data.label_maps import read_ids
from img2imgkit.data.palettes import Palette, drawn, read_palette
from img2imgkit.errors import DataError

CITYSCAPES = Path(__file__).parents[2] / "pipelines" / "palettes" / "cityscapes.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "palette.yaml"
    path.write_text(text)
    return path


def test_classes_count_from_0_in_the_order_of_the_file(tmp_path: Path) -> None:
    palette = read_palette(written(tmp_path, "sky: [0, 0, 0]\nroad: [128, 64, 128]"))
    assert palette == Palette({"sky": 0, "road": 1}, {0: (0, 0, 0), 1: (128, 64, 128)})
    assert palette.names == ["sky", "road"]


def test_ids_may_be_stated_and_colours_shared(tmp_path: Path) -> None:
    text = "sky: {id: 3, colour: [1, 2, 3]}\nroad: [4, 5, 6]\ncloud: {id: 1, colour_of: sky}\nfog: {colour_of: cloud}"
    palette = read_palette(written(tmp_path, text + "\nsea: {id: 7, colour: [7, 8, 9]}"))
    assert palette.ids == {"sky": 3, "road": 4, "cloud": 1, "fog": 2, "sea": 7}
    assert palette.colours[1] == palette.colours[2] == palette.colours[3] == (1, 2, 3)
    assert palette.readable == {3: (1, 2, 3), 4: (4, 5, 6), 7: (7, 8, 9)}
    assert palette.names == ["0", "cloud", "fog", "sky", "road", "5", "6", "sea"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected the names and colours"),
        ("road: [1, 2]", "road: expected"),
        ("road: [1, 2, 256]", "road: expected"),
        ("road: [1, 2, true]", "road: expected"),
        ("road: [1, 2, 3]\ncar: [1, 2, 3]", "car: the colour .* is already used by another class"),
        ("road: [", "invalid YAML"),
        ("road: {id: 70000, colour: [1, 2, 3]}", "road: id: expected 0 to 65535, got 70000"),
        ("road: {id: true, colour: [1, 2, 3]}", "road: id: expected"),
        (
            "a: {id: 1, colour: [1, 2, 3]}\nb: {id: 1, colour: [1, 2, 4]}",
            "b: the id 1 is already used by another class",
        ),
        ("a: {id: 1, color: [1, 2, 3]}", "a: unknown key 'color'"),
        ("a: {id: 1}", "a: expected either colour: .*, or colour_of"),
        ("a: {colour_of: b}", "a: colour_of: 'b' is not an earlier class"),
    ],
)
def test_a_wrong_palette_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"palette\.yaml.*{reason}"):
        read_palette(written(tmp_path, text))


def test_a_drawn_map_is_read_back_unchanged(tmp_path: Path) -> None:
    from PIL import Image

    palette = read_palette(CITYSCAPES)
    ids = np.asarray(sorted(palette.readable), np.int32).reshape(1, -1)
    Image.fromarray(drawn(ids, palette)).save(tmp_path / "map.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "map.png", palette), ids)


def test_without_a_palette_each_id_has_a_unique_colour() -> None:
    colours = drawn(np.arange(65536, dtype=np.int32).reshape(256, 256))
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == 65536
    # the first classes of PASCAL VOC: background, aeroplane, bicycle, bird, boat
    assert colours[0, :5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]


def test_the_palette_that_ships_names_all_34_ids_of_cityscapes() -> None:
    palette = read_palette(CITYSCAPES)
    assert sorted(palette.ids.values()) == list(range(34))
    assert (palette.ids["road"], palette.colours[7]) == (7, (128, 64, 128))
    assert (palette.ids["bicycle"], palette.colours[33]) == (33, (119, 11, 32))
    assert palette.alike == {1, 2, 3, 4, 18}
