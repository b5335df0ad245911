"""Engine forms are proved equal to the networks, recorded in the bundle, and never the reason that a bundle fails."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tiny_tasks import Directed, Plain, Tinted, loaded, tiny_catalog

from img2imgkit import bundle
from img2imgkit.bundle import Bundle
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, ExportError
from img2imgkit.exporting import add_engine_form, engine_form, write_engine_form
from img2imgkit.exporting.programs import engine_programs
from img2imgkit.exporting.proof import prove
from img2imgkit.formats.onnx_writer import runner
from img2imgkit.formats.openvino_runner import openvino_runner

SHIPPED = ("sr-compact-x2", "sr-compact-x4", "stargan-typefaces")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return tiny_catalog()


def saved(folder: Path, catalog: Catalog, task: type = Plain) -> Bundle:
    made = loaded(task)
    bundle.save(folder, made.task, made.nets, "tiny", catalog)
    return bundle.load(folder, catalog)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    own = saved(tmp_path_factory.mktemp("form") / "tiny", catalog, Directed)
    assert add_engine_form(own) == ""
    return own.folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A bundle with a form, which a test may damage."""
    return Path(shutil.copytree(whole, tmp_path / "tiny"))


class TestWriting:
    def test_the_form_of_a_bundle_computes_the_same_in_onnx_runtime(self, tmp_path: Path, catalog: Catalog) -> None:
        own = saved(tmp_path / "tiny", catalog)
        assert add_engine_form(own) == ""
        form = bundle.engine_form(own.folder, bundle.describe(own.folder), {})
        assert form is not None
        session = onnxruntime.InferenceSession(form.opened("translate"), providers=["CPUExecutionProvider"])
        image = np.random.default_rng(0).uniform(-1, 1, (2, 9, 11, 3)).astype(np.float32)
        (found,) = session.run(None, {"image": image})
        expected = own.task.translate(own.nets, {"source": image})
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_it_contains_the_encoders_of_conditions(self, tmp_path: Path) -> None:
        record = write_engine_form(loaded(Tinted), tmp_path / "form")
        assert [file.program for file in record.files] == ["translate", "encode_style"]
        assert sorted(path.name for path in (tmp_path / "form").iterdir()) == ["encode_style.onnx", "translate.onnx"]

    def test_it_states_all_choices(self, tmp_path: Path) -> None:
        chosen = loaded(Directed).choosing({"direction": "b_to_a"})
        assert write_engine_form(chosen, tmp_path).choices == {"direction": "b_to_a"}

    def test_it_does_not_change_the_digest(self, tmp_path: Path, catalog: Catalog) -> None:
        own = saved(tmp_path / "tiny", catalog)
        add_engine_form(own)
        assert bundle.describe(own.folder).digest == own.manifest.digest
        assert bundle.load(own.folder, catalog).manifest.form is not None

    def test_a_bundle_whose_form_differs_stays_whole_and_says_why(
        self, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def differs(*_: object) -> float:
            raise ExportError("translate differs")

        own = saved(tmp_path / "tiny", catalog)
        monkeypatch.setattr(engine_form, "prove", differs)
        assert add_engine_form(own) == "no engine form, so that only TensorFlow runs it: translate differs"
        assert sorted(path.name for path in own.folder.iterdir()) == ["bundle.json", own.manifest.weights.file]
        assert bundle.describe(own.folder).form is None

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes anywhere")
    def test_a_folder_that_cannot_be_written_is_no_error(self, tmp_path: Path, catalog: Catalog) -> None:
        own = saved(tmp_path / "tiny", catalog)
        own.folder.chmod(0o500)
        assert "engine: Permission denied" in add_engine_form(own)
        own.folder.chmod(0o700)

    def test_a_bundle_that_is_saved_anew_loses_the_form_of_its_old_weights(
        self, tmp_path: Path, catalog: Catalog
    ) -> None:
        own = saved(tmp_path / "tiny", catalog)
        add_engine_form(own)
        again = saved(tmp_path / "tiny", catalog)
        assert again.manifest.form is None
        assert not (own.folder / "engine").exists()


class TestReading:
    def test_other_choices_than_the_forms_have_no_form(self, folder: Path) -> None:
        manifest = bundle.describe(folder)
        assert bundle.engine_form(folder, manifest, {"direction": "a_to_b"}) is not None
        assert bundle.engine_form(folder, manifest, {"direction": "b_to_a"}) is None
        assert bundle.engine_form(folder, manifest, {"unknown": 1}) is None

    def test_a_form_of_another_version_is_not_used(self, folder: Path) -> None:
        manifest = bundle.describe(folder)
        assert manifest.form is not None
        other = manifest.model_copy(update={"form": manifest.form.model_copy(update={"version": 99})})
        assert bundle.engine_form(folder, other, {}) is None

    def test_damage_is_found_when_a_file_is_opened(self, folder: Path) -> None:
        path = folder / "engine" / "translate.onnx"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        form = bundle.engine_form(folder, bundle.describe(folder), {})
        assert form is not None
        with pytest.raises(BundleError, match=r"translate\.onnx: damaged: its sha256 differs"):
            form.opened("translate")

    def test_a_form_has_only_the_programs_of_its_record(self, folder: Path) -> None:
        form = bundle.engine_form(folder, bundle.describe(folder), {})
        assert form is not None
        with pytest.raises(BundleError, match=r"no file other\.onnx, only translate\.onnx"):
            form.opened("other")

    def test_a_file_of_another_size_is_refused_unread(self, folder: Path) -> None:
        with (folder / "engine" / "translate.onnx").open("ab") as file:
            file.write(b"x")
        with pytest.raises(BundleError, match="are recorded: damaged"):
            bundle.engine_form(folder, bundle.describe(folder), {})

    @pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
    def test_a_link_in_the_place_of_a_file_is_refused(self, folder: Path, tmp_path: Path) -> None:
        path = folder / "engine" / "translate.onnx"
        path.rename(tmp_path / "elsewhere.onnx")
        path.symlink_to(tmp_path / "elsewhere.onnx")
        with pytest.raises(BundleError, match="is not a regular file"):
            bundle.engine_form(folder, bundle.describe(folder), {})

    def test_a_missing_file_is_named(self, folder: Path) -> None:
        (folder / "engine" / "translate.onnx").unlink()
        with pytest.raises(BundleError, match=r"engine/translate\.onnx: cannot read it"):
            bundle.engine_form(folder, bundle.describe(folder), {})

    @pytest.mark.parametrize("program", ["../translate", "encode_/x", "network_generator", "translate.onnx", ""])
    def test_a_record_names_programs_and_no_paths(self, folder: Path, program: str) -> None:
        stated = json.loads((folder / "bundle.json").read_text())
        stated["form"]["files"][0]["program"] = program
        (folder / "bundle.json").write_text(json.dumps(stated))
        with pytest.raises(BundleError, match="program"):
            bundle.describe(folder)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_form_of_a_shipped_bundle_computes_the_same_as_its_networks(name: str) -> None:
    catalog = Catalog.installed()
    folder = bundle.locate(name, Path(), catalog)
    own = bundle.load(folder, catalog)
    form = bundle.engine_form(folder, own.manifest, own.task.choices.model_dump(mode="json"))
    assert form is not None
    programs = engine_programs(own)
    assert [f"{program.name}.onnx" for program in programs] == [*form.sha256]
    for program in programs:
        path = form.opened(program.name)
        runs = [runner(path), openvino_runner(path)]
        by_name = [lambda _, arrays, run=run: run(arrays) for run in runs]
        assert prove(program, "float32", *by_name) < 1e-5
