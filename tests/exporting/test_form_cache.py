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
from img2imgkit.bundle import Bundle, FormFile, FormRecord
from img2imgkit.errors import ExportError
from img2imgkit.exporting import FoundForm, Workload, cache_size, clear_cache, engine_form_for, form_cache
from img2imgkit.files import sha256
from img2imgkit.locks import locked
from img2imgkit.places import Places

MUCH, LITTLE = Workload(1000, 10**9), Workload(1, 10**4)


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


def found(own: Bundle, places: Places, work: Workload = MUCH, choices: dict[str, str] | None = None) -> FoundForm:
    return engine_form_for(own.folder, own.manifest, choices or {}, work, places, lambda: own)


class TestWhenItPays:
    def test_many_pixels_are_worth_a_form(self, own: Bundle, places: Places, made: list[Path]) -> None:
        form = found(own, places).form
        assert form is not None
        assert form.opened("translate").is_file()
        assert len(made) == 1

    def test_few_pixels_are_not(self, own: Bundle, places: Places, made: list[Path]) -> None:
        result = found(own, places, LITTLE)
        assert result.form is None
        assert "making one would take longer than it saves" in result.note
        assert (made, places.cache.exists()) == ([], False)

    def test_an_existing_form_is_used_for_any_work(self, own: Bundle, places: Places, made: list[Path]) -> None:
        found(own, places)
        assert found(own, places, LITTLE).form is not None
        assert len(made) == 1

    def test_large_networks_need_more_work(self, own: Bundle) -> None:
        weights = own.manifest.weights.model_copy(update={"parameters": 50_000_000})
        large = own.manifest.model_copy(update={"weights": weights})
        work = Workload(1, 40_000_000)
        assert form_cache.pays(own.manifest, work)
        assert not form_cache.pays(large, work)

    def test_pictures_of_unknown_size_are_counted(self, own: Bundle) -> None:
        assert form_cache.pays(own.manifest, Workload(1000))
        assert not form_cache.pays(own.manifest, Workload(1))

    def test_a_real_form_is_made_and_found_again(self, own: Bundle, places: Places) -> None:
        assert found(own, places).form is not None
        assert found(own, places, LITTLE).form is not None


class TestSharing:
    def test_choices_and_weights_have_entries_of_their_own(self, own: Bundle, places: Places, made: list[Path]) -> None:
        found(own, places)
        found(own, places, choices={"direction": "b_to_a"})
        weights = own.manifest.weights.model_copy(update={"sha256": "0" * 64})
        found(replace(own, manifest=own.manifest.model_copy(update={"weights": weights})), places)
        assert len({*made}) == 3
        assert cache_size(places)[0] == 3

    def test_a_run_waits_for_another_that_makes_the_form(self, own: Bundle, places: Places, made: list[Path]) -> None:
        results: list[FoundForm] = []
        runs = [threading.Thread(target=lambda: results.append(found(own, places))) for _ in range(2)]
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
        entry = form_cache.entry_of(own.manifest, {}, places)
        entry.parent.mkdir(parents=True)
        with locked(entry.with_suffix(".lock"), "a test"):
            result = found(own, places)
        assert result.form is None
        assert "another run, which makes the engine form, is using this folder" in result.note
        assert made == []

    @pytest.mark.parametrize("torn", ["record", "file", "size"])
    def test_an_incomplete_entry_is_made_anew(self, own: Bundle, places: Places, made: list[Path], torn: str) -> None:
        found(own, places)
        entry = form_cache.entry_of(own.manifest, {}, places)
        if torn == "record":
            (entry / "form.json").write_text("{")
        elif torn == "file":
            (entry / "translate.onnx").unlink()
        else:
            (entry / "translate.onnx").write_bytes(b"x")
        assert found(own, places).form is not None
        assert len(made) == 2

    def test_remains_of_a_run_that_was_killed_are_replaced(self, own: Bundle, places: Places, made: list[Path]) -> None:
        entry = form_cache.entry_of(own.manifest, {}, places)
        entry.with_suffix(".new").mkdir(parents=True)
        assert found(own, places).form is not None
        assert [path.name for path in entry.parent.iterdir() if path.is_dir()] == [entry.name]


class TestBounds:
    def test_the_least_recently_used_forms_are_removed(
        self, own: Bundle, places: Places, made: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(form_cache, "LARGEST_CACHE", 3000)  # two entries with their records
        for number, name in enumerate("abc"):
            found(own, places, choices={"name": name})
            entry = form_cache.entry_of(own.manifest, {"name": name}, places)
            os.utime(entry / "form.json", (number, number))
            if name == "b":
                found(own, places, choices={"name": "a"})  # used again
        kept = {name for name in "abc" if form_cache.entry_of(own.manifest, {"name": name}, places).exists()}
        assert kept == {"a", "c"}

    def test_the_cache_can_be_cleared(self, own: Bundle, places: Places, made: list[Path]) -> None:
        assert cache_size(places) == (0, 0)
        found(own, places)
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
        result = found(own, places)
        assert (result.form, result.note) == (None, "no engine form can be made: translate cannot be converted")
        assert cache_size(places) == (0, 0)

    def test_a_cache_that_cannot_be_written_is_a_note(self, own: Bundle, tmp_path: Path, made: list[Path]) -> None:
        (tmp_path / "cache").write_text("a file where the folder belongs")
        result = found(own, Places(tmp_path, tmp_path, tmp_path / "cache"))
        assert result.form is None
        assert result.note.startswith(f"no engine form can be kept in {tmp_path / 'cache'}")

    def test_a_record_that_is_absurd_is_ignored(self, own: Bundle, places: Places, made: list[Path]) -> None:
        found(own, places)
        entry = form_cache.entry_of(own.manifest, {}, places)
        stated = json.loads((entry / "form.json").read_text())
        stated["files"][0]["program"] = "../../translate"
        (entry / "form.json").write_text(json.dumps(stated))
        assert found(own, places).form is not None
        assert len(made) == 2
