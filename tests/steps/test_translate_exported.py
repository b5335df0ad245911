"""The ``translate`` step with an exported model instead of a bundle, and with a third-party ONNX file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from pipelines_for_tests import pipeline_file
from tiny_tasks import Nearest, Tinted, loaded, tiny_catalog

from img2imgkit.catalog import Catalog
from img2imgkit.errors import ConfigError
from img2imgkit.images import Picture
from img2imgkit.inference import ModelFinder, save_code
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline import make_plan, read_pipeline
from img2imgkit.step import Planning, Resources
from img2imgkit.steps.translate import Translate

CATALOG = tiny_catalog()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """near.onnx and near-saved, which repeat pixels; tinted, a folder with two ONNX files; foreign.onnx, too."""
    import onnx

    from img2imgkit.exporting import ExportOptions, export_bundle, register_exporters

    exporters: dict[str, Any] = {}
    register_exporters(lambda exporter: exporters.update({exporter.name: exporter()}))
    folder = tmp_path_factory.mktemp("exported")
    export_bundle(loaded(Nearest), exporters["onnx"], folder / "near.onnx")
    export_bundle(loaded(Nearest), exporters["saved-model"], folder / "near-saved")
    export_bundle(loaded(Tinted), exporters["onnx"], folder / "tinted", ExportOptions(program="all"))
    foreign = onnx.load(folder / "near.onnx")
    del foreign.metadata_props[:]
    onnx.save(foreign, folder / "foreign.onnx")
    return folder


def step(model: Path | str, **options: object) -> Translate:
    return Translate(Translate.Options.model_validate({"bundle": str(model), **options}))


def item() -> Item:
    picture = Picture(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    return Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 0, "0"), picture, picture)


@pytest.mark.parametrize(
    ("name", "options", "more"),
    [
        ("near.onnx", {}, {}),
        ("near-saved", {}, {}),
        ("foreign.onnx", {"describe": {"values": "signed"}}, None),
    ],
)
def test_a_picture_is_translated_with_notes(folder: Path, name: str, options: Any, more: Any) -> None:
    given, translate = item(), step(folder / name, tile=16, **options)
    translate.prepare(Planning(ModelFinder(CATALOG)))
    task, model = ("described", "foreign") if more is None else ("tiny-nearest", "tiny-nearest-x2")
    assert translate.facts() == {"task": task, "model": model, "scale": 2}
    assert translate.devices() == ()
    translate.open(Resources("cpu"))
    made = translate.apply(given)
    assert made.picture.color.shape == (40, 60, 3)
    if more is not None:
        assert (made.picture.color == given.picture.color.repeat(2, 0).repeat(2, 1)).all()
        assert made.notes["translate"] == ({"model": model, "tile": 16, "tiles": 4, "overlap": 0},)
    assert len(translate.devices()) == 1
    translate.close()


def test_pictures_and_codes_for_a_condition(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.full((5, 6, 3), 255, np.uint8)).save(tmp_path / "white.png")
    found = []
    for files in ({"pictures": tmp_path / "white.png"}, {"code": tmp_path / "code.json"}):
        save_code(tmp_path / "code.json", np.ones(3, np.float32), "style", loaded(Tinted).manifest, [])
        translate = step(folder / "tinted", inputs={"style": files, "tint": "blue"})
        translate.prepare(Planning(ModelFinder(CATALOG)))
        translate.open(Resources("cpu"))
        with_map = item().with_maps({"hidden": np.zeros((20, 30), np.int32)})
        found.append(translate.apply(with_map).picture.color)
        assert "files" in translate.fingerprint()
    assert (found[0] == found[1]).all()


def test_the_fingerprint_follows_the_file_and_the_recipe_the_description(folder: Path) -> None:
    prints = []
    for name in ("near.onnx", "near-saved"):
        translate = step(folder / name)
        translate.prepare(Planning(ModelFinder(CATALOG)))
        prints.append(translate.fingerprint()["bundle"])
    assert len(set(prints)) == 2
    assert "describe" not in step("x").recipe()
    assert step("x.onnx", describe={"scale": 4}).recipe() != step("x.onnx", describe={"scale": 2}).recipe()


def test_planning_needs_neither_tensorflow_nor_an_engine(folder: Path) -> None:
    code = (
        "import sys\n"
        "from img2imgkit.catalog import Catalog\n"
        "from img2imgkit.inference import ModelFinder\n"
        "from img2imgkit.step import Planning\n"
        "from img2imgkit.steps.translate import Translate\n"
        f"for model in {[str(folder / name) for name in ('near.onnx', 'near-saved')]!r}:\n"
        "    translate = Translate(Translate.Options(bundle=model))\n"
        "    translate.prepare(Planning(ModelFinder(Catalog(()))))\n"
        "    print(translate.facts()['scale'], len(translate.fingerprint()))\n"
        "print({'tensorflow', 'keras', 'onnxruntime', 'openvino'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "4", "2", "4", "set()"]


def test_a_pipeline_with_a_plain_onnx_model_loads_no_task(folder: Path, tmp_path: Path) -> None:
    """Its plugin is installed, and imports TensorFlow as soon as its tasks are requested."""
    from PIL import Image

    (tmp_path / "in").mkdir()
    for mode in ("L", "RGB", "RGBA"):
        Image.new(mode, (20, 30), "gray").save(tmp_path / "in" / f"{mode}.png")
    near = {"bundle": str(folder / "near.onnx")}
    pipeline_file(tmp_path, {"translate": near}, {"translate": {**near, "alpha": "model"}})
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from img2imgkit import hookimpl, pipeline, steps\n"
        "from img2imgkit.catalog import Catalog, Plugin\n"
        "from img2imgkit.step import Resources\n"
        "class Tiny:\n"
        "    @staticmethod\n"
        "    @hookimpl\n"
        "    def register_tasks(register):\n"
        "        import tensorflow\n"
        "class Silent:\n"
        "    started = finished = lambda self, *given: None\n"
        "plugins = Plugin('steps', lambda: steps, version='1'), Plugin('tiny', lambda: Tiny, 'tiny', '1.0')\n"
        "catalog = Catalog(plugins)\n"
        "plan = pipeline.make_plan(pipeline.read_pipeline(Path('pipeline.yaml'), catalog), catalog)\n"
        "pipeline.run(plan, pipeline.ThreadExecutor(plan.pipeline, Resources('auto')), Silent())\n"
        "print({'tensorflow', 'keras', 'onnxruntime', 'openvino'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "{'openvino'}"
    for mode in ("L", "RGB", "RGBA"):
        with Image.open(tmp_path / "out" / f"{mode}.png") as made:
            assert (made.mode, made.size) == (mode, (80, 120))


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("near.onnx", {"precision": "float16"}, "when it was exported"),
        ("near-saved", {"describe": {"scale": 2}}, "describe: .* describes itself"),
        ("near.onnx", {"describe": {"scale": 2}}, r"describe: near\.onnx was exported by img2imgkit"),
        ("foreign.onnx", {}, r"describe: foreign\.onnx was not exported by img2imgkit"),
        ("foreign.onnx", {"describe": {"scale": 3}}, r"describe\.scale: foreign\.onnx has 2, not 3"),
        ("foreign.onnx", {"describe": {}, "choices": {"direction": "up"}}, "has no choice 'direction'"),
        ("foreign.onnx", {"describe": {}, "inputs": {"style": 1}}, "has no input 'style'"),
        ("tinted", {}, "needs 'style'"),
    ],
)
def test_invalid_options_are_refused_while_planning(folder: Path, name: str, options: Any, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        step(folder / name, **options).prepare(Planning(ModelFinder(CATALOG)))


def test_models_are_found_next_to_the_pipeline_and_problems_have_their_line(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "in").mkdir()
    text = "name: x\nsteps:\n- {uses: read, with: {folder: in}}\n- uses: translate\n  with:\n    bundle: {model}\n"
    text += "{more}- {uses: write, with: {folder: out}}\n"
    both = Catalog((*CATALOG.plugins, *Catalog.installed({"IMG2IMG_PLUGINS": ""}).plugins))
    for model in ("near.onnx", "./near-saved"):
        (folder / "p.yaml").write_text(text.replace("{model}", model).replace("{more}", ""))
        assert make_plan(read_pipeline(folder / "p.yaml", both), both)
    wrong = text.replace("{model}", "foreign.onnx").replace("{more}", "    describe:\n      scale: 7\n")
    (folder / "p.yaml").write_text(wrong)
    with pytest.raises(ConfigError, match=r"p\.yaml:8:7: steps\.1\.with\.describe\.scale: foreign\.onnx has 2, not 7"):
        make_plan(read_pipeline(folder / "p.yaml", both), both)
