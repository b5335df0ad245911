"""``read-labels``: ids, drawings, instance maps, and unreadable files."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.data.palettes import drawn, read_palette
from img2imgkit.errors import ConfigError, DecodeError
from img2imgkit.item import Item
from img2imgkit.step import Planning
from img2imgkit.steps.read_labels import ReadLabels
from img2imgkit.testing import check_step

IDS = np.arange(48, dtype=np.int32).reshape(6, 8) % 3
OBJECTS = IDS * 1000 + 1
PALETTE = "sky: [1, 2, 3]\nroad: [9, 9, 9]\ncar: {id: 2, colour: [0, 0, 142]}"


@pytest.fixture
def palette(tmp_path: Path) -> Path:
    (tmp_path / "palette.yaml").write_text(PALETTE)
    return tmp_path / "palette.yaml"


def save(path: Path, levels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)
    return path


def maps(folder: Path) -> tuple[Path, Path]:
    save(folder / "labels" / "a.png", IDS.astype(np.uint8))
    save(folder / "labels" / "deep" / "b.png", IDS.astype(np.uint8))
    for name in ("a.png", "deep/b.png"):
        save(folder / "instances" / name, OBJECTS.astype(np.uint16))
    return folder / "labels", folder / "instances"


def step(folder: Path, **options: object) -> ReadLabels:
    made = ReadLabels(ReadLabels.Options(folder=folder, **options))
    made.prepare(Planning(None))  # type: ignore[arg-type]
    return made


def loaded(made: ReadLabels) -> list[Item]:
    return [made.load(entry) for entry in made.find(Counter())]


def test_an_instance_map_may_have_another_suffix(tmp_path: Path) -> None:
    folder, instances = maps(tmp_path)
    (instances / "a.png").rename(instances / "a.txt")
    save(instances / "a.tif", OBJECTS.astype(np.uint16))
    first, _ = loaded(step(folder, instances=instances))
    np.testing.assert_array_equal(first.maps["instance"], OBJECTS)
    save(instances / "a.bmp", np.zeros((6, 8), np.uint8))
    made = step(folder, instances=instances)
    with pytest.raises(DecodeError, match=r"a.png: no such file"):
        made.load(next(made.find(Counter())))


def test_ids_are_accompanied_by_a_drawing(tmp_path: Path, palette: Path) -> None:
    folder, _ = maps(tmp_path)
    for options, colours in (({}, None), ({"palette": palette}, read_palette(palette))):
        first, second = loaded(step(folder, **options))
        assert (first.entry.relative.as_posix(), second.entry.relative.as_posix()) == ("a.png", "deep/b.png")
        assert set(first.maps) == {"label"}
        assert first.maps["label"].dtype == np.int32
        np.testing.assert_array_equal(first.maps["label"], IDS)
        np.testing.assert_array_equal(first.picture.color, drawn(IDS, colours))
        assert first.original is first.picture


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_colours_are_looked_up_in_the_palette(tmp_path: Path, palette: Path, suffix: str) -> None:
    save(tmp_path / "labels" / f"a.{suffix}", drawn(IDS, read_palette(palette)))
    (item,) = loaded(step(tmp_path / "labels", palette=palette))
    np.testing.assert_array_equal(item.maps["label"], IDS)


def test_a_picture_with_its_own_palette_is_read_by_its_colours(tmp_path: Path, palette: Path) -> None:
    labels, own = tmp_path / "labels", read_palette(palette).colours
    indexed = Image.fromarray((2 - IDS).astype(np.uint8))
    indexed.putpalette([level for number in (2, 1, 0) for level in own[number]])
    labels.mkdir()
    indexed.save(labels / "colours.png")
    indexed.putpalette([level for number in (2, 1) for level in own[number]] + [7, 7, 7])
    indexed.save(labels / "indices.png")
    colours, indices = loaded(step(labels, palette=palette))
    np.testing.assert_array_equal(colours.maps["label"], IDS)
    np.testing.assert_array_equal(indices.maps["label"], 2 - IDS)
    palette.write_text(f"{PALETTE}\ntruck: {{colour_of: car}}")
    indexed = Image.fromarray((IDS + (IDS == 2)).astype(np.uint8))
    indexed.putpalette([level for number in (0, 1, 2, 2) for level in own[number]])
    indexed.save(tmp_path / "truck.png")
    (trucks,) = loaded(step(tmp_path / "truck.png", palette=palette))
    np.testing.assert_array_equal(trucks.maps["label"], IDS + (IDS == 2))
    (without, _) = loaded(step(labels))
    np.testing.assert_array_equal(without.maps["label"], 2 - IDS)


def test_instance_maps_have_the_names_of_label_maps(tmp_path: Path) -> None:
    folder, instances = maps(tmp_path)
    made = step(folder, instances=instances)
    for item in loaded(made):
        np.testing.assert_array_equal(item.maps["instance"], OBJECTS)
    save(instances / "a.png", OBJECTS[:3].astype(np.uint16))
    (instances / "deep" / "b.png").unlink()
    first, second = made.find(Counter())
    with pytest.raises(DecodeError, match=r"instances/a\.png is 8x3 pixels, but its label map is 8x6"):
        made.load(first)
    with pytest.raises(DecodeError, match=r"instances/deep/b\.png: no such file"):
        made.load(second)


def test_a_changed_instance_map_is_a_changed_entry(tmp_path: Path) -> None:
    folder, instances = maps(tmp_path)
    made = step(folder, instances=instances)
    for path in (folder / "a.png", instances / "a.png"):
        os.utime(path, ns=(10**9, 10**9))
    assert next(made.find(Counter())).version == "1000000000+1000000000"
    os.utime(instances / "a.png", ns=(7, 7))  # older than the label map
    first, second = made.find(Counter())
    assert first.version == "1000000000+7"
    assert second == list(step(folder, instances=instances).find(Counter()))[1]


def test_by_content_the_version_is_the_digest_of_both_maps(tmp_path: Path) -> None:
    folder, instances = maps(tmp_path)
    made = step(folder, instances=instances, changed="content")
    before = [entry.version for entry in made.find(Counter())]
    for path in (folder / "a.png", instances / "a.png"):
        os.utime(path, ns=(7, 7))
    assert [entry.version for entry in made.find(Counter())] == before
    status, data = (instances / "a.png").stat(), bytearray((instances / "a.png").read_bytes())
    data[-1] ^= 1
    (instances / "a.png").write_bytes(data)
    os.utime(instances / "a.png", ns=(status.st_mtime_ns, status.st_mtime_ns))
    after = [entry.version for entry in made.find(Counter())]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_label_maps_and_instance_maps_can_be_moved_together(tmp_path: Path) -> None:
    folder, instances = maps(tmp_path)
    before = step(folder, instances=instances).recipe()
    (tmp_path / "moved").mkdir()
    for path in (folder, instances):
        path.rename(tmp_path / "moved" / path.name)
    moved = tmp_path / "moved"
    assert step(moved / folder.name, instances=moved / instances.name).recipe() == before
    assert step(moved / folder.name, instances=moved).recipe() != before


def test_unreadable_files_fail_with_their_paths(tmp_path: Path, palette: Path) -> None:
    colours = drawn(IDS, read_palette(palette))
    colours[2, 3] = (7, 7, 0)
    path = save(tmp_path / "labels" / "a.png", colours)
    with pytest.raises(
        DecodeError, match=r"a\.png: pixel \(3, 2\) has the colour \[7, 7, 0\], which is not in the palette"
    ):
        loaded(step(path, palette=palette))
    with pytest.raises(DecodeError, match=r"a\.png: is in colour; state a 'palette'"):
        loaded(step(path))
    with pytest.raises(DecodeError, match="more than the limit of 47"):
        loaded(step(path, palette=palette, max_pixels=47))
    path.write_bytes(b"no picture")
    with pytest.raises(DecodeError, match=r"a\.png: is not a picture"):
        loaded(step(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere")
    made = step(tmp_path)
    for entry, reason in zip(made.find(Counter()), ("is not a regular file", "no such file"), strict=True):
        with pytest.raises(DecodeError, match=reason):
            made.load(entry)


def test_invalid_options_are_refused_while_planning(tmp_path: Path, palette: Path) -> None:
    folder, _ = maps(tmp_path)
    with pytest.raises(ConfigError, match=r"instances: .*nowhere: no such folder"):
        step(folder, instances=tmp_path / "nowhere")
    palette.write_text("road: red")
    with pytest.raises(ConfigError, match=r"palette: .*palette\.yaml: road: expected \[red, green, blue\]"):
        step(folder, palette=palette)


def test_the_fingerprint_contains_the_palette(tmp_path: Path, palette: Path) -> None:
    folder, _ = maps(tmp_path)
    before = step(folder, palette=palette).fingerprint()
    assert before == {"palette": {"sky": [0, 1, 2, 3], "road": [1, 9, 9, 9], "car": [2, 0, 0, 142]}}
    palette.write_text(PALETTE.replace("142", "143"))
    assert step(folder, palette=palette).fingerprint() != before
    assert step(folder).fingerprint() == {}


def test_the_contract_is_satisfied(tmp_path: Path, palette: Path) -> None:
    folder, instances = maps(tmp_path)
    save(folder / "c.png", drawn(IDS))  # in colours that the palette lacks
    check_step(ReadLabels, ReadLabels.Options(folder=folder, instances=instances, palette=palette))
