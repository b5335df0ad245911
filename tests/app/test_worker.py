"""The program of the process that tries models out, with models that are cheap."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import img2imgkit as kit
from img2imgkit.app import worker
from img2imgkit.app.worker import Worker, fitted, serve
from img2imgkit.errors import RequestError


class Doubling:
    """A model that repeats pixels."""

    scale = 2

    def __init__(self, name: str, opened: list[str]) -> None:
        self.name, self.opened = name, opened
        opened.append(f"+{name}")

    def __call__(self, picture: kit.Picture) -> kit.Picture:
        return picture.resized(picture.color.repeat(2, 0).repeat(2, 1), None)

    def close(self) -> None:
        self.opened.append(f"-{self.name}")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(kit, "load", lambda name, **options: Doubling(name, found), raising=False)
    return found


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    levels = np.arange(40 * 60 * 3, dtype=np.uint32).reshape(40, 60, 3).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def request(picture: Path, model: str | None = "a", box: Any = (10, 5, 16, 8)) -> dict[str, Any]:
    return {"path": str(picture), "box": list(box), "model": model, "target": str(picture.with_name("made.png"))}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_crop_goes_through_the_model(picture: Path, opened: list[str]) -> None:
    answer = Worker().answer(request(picture))
    assert (answer["width"], answer["height"], answer["scale"], answer["full"]) == (32, 16, 2, False)
    np.testing.assert_array_equal(pixels(picture.with_name("made.png"))[::2, ::2], pixels(picture)[5:13, 10:26])


def test_without_a_model_it_is_the_crop(picture: Path, opened: list[str]) -> None:
    assert Worker().answer(request(picture, model=None))["width"] == 16
    np.testing.assert_array_equal(pixels(picture.with_name("made.png")), pixels(picture)[5:13, 10:26])
    assert opened == []


def test_the_least_recently_used_model_is_released(picture: Path, opened: list[str]) -> None:
    made = Worker(models=2)
    for name in "abac":
        made.answer(request(picture, name))
    assert opened == ["+a", "+b", "-b", "+c"]
    assert made.loaded == ("a", "c")


def test_beyond_the_bound_of_memory_nothing_stays_loaded(
    picture: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "memory_used", lambda: 11)
    made = Worker(memory=10)
    assert made.answer(request(picture))["full"] is True
    assert opened == ["+a", "-a"]


@pytest.mark.parametrize(
    ("box", "message"), [([1, 2], "four"), (["a"] * 4, "four"), ([0.5] * 4, "four"), (None, "four")]
)
def test_what_is_no_crop_is_refused(box: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        fitted(box, 10, 10)


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ([-5, 3, 4, 4], (0, 3, 4, 4)),
        ([8, 8, 4, 4], (6, 6, 4, 4)),
        ([0, 0, 99, 99], (0, 0, 10, 10)),
        ([2, 2, 0, -1], (2, 2, 1, 1)),
    ],
)
def test_a_crop_lies_inside_the_picture(box: list[int], inside: tuple[int, ...]) -> None:
    assert fitted(box, 10, 10) == inside


def test_what_goes_wrong_is_answered_and_the_next_request_is_served(picture: Path, opened: list[str]) -> None:
    missing = request(picture.with_name("missing.png"))
    lines = "".join(json.dumps(each) + "\n" for each in (missing, request(picture)))
    answers = io.BytesIO()
    serve(io.BytesIO(lines.encode()), answers)
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert "missing.png" in first["error"]
    assert second["width"] == 32


def test_memory_is_measured() -> None:
    assert worker.memory_used() > 1 << 20 or not Path("/proc/self/statm").exists()
