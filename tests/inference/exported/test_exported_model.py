"""Exported models in a Translator: same results as their bundles, for all inputs and tilings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Directed, Painted, Plain, Recoloured, Strided, Tinted, loaded, tiny_catalog

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.errors import BundleError, ConfigError, NotInstalled, TranslateError
from img2imgkit.images import Picture
from img2imgkit.inference import ExportedModel, TranslateOptions, Translator, find_model, load_code, save_code
from img2imgkit.task import Task

RNG = np.random.default_rng(0)
CATALOG = tiny_catalog()
Export = Callable[..., Path]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Export a task as "onnx" or "saved-model"; repeated exports are cached."""
    from img2imgkit.exporting import ExportOptions as Form
    from img2imgkit.exporting import export_bundle, register_exporters

    exporters: dict[str, Any] = {}
    register_exporters(lambda exporter: exporters.update({exporter.name: exporter}))
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def exported(task: Any, form: str, **settings: Any) -> Path:
        key = f"{task.name}-{form}-{json.dumps(settings)}"
        if key not in made:
            path = folder / f"{len(made)}{'' if settings.get('program') == 'all' else exporters[form].suffix}"
            made[key] = export_bundle(loaded(task), exporters[form](), path, Form(**settings)).path
        return made[key]

    return exported


def picture(
    height: int = 61, width: int = 74, channels: int = 3, dtype: Any = np.uint8, alpha: bool = False
) -> Picture:
    top = np.iinfo(dtype).max
    color = RNG.integers(0, top, (height, width, channels), dtype, endpoint=True)
    see = RNG.integers(0, top, (height, width, 1), dtype, endpoint=True) if alpha else None
    return Picture(color, see, "rgb" if channels == 3 else "grey")


def opened(path: Path, settings: TranslateOptions | None = None, catalog: Catalog = CATALOG) -> Translator:
    return Translator(find_model(str(path), Path.cwd(), catalog).load(), settings, "cpu")


def furthest(one: Picture, other: Picture) -> int:
    """The largest difference in 8-bit levels."""
    assert one.color.shape == other.color.shape
    assert one.color.dtype == other.color.dtype
    levels = np.abs(one.color.astype(int) - other.color.astype(int)).max() * 255 // np.iinfo(one.color.dtype).max
    if one.alpha is not None and other.alpha is not None:
        assert (one.alpha == other.alpha).all()
    return int(levels)


FORMS = pytest.mark.parametrize("form", ["onnx", "saved-model"])


@FORMS
def test_results_equal_those_of_the_bundle(export: Export, form: str) -> None:
    original, model = Translator(loaded(Plain), device="cpu"), export(Plain, form)
    translators = [opened(model), opened(model, TranslateOptions(tile=30, batch=2))]
    for given in (picture(alpha=True), picture(9, 5, 1, np.uint16), picture(1, 1)):
        for translator in translators:
            made = translator.translate(given)
            assert furthest(made.picture, original.translate(given).picture) <= 1
            assert "inexact" not in made.notes
    assert translators[1].translate(picture()).notes == {"tile": 30, "tiles": 9, "overlap": 6}


@FORMS
def test_multiples_ensembles_and_levels(export: Export, form: str) -> None:
    given, settings = picture(21, 34), TranslateOptions(ensemble=True)
    expected = Translator(loaded(Strided), settings, "cpu").translate(given).picture
    assert furthest(opened(export(Strided, form, layout="nchw"), settings).translate(given).picture, expected) <= 1
    levels = opened(export(Strided, form, image_io="uint8")).translate(given).picture
    assert furthest(levels, Translator(loaded(Strided), device="cpu").translate(given).picture) <= 1


@FORMS
def test_a_fixed_size_makes_all_tiles_of_that_size(export: Export, form: str) -> None:
    model, given = export(Plain, form, size=(24, 32), image_io="unit"), picture(50, 75, alpha=True)
    made = opened(model, TranslateOptions(batch=2)).translate(given)
    assert furthest(made.picture, Translator(loaded(Plain), device="cpu").translate(given).picture) <= 1
    assert made.notes == {"tile": 32, "tiles": 9, "overlap": 6}
    small = opened(model).translate(picture(3, 40))
    assert small.picture.color.shape == (6, 80, 3)
    assert small.notes["inexact"].startswith("the model requires 24 x 32 pixels")
    assert "inexact" not in opened(model).translate(picture(24, 32)).notes
    for wrong, match in (
        (TranslateOptions(tile=16), "requires tiles of 24x32"),
        (TranslateOptions(tile="off"), "24x32"),
        (TranslateOptions(ensemble=True), "rotated"),
    ):
        with pytest.raises(ConfigError, match=match):
            opened(model, wrong)


@FORMS
def test_the_precision_is_that_of_the_export(export: Export, form: str) -> None:
    model = export(Plain, form)
    with pytest.raises(ConfigError, match=r"'float16'.*when it was exported"):
        opened(model, TranslateOptions(precision="float16"))
    half = opened(export(Plain, form, precision="float16")).translate(picture())
    assert half.notes["precision"] == "float16"


@FORMS
def test_choices_are_built_in(export: Export, form: str) -> None:
    model, given = export(Directed, form, choices={"direction": "b_to_a"}), picture(8, 8)
    expected = (
        Translator(loaded(Directed), TranslateOptions(choices={"direction": "b_to_a"}), "cpu").translate(given).picture
    )
    for stated in ({}, {"direction": "b_to_a"}):
        assert furthest(opened(model, TranslateOptions(choices=stated)).translate(given).picture, expected) <= 1
    for wrong, match in (({"direction": "a_to_b"}, "exported with 'b_to_a'"), ({"way": 1}, "way")):
        with pytest.raises(ConfigError, match=match):
            opened(model, TranslateOptions(choices=wrong))


@FORMS
def test_conditions_have_the_same_effect_as_with_the_bundle(export: Export, form: str, tmp_path: Path) -> None:
    model = export(Tinted, form, program="all")
    translator, original = opened(model), Translator(loaded(Tinted), device="cpu")
    code = translator.encode("style", [picture(9, 12), picture(4, 4)])
    given = {"style": code, "tint": "blue", "hidden": np.eye(61, 74, dtype=np.int32) * 9}
    color = picture()
    assert furthest(translator.translate(color, given).picture, original.translate(color, given).picture) <= 1
    save_code(tmp_path / "code.json", code, "style", original.bundle.manifest, ["a.png"])
    assert np.allclose(load_code(tmp_path / "code.json", "style", translator.bundle.manifest), code)
    with pytest.raises(TranslateError, match="'hidden', which is missing"):
        translator.translate(color, {"style": code})


def test_other_files_in_the_folder_are_ignored(export: Export, tmp_path: Path) -> None:
    for path in export(Tinted, "onnx", program="all").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "encode_other.onnx").write_bytes(b"damaged")
    found = find_model(str(tmp_path / "translate.onnx"), Path.cwd(), CATALOG)
    assert found.digest == find_model(str(export(Tinted, "onnx", program="all")), Path.cwd(), CATALOG).digest
    (tmp_path / "encode_style.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"encode_style\.onnx: not an ONNX file"):
        opened(tmp_path / "translate.onnx").encode("style", [picture()])


def test_a_missing_encoder_is_explained(export: Export) -> None:
    with pytest.raises(BundleError, match=r"encode_style\.onnx .*export with program 'all'.*code file"):
        opened(export(Tinted, "onnx")).encode("style", [picture()])


@FORMS
def test_label_maps(export: Export, form: str) -> None:
    label = RNG.integers(0, 3, (18, 21))
    given = {"label": label, "instance": np.where(label == 2, 7, 0), "seed": 2}
    drawing = Picture(np.zeros((18, 21, 3), np.uint8))
    expected = Translator(loaded(Painted), device="cpu").translate(drawing, given).picture
    made = opened(export(Painted, form), TranslateOptions(tile=16)).translate(drawing, given).picture
    assert furthest(made, expected) == 0


def test_only_a_plain_model_runs_without_its_plugin(export: Export) -> None:
    given, none = picture(12, 9), Catalog(())
    expected = Translator(loaded(Plain), device="cpu").translate(given).picture
    assert furthest(opened(export(Plain, "onnx"), None, none).translate(given).picture, expected) <= 1
    with pytest.raises(NotInstalled, match="plugin 'tiny' 1"):
        opened(export(Tinted, "onnx"), None, none)
    with pytest.raises(ConfigError, match="has no choice 'direction'"):
        opened(export(Plain, "onnx"), TranslateOptions(choices={"direction": "a_to_b"}), none)


class Vivid(Plain):
    """Degraded pictures made vivid: grey ones become colour."""

    name = "tiny-vivid"
    keeps_grey = False


@FORMS
@pytest.mark.parametrize("task", [Plain, Vivid, Recoloured])
def test_the_description_of_a_plain_model_equals_its_task(export: Export, task: Any, form: str) -> None:
    model, original = find_model(str(export(task, form)), Path.cwd(), CATALOG).load(), loaded(task)
    assert isinstance(model, ExportedModel)
    assert not isinstance(model.task, Task)
    for settings in (TranslateOptions(), TranslateOptions(alpha="model", tile=32), TranslateOptions(ensemble=True)):
        if settings.alpha == "model" and not task.keeps_grey:
            with pytest.raises(ConfigError, match=f"task '{task.name}' does not keep grey pictures grey"):
                Translator(model, settings, "cpu")
            continue
        pair = [Translator(each, settings, "cpu") for each in (model, replace(model, task=original.task))]
        for channels, alpha in ((3, False), (3, True), (1, False), (1, True)):
            given = picture(40, 33, channels, alpha=alpha)
            own, same = (each.translate(given) for each in pair)
            assert (own.picture.color == same.picture.color).all()
            assert (own.picture.alpha is None) == (not alpha)
            assert not alpha or (own.picture.alpha == same.picture.alpha).all()
            assert (own.picture.space, own.picture.mode, own.notes) == (
                same.picture.space,
                same.picture.mode,
                same.notes,
            )
            assert own.picture.space == ("grey" if channels == 1 and task.keeps_grey else "rgb")


@pytest.mark.parametrize(
    ("device", "match"), [("tpu", "expected auto"), ("cpu:1", "sees 1 CPU"), ("gpu:0,1", "sees 0 GPU .*'cpu' always")]
)
def test_a_missing_device_is_refused(export: Export, monkeypatch: pytest.MonkeyPatch, device: str, match: str) -> None:
    from img2imgkit.inference.engines import devices

    monkeypatch.setattr(devices, "nvidia_gpus", lambda: 0)
    model = find_model(str(export(Plain, "onnx")), Path.cwd(), CATALOG).load()
    with pytest.raises(ConfigError, match=match):
        Translator(model, device=device)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_file_runs_in_either_engine(export: Export, engine: str) -> None:
    given = picture()
    expected = Translator(loaded(Plain), device="cpu").translate(given).picture
    for settings in ({}, {"image_io": "uint8", "layout": "nchw"}, {"size": (24, 32)}):
        made = opened(export(Plain, "onnx", **settings), TranslateOptions(engine=engine))
        assert made.devices == ("CPU" if engine == "openvino" else "CPUExecutionProvider",)
        assert furthest(made.translate(given).picture, expected) <= 1


def test_a_saved_model_runs_in_tensorflow_only(export: Export) -> None:
    with pytest.raises(ConfigError, match="engine 'openvino': this model can be opened by tensorflow only"):
        opened(export(Plain, "saved-model"), TranslateOptions(engine="openvino"))


@FORMS
def test_a_model_that_changes_after_planning_is_refused(export: Export, form: str, tmp_path: Path) -> None:
    model = export(Plain, form)
    copy = tmp_path / f"copy{model.suffix}"
    if model.is_dir():
        shutil.copytree(model, copy)
    else:
        shutil.copy(model, copy)
    found = find_model(str(copy), Path.cwd(), CATALOG)
    assert found.digest == find_model(str(model), Path.cwd(), CATALOG).digest != found.manifest.digest
    changed = copy if copy.is_file() else copy / "fingerprint.pb"
    changed.write_bytes(changed.read_bytes() + b"\n")
    with pytest.raises(BundleError, match="has changed since"):
        found.load()


def test_a_bundle_is_found(tmp_path: Path) -> None:
    made = loaded(Plain)
    bundle.save(tmp_path / "b", made.task, made.nets, "b", CATALOG)
    found = find_model("b", tmp_path, CATALOG) if (Path.cwd() / "b").exists() else find_model("./b", tmp_path, CATALOG)
    assert (found.digest, found.scale, found.picture_alone) == (found.manifest.digest, 2, True)
    with pytest.raises(BundleError, match="is a file, but a bundle is a folder"):
        bundle.locate("./b/bundle.json", tmp_path, CATALOG)
    with pytest.raises(BundleError, match=r"expected the folder of a bundle or a SavedModel, or an \.onnx file"):
        find_model("./b/bundle.json", tmp_path, CATALOG)
