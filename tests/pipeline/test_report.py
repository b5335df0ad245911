"""Thumbnails: before and after, for the first items only, and never a reason to fail."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from pictures import save_pictures
from PIL import Image
from pipelines_for_tests import pipeline_file, plan_of, run_plan

from img2imgkit.images import Picture
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline import make_report, write_report
from img2imgkit.pipeline.output_folder import OutputFolder
from img2imgkit.pipeline.report import MAX_ITEMS, MAX_SIDE, Thumbnails
from img2imgkit.steps.read import Read


def item(picture: Picture, index: int = 0) -> Item:
    return Item.still(Entry("/in/a.png", PurePosixPath("a.png"), index, 1, "1"), picture, picture)


@pytest.mark.parametrize(
    ("space", "channels", "dtype"), [("grey", 1, np.uint8), ("rgb", 3, np.uint16), ("cmyk", 4, np.uint8)]
)
def test_both_thumbnails_are_small_pictures(tmp_path: Path, space: str, channels: int, dtype: type) -> None:
    color = np.full((2000, 900, channels), np.iinfo(dtype).max // 2, dtype)
    made = item(Picture(color, space=space))  # type: ignore[arg-type]
    thumbnails = Thumbnails(tmp_path)
    with OutputFolder(tmp_path):
        thumbnails.make(made)
    for path in thumbnails.paths(made.entry):
        with Image.open(path) as small:
            assert small.mode == "RGB"
            assert MAX_SIDE / 2 < max(small.size) <= MAX_SIDE


@pytest.mark.parametrize("side", [200, 500, 1100, 3000])
def test_a_thumbnail_shows_the_whole_picture(tmp_path: Path, side: int) -> None:
    ramp = np.linspace(0, 255, side).astype(np.uint8)[:, None, None] * np.ones((1, side, 3), np.uint8)
    made = item(Picture(ramp))
    with OutputFolder(tmp_path):
        Thumbnails(tmp_path).make(made)
    with Image.open(Thumbnails(tmp_path).paths(made.entry)[0]) as small:
        rows = np.asarray(small.convert("L")).astype(int).mean(axis=1)
    assert np.abs(rows - np.linspace(0, 255, len(rows))).max() < 4


def test_only_the_first_items_have_them(tmp_path: Path) -> None:
    picture = Picture(np.zeros((4, 4, 3), np.uint8))
    with OutputFolder(tmp_path):
        Thumbnails(tmp_path).make(item(picture, MAX_ITEMS))
    assert not (tmp_path / ".img2img" / "thumbnails").exists()


def test_an_unwritable_folder_is_not_an_error(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as held:
        (held.state / "thumbnails").write_text("in the way")
        Thumbnails(tmp_path).make(item(Picture(np.zeros((4, 4, 3), np.uint8))))
        assert (held.state / "thumbnails").read_text() == "in the way"


def reported(tmp_path: Path, *between: dict[str, object], **options: object) -> tuple[dict, str]:
    plan = plan_of(pipeline_file(tmp_path, *between, **options))
    page = write_report(make_report(plan, run_plan(plan), 0.0), plan)
    return json.loads(page.with_name("report.json").read_text()), page.read_text()


def test_the_fields_of_the_schema_are_kept(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    report, _ = reported(tmp_path)
    assert report["schema"] == 1
    assert report.keys() >= {
        *("schema", "pipeline", "file", "began", "seconds", "interrupted", "devices", "versions", "plugins", "steps"),
        *("recipe", "totals", "items"),
    }
    (item,) = report["items"]
    assert item.keys() >= {
        *("input", "relative", "index", "status", "reason", "seconds", "before", "outputs", "notes"),
    }
    assert item["outputs"][0].keys() >= {"path", "bytes", "sha256", "width", "height", "depth", "space", "alpha", "icc"}
    assert [step["uses"] for step in report["steps"]] == ["read", "write"]
    assert report["steps"][1]["with"]["if_exists"] == "resume"  # defaults are resolved


def test_it_is_in_the_folder_that_contains_the_others(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    reported(tmp_path, {"write": {"folder": "all"}}, write={"folder": "all/deep"})
    assert (tmp_path / "all" / "report.html").is_file()
    assert not (tmp_path / "all" / "deep" / "report.html").exists()


def test_every_link_of_the_page_exists(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a b.png", "100%.png", "#1?.png")
    _, page = reported(tmp_path)

    class Links(HTMLParser):
        found: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [value for name, value in attrs if name in ("src", "href") and value]

    Links().feed(page)
    from urllib.parse import unquote

    assert len(Links.found) == 9  # before, after and the output of each
    assert all((tmp_path / "out" / unquote(link)).is_file() for link in Links.found)


def test_failures_are_listed_first(tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "1.png", "2bad.png", "3.png")
    _, page = reported(tmp_path, {"fail": {}})
    rows = re.findall(r"<tr class='([^']*)'>.*?<b>([^<]*)</b>", page, re.DOTALL)
    assert [name for _, name in rows] == ["2bad.png", "1.png", "3.png"]
    assert rows[0][0] == "failed"
    assert "no tile fits" in page


def test_licences_of_models_are_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Read, "licences", lambda self: {"night": "MIT, credits: <A>"})
    save_pictures(tmp_path / "in", "a.png")
    report, page = reported(tmp_path)
    assert report["licences"] == {"night": "MIT, credits: <A>"}
    assert "licence of night: MIT, credits: &lt;A&gt;" in page
