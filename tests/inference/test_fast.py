"""The precision "fast": measured in the levels that are written, once, and used within the bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from tiny_tasks import Nearest, Tinted, loaded

from img2imgkit.bundle import Bundle
from img2imgkit.engine import Arrays, Engine, EngineDevice, Session
from img2imgkit.images import Picture
from img2imgkit.inference import (
    FAST,
    ModelFacts,
    Selected,
    Subject,
    TranslateOptions,
    Translator,
    Wanted,
    decided,
    facts_of,
    resolved,
)
from img2imgkit.inference.fast import LEAST_PSNR, MOST_LEVELS
from img2imgkit.places import Places

CANDIDATE = Selected("fake", "1", "cpu", "bfloat16")
NETWORKS = ModelFacts(frozenset({"networks"}))
Change = Callable[[np.ndarray], None]


def everywhere(levels: float) -> Change:
    def change(image: np.ndarray) -> None:
        image += levels / 127.5

    return change


def one_pixel(levels: float) -> Change:
    def change(image: np.ndarray) -> None:
        image[:, 3, 5, 0] += levels / 127.5

    return change


class Grey(Session):
    """Returns grey, level 128, of twice the size, changed."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def __call__(self, inputs: Arrays) -> Arrays:
        count, height, width, channels = inputs["source"].shape
        image = np.full((count, 2 * height, 2 * width, channels), 128 / 127.5 - 1, np.float32)
        self._change(image)
        return {"output": image}


def engine(change: Change, precisions: Sequence[Any] = ("float32", "bfloat16"), product: str = "a CPU") -> Any:
    class Fake(Engine):
        name = "fake"
        form: ClassVar[Any] = "networks"
        distribution = "numpy"

        def devices(self) -> Sequence[EngineDevice]:
            return [EngineDevice("cpu", 0, "CPU", tuple(precisions), product)]

        def open(self, model: Any, device: EngineDevice, precision: Any = "float32", batch: int = 1) -> Session:
            return Grey(change if precision == "bfloat16" else everywhere(0))

    return Fake


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return loaded(Nearest)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path / "data", tmp_path / "cache")


def subject(change: Change | None = None, **more: Any) -> Subject:
    stated = {
        "digests": ("a", ""),
        "choices": {},
        "task": None,
        "device": "cpu",
        "engines": {"fake": engine(change or everywhere(1))},
    }
    return Subject(**{**stated, **more})


def entries(places: Places) -> list[Path]:
    return sorted(places.cache.rglob("*.json"))


def refuse() -> Bundle:
    raise AssertionError("the model must not be loaded")


@pytest.mark.parametrize(
    ("change", "levels", "psnr", "precision"),
    [
        (everywhere(0), 0, 100.0, "bfloat16"),
        (everywhere(1), 1, 20 * np.log10(255), "bfloat16"),
        (everywhere(-2), 2, 20 * np.log10(255 / 2), "float32"),
        (one_pixel(8), 8, 10 * np.log10(255**2 * 3 * 256**2 / 8**2), "bfloat16"),
        (one_pixel(9), 9, 10 * np.log10(255**2 * 3 * 256**2 / 9**2), "float32"),
    ],
)
def test_it_is_used_within_the_bounds(
    bundle: Bundle, places: Places, change: Change, levels: int, psnr: float, precision: str
) -> None:
    assert (LEAST_PSNR, MOST_LEVELS) == (45, 8)
    made = decided(CANDIDATE, subject(change), places, {}, lambda: bundle)
    assert made.selected == Selected("fake", "1", "cpu", precision)  # type: ignore[arg-type]
    found = made.decision.difference
    assert found is not None
    assert (found.levels, found.psnr) == (levels, pytest.approx(min(psnr, 100), abs=0.01))
    assert str(made.decision).startswith(f"fast: bfloat16 differs from float32 by up to {levels} level")
    assert ("beyond 8 levels or 45 dB" in str(made.decision)) == (precision == "float32")


def test_it_is_measured_once_for_what_it_depends_on(bundle: Bundle, places: Places) -> None:
    first = decided(CANDIDATE, subject(), places, {}, lambda: bundle)
    assert decided(CANDIDATE, subject(), places, {}, refuse) == first
    others = [
        (CANDIDATE, {"digests": ("b", "")}),
        (CANDIDATE, {"digests": ("a", "form")}),
        (Selected("fake", "2", "cpu", "bfloat16"), {}),
        (CANDIDATE, {"engines": {"fake": engine(everywhere(1), product="another CPU")}}),
    ]
    for number, (candidate, more) in enumerate(others):
        decided(candidate, subject(**more), places, {}, lambda: bundle)
        assert len(entries(places)) == number + 2


def test_choices_are_distinguished(places: Places) -> None:
    found = {subject(choices={"direction": way}).entry(CANDIDATE, places) for way in ("there", "back")}
    assert len(found) == 2


@pytest.mark.parametrize("torn", ["", '{"levels":1,', '{"levels":1}', "[]", '{"levels":-1,"psnr":50.0}'])
def test_an_incomplete_entry_is_made_anew(bundle: Bundle, places: Places, torn: str) -> None:
    made = decided(CANDIDATE, subject(), places, {}, lambda: bundle)
    (entry,) = entries(places)
    whole = entry.read_text()
    entry.write_text(torn)
    assert decided(CANDIDATE, subject(), places, {}, lambda: bundle) == made
    assert entry.read_text() == whole


def test_a_cache_that_cannot_be_written_is_no_error(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    unwritable = Places(tmp_path, tmp_path, tmp_path / "file" / "cache")
    assert decided(CANDIDATE, subject(), unwritable, {}, lambda: bundle).selected == CANDIDATE


def test_a_dry_run_loads_nothing_and_tells_what_is_known(bundle: Bundle, places: Places) -> None:
    open_ = decided(CANDIDATE, subject(everywhere(2)), places, {}, None)
    assert not open_.decision.is_final
    assert "not decided yet" in str(open_.decision)
    assert not places.cache.exists()
    made = decided(CANDIDATE, subject(everywhere(2)), places, {}, lambda: bundle)
    assert decided(CANDIDATE, subject(everywhere(2)), places, {}, None) == made
    assert made.selected.precision == "float32"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_fall_back(bundle: Bundle, places: Places, value: float) -> None:
    made = decided(CANDIDATE, subject(one_pixel(value)), places, {}, lambda: bundle)
    assert made.selected.precision == "float32"
    assert "cannot be measured: bfloat16 returns NaN or infinite values" in str(made.decision)
    assert not entries(places)


def test_models_that_read_more_than_a_picture_are_not_measured(places: Places) -> None:
    made = decided(CANDIDATE, subject(task=loaded(Tinted).task), places, {}, refuse)
    assert made.selected.precision == "float32"
    assert "reads more than a picture" in str(made.decision)


def test_without_a_faster_format_it_is_float32(places: Places) -> None:
    exact = Selected("fake", "1", "cpu", "float32")
    made = decided(exact, subject(), places, {}, refuse)
    assert made.selected == exact
    assert str(made.decision) == "fast: fake has no faster format for this model that the device computes natively"


def record(selected: Selected, decision: Any) -> Mapping[str, Any]:
    return {**selected.record(), FAST: decision}


def test_outputs_that_exist_keep_their_precision(bundle: Bundle, places: Places) -> None:
    made = decided(CANDIDATE, subject(everywhere(2)), places, {}, lambda: bundle)
    kept = record(made.selected, made.decision.model_dump(mode="json", exclude_defaults=True))
    facts = {"fake": replace(facts_of({"fake": engine(everywhere(1))})["fake"], version="1")}
    again = resolved(Wanted("auto", "cpu", FAST), NETWORKS, facts, kept)
    assert again == made.selected
    assert decided(again, subject(), places, kept, refuse) == made


@pytest.mark.parametrize("edited", [None, 3, {}, {"candidate": "bfloat16", "difference": {"levels": 99, "psnr": 9.0}}])
def test_an_edited_record_is_told_without_figures(places: Places, edited: Any) -> None:
    made = decided(CANDIDATE, subject(), places, record(CANDIDATE, edited), refuse)
    assert made.selected == CANDIDATE
    assert str(made.decision) == "fast: the outputs that exist use it"


@pytest.mark.parametrize(("levels", "notes"), [(1, {"precision": "bfloat16"}), (2, {})])
def test_a_translator_without_a_plan_measures_itself(bundle: Bundle, levels: int, notes: dict[str, str]) -> None:
    options = TranslateOptions(precision="fast", engine="fake")
    translator = Translator(bundle, options, "cpu", engines={"fake": engine(everywhere(levels))})
    made = translator.translate(Picture(np.zeros((4, 6, 3), np.uint8)))
    assert (made.picture.color == (129 if notes else 128)).all()
    assert made.notes == {"tile": "whole", "tiles": 1, **notes}
