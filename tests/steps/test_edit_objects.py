"""``edit-objects``: each edit, the pictures it applies to, and invalid edits."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image
from pipelines_for_tests import run_file

from img2imgkit.config import parse_yaml, validate, with_absolute_paths
from img2imgkit.data.palettes import drawn, read_palette
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item
from img2imgkit.step import Planning, Resources
from img2imgkit.steps.edit_objects import EditObjects
from img2imgkit.testing import check_step

SKY, ROAD, CAR, TRUCK = range(4)
LABEL = np.asarray([[SKY] * 6, [SKY, CAR, CAR, SKY, CAR, SKY], [ROAD] * 6, [ROAD] * 6], np.int32)
OBJECTS = np.asarray([[SKY] * 6, [SKY, 2000, 2000, SKY, 2001, SKY], [ROAD] * 6, [ROAD] * 6], np.int32)
PALETTE = "sky: [1, 2, 3]\nroad: [4, 5, 6]\ncar: [7, 8, 9]\ntruck: [10, 11, 12]"


@pytest.fixture
def palette(tmp_path: Path) -> Path:
    (tmp_path / "palette.yaml").write_text(PALETTE)
    return tmp_path / "palette.yaml"


def item(name: str = "a.png", instances: bool = True) -> Item:
    picture = Picture(drawn(LABEL))
    maps = {"label": LABEL, **({"instance": OBJECTS} if instances else {})}
    return Item.still(Entry(name, PurePosixPath(name), 0, 1, "1"), picture, picture, maps=maps)


def step(text: str, facts: dict[str, str | int] | None = None, folder: Path | None = None) -> EditObjects:
    document = parse_yaml(text, str(folder / "pipeline.yaml") if folder else "")
    made = EditObjects(validate(EditObjects.Options, document, (), with_absolute_paths(EditObjects.Options, document)))
    made.prepare(Planning(None, facts or {}))  # type: ignore[arg-type]
    made.open(Resources())
    return made


def edited(edit: str, **options: str) -> Item:
    more = "".join(f"\n{name}: {value}" for name, value in options.items())
    return step(f"edits: [{{{edit}}}]{more}").apply(item())


def changes(made: Item, name: str = "label") -> dict[tuple[int, int], int]:
    """Return position (x, y) and id of the pixels that have changed."""
    ids, before = made.maps[name], {"label": LABEL, "instance": OBJECTS}[name]
    return {(int(x), int(y)): int(ids[y, x]) for y, x in np.argwhere(ids != before)}


def test_an_object_is_removed() -> None:
    made = edited("action: remove, instance: 2001, fill: 1")
    assert changes(made) == changes(made, "instance") == {(4, 1): ROAD}
    assert changes(edited("action: remove, instance: 2001")) == {(4, 1): SKY}
    assert changes(edited("action: remove, label: 2")) == {(1, 1): SKY, (2, 1): SKY, (4, 1): SKY}


def test_an_object_is_relabelled() -> None:
    made = edited("action: relabel, instance: 2000, to: 3")
    assert changes(made) == {(1, 1): TRUCK, (2, 1): TRUCK}
    assert changes(made, "instance") == {(1, 1): 3000, (2, 1): 3000}
    assert changes(edited("action: relabel, label: 2, to: 3"), "instance") == {(1, 1): 3000, (2, 1): 3000, (4, 1): 3001}


@pytest.mark.parametrize(
    ("shape", "places"),
    [
        ("box: [4, 2, 9, 1]", {(4, 2), (5, 2)}),
        ("box: [-3, 3, 4, 5]", {(0, 3)}),
        ("polygon: [[3, 2], [5, 2], [5, 3], [3, 3]]", {(3, 2), (4, 2), (5, 2), (3, 3), (4, 3), (5, 3)}),
    ],
)
def test_an_object_is_added(shape: str, places: set[tuple[int, int]]) -> None:
    made = edited(f"action: add, label: 2, {shape}")
    assert changes(made) == dict.fromkeys(places, CAR)
    assert changes(made, "instance") == dict.fromkeys(places, 2002)
    assert changes(edited(f"action: add, label: 2, instance: 77, {shape}"), "instance") == dict.fromkeys(places, 77)


def test_an_object_is_added_by_a_mask(tmp_path: Path) -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[3, 1:3] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = step("edits: [{action: add, label: 2, mask: mask.png}]", folder=tmp_path)
    assert changes(made.apply(item())) == {(1, 3): CAR, (2, 3): CAR}
    white = np.full_like(mask, 255)
    Image.fromarray(np.stack([white, white, white, mask], axis=-1)).save(tmp_path / "clear.png")
    clear = step("edits: [{action: add, label: 2, mask: clear.png}]", folder=tmp_path)
    assert clear.recipe() == made.recipe(), "the content of a mask counts, not its place"
    assert clear.fingerprint() != made.fingerprint()
    assert changes(clear.apply(item())) == {(1, 3): CAR, (2, 3): CAR}
    before = made.fingerprint()
    Image.fromarray(mask[:3]).save(tmp_path / "mask.png")
    other = step("edits: [{action: add, label: 2, mask: mask.png}]", folder=tmp_path)
    assert other.fingerprint() != before
    with pytest.raises(TranslateError, match=r"mask\.png is 6x3 pixels, but the label map is 6x4"):
        other.apply(item())


def test_an_object_is_moved() -> None:
    made = edited("action: move, instance: 2000, by: [0, 2]")
    assert changes(made) == {(1, 1): SKY, (2, 1): SKY, (1, 3): CAR, (2, 3): CAR}
    assert changes(made, "instance") == {(1, 1): SKY, (2, 1): SKY, (1, 3): 2000, (2, 3): 2000}


def test_edits_are_applied_in_order() -> None:
    made = step("edits: [{action: add, label: 3, box: [0, 0, 1, 1]}, {action: relabel, label: 3, to: 1}]").apply(item())
    assert changes(made) == {(0, 0): ROAD}
    assert made.notes["edited"] == {"edits": 2}


def test_classes_can_be_named_with_a_palette(palette: Path) -> None:
    text = "edits: [{action: relabel, label: car, to: truck}, {action: remove, label: road, fill: sky}]"
    for made in (step(f"{text}\npalette: {palette}"), step(text, {"palette": str(palette)})):
        result = made.apply(item())
        assert set(np.unique(result.maps["label"])) == {SKY, TRUCK}
        np.testing.assert_array_equal(result.picture.color, drawn(result.maps["label"], read_palette(palette)))


def test_only_matching_pictures_are_edited() -> None:
    made = step("edits: [{action: remove, label: 2, only: ['night/*']}]")
    assert changes(made.apply(item("night/a.png"))) != {}
    untouched = item("day/a.png")
    assert made.apply(untouched) is untouched


def test_missing_objects_are_noted_or_fail() -> None:
    made = edited("action: move, instance: 9, by: [1, 1]")
    assert changes(made) == {}
    assert made.notes["edited"] == {"edits": 0, "missing": "no instance 9"}
    with pytest.raises(TranslateError, match="edit-objects: no pixel of class 3"):
        edited("action: remove, label: 3", missing="error")
    with pytest.raises(TranslateError, match="the added shape lies outside"):
        edited("action: add, label: 3, box: [60, 0, 2, 2]", missing="error")


def test_pictures_without_maps_are_refused() -> None:
    made = step("edits: [{action: remove, instance: 2000}]")
    with pytest.raises(TranslateError, match="there is no instance map; set 'instances' of read-labels"):
        made.apply(item(instances=False))
    with pytest.raises(TranslateError, match="there is no label map; read it with read-labels"):
        made.apply(item().with_maps({}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("edits: []", "edits: .*at least 1"),
        ("edits: [{action: delete, label: 2}]", "expected one of .*'remove'"),
        ("edits: [{action: remove}]", "either instance or label"),
        ("edits: [{action: remove, label: 2, instance: 3}]", "either instance or label"),
        ("edits: [{action: add, label: 2}]", "one of box, polygon and mask"),
        ("edits: [{action: add, label: 2, box: [0, 0, 0, 1]}]", "width and height must be at least 1"),
        ("edits: [{action: add, label: 2, polygon: [[0, 0], [1, 1]]}]", "at least 3"),
        ("edits: [{action: add, label: 2, mask: /nowhere.png}]", r"edits\.0\.mask: /nowhere\.png: no such"),
        ("edits: [{action: remove, label: car}]", r"edits\.0\.label: class 'car' is unknown: there is no"),
        ("palette: PALETTE\nedits: [{action: remove, label: cat}]", "no class 'cat'; did you mean 'car'"),
        ("edits: [{action: remove, label: 2, only: ['!']}]", r"edits\.0\.only: Invalid git pattern"),
    ],
)
def test_invalid_edits_are_refused_while_planning(palette: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        step(text.replace("PALETTE", str(palette)))


def test_the_contract_is_satisfied(palette: Path) -> None:
    document = parse_yaml(
        "edits: [{action: remove, instance: 2001}, {action: move, instance: 2000, by: [1, 1], fill: road}, "
        f"{{action: add, label: truck, box: [0, 0, 2, 1]}}, {{action: relabel, label: 1, to: 0}}]\npalette: {palette}"
    )
    check_step(EditObjects, validate(EditObjects.Options, document), [item(), item("b.png", instances=False)])


def test_a_pipeline_edits_the_maps_it_reads(tmp_path: Path, palette: Path) -> None:
    for name, ids in (("labels", LABEL.astype(np.uint8)), ("objects", OBJECTS.astype(np.uint16))):
        (tmp_path / name).mkdir()
        Image.fromarray(ids).save(tmp_path / name / "a.png")
    read = {"folder": "labels", "instances": "objects", "palette": "palette.yaml"}
    uses = [
        {"uses": "read-labels", "with": read},
        {"uses": "edit-objects", "with": {"edits": [{"action": "remove", "instance": 2001, "fill": "road"}]}},
        {"uses": "resize", "with": {"scale": 2}},
        {"uses": "write", "with": {"folder": "out"}},
    ]
    (tmp_path / "pipeline.yaml").write_text(json.dumps({"name": "edit", "steps": uses}))
    (outcome,) = run_file(tmp_path / "pipeline.yaml").outcomes
    assert (outcome.status, outcome.notes["edited"]) == ("done", {"edits": 1})
    expected = np.where(OBJECTS == 2001, ROAD, LABEL).repeat(2, 0).repeat(2, 1)
    made = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    np.testing.assert_array_equal(made, drawn(expected, read_palette(palette)))


def test_a_problem_of_an_edit_has_line_and_column(tmp_path: Path, palette: Path) -> None:
    (tmp_path / "labels").mkdir()
    edits = "[\n{action: remove, label: sky},\n{action: remove, label: rod}]"
    read = "{uses: read-labels, with: {folder: labels, palette: palette.yaml}}"
    steps = f"[{read}, {{uses: edit-objects, with: {{edits: {edits}}}}}, {{uses: write, with: {{folder: out}}}}]"
    (tmp_path / "pipeline.yaml").write_text(f"name: edit\nsteps: {steps}")
    with pytest.raises(ConfigError, match=r"pipeline\.yaml:4:18: steps\.1\.with\.edits\.1\.label: .*'road'"):
        run_file(tmp_path / "pipeline.yaml")
