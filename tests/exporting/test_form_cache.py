"""The cache of engine forms: made when it pays, shared by runs, bounded, and never the reason that a run fails."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_tasks import Plain, loaded, tiny_catalog

from img2imgkit import bundle
from img2imgkit.bundle import Bundle, FormFile, FormRecord, PluginVersion
from img2imgkit.errors import ExportError
from img2imgkit.exporting import (
    FormSource,
    FoundForm,
    cache_size,
    clear_cache,
    form_cache,
    pixels_that_pay,
    seconds_to_make,
)
from img2imgkit.files import sha256
from img2imgkit.locks import locked
from img2imgkit.places import Places


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder, catalog, made = tmp_path_factory.mktemp("bundles") / "tiny", tiny_catalog(), loaded(Plain)
    bundle.save(folder, made.task, made.nets, "tiny", catalog)
    return bundle.load(folder, catalog)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path / "data", tmp_path / "cache")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that forms are written to; conversion itself is replaced."""
    folders: list[Path] = []

    def write(_: Bundle, folder: Path) -> FormRecord:
        folders.append(folder)
        folder.mkdir(parents=True)
        path = folder / "translate.onnx"
        path.write_bytes(bytes(1000))
        file = FormFile(program="translate", sha256=sha256(path), bytes=1000)
        return FormRecord(version=bundle.FORM_VERSION, files=(file,))

    monkeypatch.setattr(form_cache, "write_engine_form", write)
    return folders


def source(own: Bundle, places: Places, choices: dict[str, str] | None = None, version: str = "1.0") -> FormSource:
    return FormSource(own.folder, own.manifest, PluginVersion(name="tiny", version=version), choices or {}, places)


def made_form(own: Bundle, places: Places, choices: dict[str, str] | None = None) -> FoundForm:
    return source(own, places, choices).make(lambda: own)


class TestWhenItPays:
    def test_large_networks_need_more_work(self, own: Bundle) -> None:
        weights = own.manifest.weights.model_copy(update={"parameters": 50_000_000})
        large = own.manifest.model_copy(update={"weights": weights})
        assert 10_000_000 < pixels_that_pay(own.manifest) < 40_000_000 < pixels_that_pay(large)
        assert seconds_to_make(own.manifest) < 10 < seconds_to_make(large)

    def test_a_form_is_found_only_when_it_was_made(self, own: Bundle, places: Places, made: list[Path]) -> None:
        assert source(own, places).find() is None
        assert (made, places.cache.exists()) == ([], False)
        form = made_form(own, places).form
        assert form is not None
        assert form.opened("translate").is_file()
        assert source(own, places).find() == form
        assert len(made) == 1

    def test_a_form_can_be_forgotten(self, own: Bundle, places: Places, made: list[Path]) -> None:
        made_form(own, places)
        source(own, places).forget()
        assert source(own, places).find() is None

    def test_a_form_with_other_choices_is_not_taken(self, own: Bundle, places: Places, made: list[Path]) -> None:
        made_form(own, places)
        other = source(own, places, {"direction": "b_to_a"})
        source(own, places).entry.rename(other.entry)
        assert other.find() is None

    @pytest.mark.slow
    def test_a_real_form_is_made_and_found_again(self, own: Bundle, places: Places) -> None:
        assert made_form(own, places).form is not None
        assert source(own, places).find() is not None


class TestSharing:
    def test_choices_weights_and_plugins_have_entries_of_their_own(
        self, own: Bundle, places: Places, made: list[Path]
    ) -> None:
        made_form(own, places)
        made_form(own, places, {"direction": "b_to_a"})
        weights = own.manifest.weights.model_copy(update={"sha256": "0" * 64})
        made_form(replace(own, manifest=own.manifest.model_copy(update={"weights": weights})), places)
        source(own, places, version="2.0").make(lambda: own)
        assert len({*made}) == 4
        assert cache_size(places)[0] == 4

    def test_a_run_waits_for_another_that_makes_the_form(self, own: Bundle, places: Places, made: list[Path]) -> None:
        results: list[FoundForm] = []
        runs = [threading.Thread(target=lambda: results.append(made_form(own, places))) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert [result.form is not None for result in results] == [True, True]
        assert len(made) == 1

    def test_a_run_that_has_waited_too_long_goes_on_without(
        self, own: Bundle, places: Places, made: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(form_cache, "WAIT", 0.0)
        entry = source(own, places).entry
        entry.parent.mkdir(parents=True)
        with locked(entry.with_suffix(".lock"), "a test"):
            result = made_form(own, places)
        assert result.form is None
        assert "another run, which makes the engine form, is using this folder" in result.note
        assert made == []

    @pytest.mark.parametrize("torn", ["record", "file", "size"])
    def test_an_incomplete_entry_is_made_anew(self, own: Bundle, places: Places, made: list[Path], torn: str) -> None:
        made_form(own, places)
        entry = source(own, places).entry
        if torn == "record":
            (entry / "form.json").write_text("{")
        elif torn == "file":
            (entry / "translate.onnx").unlink()
        else:
            (entry / "translate.onnx").write_bytes(b"x")
        assert made_form(own, places).form is not None
        assert len(made) == 2

    def test_remains_of_a_run_that_was_killed_are_replaced(self, own: Bundle, places: Places, made: list[Path]) -> None:
        entry = source(own, places).entry
        entry.with_suffix(".new").mkdir(parents=True)
        assert made_form(own, places).form is not None
        assert [path.name for path in entry.parent.iterdir() if path.is_dir()] == [entry.name]


class TestBounds:
    def test_the_least_recently_used_forms_are_removed(
        self, own: Bundle, places: Places, made: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(form_cache, "LARGEST_CACHE", 3000)  # two entries with their records
        for number, name in enumerate("abc"):
            made_form(own, places, {"name": name})
            entry = source(own, places, {"name": name}).entry
            os.utime(entry / "form.json", (number, number))
            if name == "b":
                made_form(own, places, {"name": "a"})  # used again
        kept = {name for name in "abc" if source(own, places, {"name": name}).entry.exists()}
        assert kept == {"a", "c"}

    def test_the_cache_can_be_cleared(self, own: Bundle, places: Places, made: list[Path]) -> None:
        assert cache_size(places) == (0, 0)
        made_form(own, places)
        count, size = cache_size(places)
        assert (count, size > 1000) == (1, True)
        clear_cache(places)
        assert cache_size(places) == (0, 0)


class TestFailures:
    def test_a_conversion_that_fails_is_a_note(
        self, own: Bundle, places: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> None:
            raise ExportError("translate cannot be converted")

        monkeypatch.setattr(form_cache, "write_engine_form", fails)
        result = made_form(own, places)
        assert (result.form, result.note) == (None, "no engine form can be made: translate cannot be converted")
        assert cache_size(places) == (0, 0)

    def test_a_cache_that_cannot_be_written_is_a_note(self, own: Bundle, tmp_path: Path, made: list[Path]) -> None:
        (tmp_path / "cache").write_text("a file where the folder belongs")
        result = made_form(own, Places(tmp_path, tmp_path, tmp_path / "cache"))
        assert result.form is None
        assert result.note.startswith(f"no engine form can be kept in {tmp_path / 'cache'}")

    def test_a_record_that_is_absurd_is_ignored(self, own: Bundle, places: Places, made: list[Path]) -> None:
        made_form(own, places)
        entry = source(own, places).entry
        stated = json.loads((entry / "form.json").read_text())
        stated["files"][0]["program"] = "../../translate"
        (entry / "form.json").write_text(json.dumps(stated))
        assert made_form(own, places).form is not None
        assert len(made) == 2
