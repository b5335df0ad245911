"""Items of several frames: transforms process each separately; steps for single pictures refuse them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import save_pictures, tree
from PIL import Image
from pipelines_for_tests import plan_of, run_file, run_plan
from steps_for_tests import Mirrored, Strip

from img2imgkit.errors import TranslateError
from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline import make_report, write_report
from img2imgkit.step import Transform
from img2imgkit.testing import check_step, sample_items


def pipeline(folder: Path, *uses: tuple[str, dict[str, Any]]) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(json.dumps({"name": "test", "steps": [{"uses": name, "with": given} for name, given in uses]}))
    return path


def strip(folder: Path, *between: tuple[str, dict[str, Any]]) -> Path:
    return pipeline(folder, ("mirrored", {"folder": "in"}), *between, ("strip", {"folder": "out"}))


def test_a_transform_processes_each_frame_separately(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path / "in", "a.png")
    assert run_file(strip(tmp_path, ("crop", {"box": [2, 1, 5, 4]}))).count("done") == 1
    before = np.asarray(Image.open(path))
    expected = np.concatenate([before[1:5, 2:7], before[:, ::-1][1:5, 2:7]])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), expected)


def test_a_transform_receives_the_original_of_its_frame(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path / "in", "a.png")
    run_file(strip(tmp_path, ("compare", {"separator": 0})))
    before = np.asarray(Image.open(path))
    frames = [np.concatenate([frame, frame], axis=1) for frame in (before, before[:, ::-1])]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), np.concatenate(frames))


def test_the_report_states_the_number_of_frames_and_differing_notes(tmp_path: Path) -> None:
    (path,) = save_pictures(tmp_path / "in", "a.png")
    plan = plan_of(strip(tmp_path, ("mean", {}), ("count", {"log": str(tmp_path / "log")})))
    write_report(make_report(plan, run_plan(plan), 0.0), plan)
    (item,) = json.loads((tmp_path / "out" / "report.json").read_text())["items"]
    assert (item["before"]["frames"], item["outputs"][0]["frames"]) == (2, 2)
    before = np.asarray(Image.open(path))
    assert item["notes"]["left"] == [int(before[:, 0].mean()), int(before[:, -1].mean())]
    assert item["notes"]["mean"] == before.mean()
    assert item["notes"]["counted"] is True


def test_a_sink_for_pictures_refuses_them_and_writes_nothing(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    (outcome,) = run_file(pipeline(tmp_path, ("mirrored", {"folder": "in"}), ("write", {"folder": "out"}))).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "has 2 frames; this step accepts single pictures only")
    assert tree(tmp_path / "out") == {}


def test_sources_and_sinks_of_frames_satisfy_the_contract(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png", "b.png")
    check_step(Mirrored, Mirrored.Options(folder=tmp_path / "in"))
    pairs = [Item(item.entry, item.frames * 2, item.originals * 2) for item in sample_items()]
    check_step(Strip, Strip.Options(folder=tmp_path / "out"), pairs)


class TestItem:
    def item(self, frames: int, originals: int, **more: Any) -> Item:
        some = tuple(Picture(np.full((2, 3, 3), number, np.uint8)) for number in range(5))
        return Item(Entry("a.png", Path("a.png"), 0, 1, "1"), some[:frames], some[:originals], **more)  # type: ignore[arg-type]

    @pytest.mark.parametrize(("frames", "originals"), [(0, 1), (1, 0)])
    def test_it_has_at_least_one_of_each(self, frames: int, originals: int) -> None:
        with pytest.raises(ValueError, match=r"a\.png: an item needs at least one frame and one original"):
            self.item(frames, originals)

    def test_several_frames_have_no_maps(self) -> None:
        with pytest.raises(ValueError, match=r"an item of 2 frames cannot have maps"):
            self.item(2, 2, maps={"label": np.zeros((2, 3), np.int32)})

    def test_the_picture_of_several_frames_is_refused(self) -> None:
        item = self.item(2, 3)
        for name, count in (("picture", 2), ("original", 3)):
            with pytest.raises(TranslateError, match=f"has {count} frames"):
                getattr(item, name)

    def test_a_step_can_process_all_frames_together(self) -> None:
        class Last(Transform):
            """The last frame."""

            name = "last"

            def apply(self, item: Item) -> Item:
                return item

            def apply_to_frames(self, item: Item) -> Item:
                return item.with_picture(item.frames[-1], count=len(item.frames))

        made = Last().apply_to_frames(self.item(3, 3))
        assert (made.picture.color.max(), made.notes, len(made.originals)) == (2, {"count": 3}, 3)

    def test_stills_share_the_originals_if_the_counts_differ(self) -> None:
        assert [len(still.originals) for still in self.item(2, 2).stills()] == [1, 1]
        assert [len(still.originals) for still in self.item(2, 3).stills()] == [3, 3]


def test_a_location_is_a_path_or_a_url() -> None:
    entry = Entry("s3://bucket/a b.png", Path("a b.png"), 0, -1, "etag")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"s3://bucket/a b\.png is a URL, not a local path"):
        _ = entry.path
    for text in ("/in/a.png", "in/a.png", "C:/in/a.png", "s3:/in/a.png"):
        assert Entry(text, Path("a.png"), 0, 1, "1").path == Path(text)  # type: ignore[arg-type]
