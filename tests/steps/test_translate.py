"""The ``translate`` step: planning without TensorFlow, running a bundle, chaining."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from pydantic import ValidationError
from tiny_tasks import Directed, Nearest, Plain, TinyPlugin, loaded, tiny_catalog

from img2imgkit import bundle, data
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import BundleError, ConfigError, NotInstalled, TranslateError
from img2imgkit.images import Affine, Picture, Placement
from img2imgkit.inference import ModelFinder
from img2imgkit.item import Entry, Item
from img2imgkit.pipeline import make_plan, read_pipeline
from img2imgkit.step import Planning, Resources
from img2imgkit.steps.translate import Translate


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return tiny_catalog()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "near"
    made = loaded(Nearest)
    bundle.save(folder, made.task, made.nets, "near-x2", catalog)
    return folder


@pytest.fixture(scope="module")
def directed(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """A bundle that inverts, or writes grey, as ``direction`` chooses."""
    folder = tmp_path_factory.mktemp("bundles") / "directed"
    made = loaded(Directed)
    bundle.save(folder, made.task, made.nets, "directed", catalog)
    return folder


def step(folder: Path | str, **options: object) -> Translate:
    return Translate(Translate.Options.model_validate({"bundle": str(folder), **options}))


def item(height: int = 20, width: int = 30) -> Item:
    picture = Picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    return Item.still(Entry("a.png", PurePosixPath("a.png"), 0, 0, "0"), picture, picture, {"read": 1})


def test_it_runs_on_the_thread_that_owns_the_device() -> None:
    assert (Translate.name, Translate.lane) == ("translate", "model")


def test_a_picture_is_translated_with_notes(folder: Path, catalog: Catalog) -> None:
    given = item()
    translate = step(folder, tile=16)
    translate.prepare(Planning(ModelFinder(catalog)))
    translate.open(Resources("cpu"))
    made = translate.apply(given)
    assert (made.picture.color == given.picture.color.repeat(2, 0).repeat(2, 1)).all()
    assert made.picture.metadata.placement == Placement((60, 40), Affine(2, 0, 0, 0, 2, 0), (30, 20))
    assert made.original is given.original
    assert made.notes["read"] == 1
    assert made.notes["translate"] == ({"model": "near-x2", "tile": 16, "tiles": 4, "overlap": 0},)
    translate.close()


def test_two_in_a_row_multiply_their_scales_and_keep_both_notes(folder: Path, catalog: Catalog) -> None:
    first, second = step(folder), step(folder)
    first.prepare(Planning(ModelFinder(catalog)))
    second.prepare(Planning(ModelFinder(catalog), first.facts()))
    assert first.facts() == {"task": "tiny-nearest", "model": "near-x2", "scale": 2}
    assert second.facts()["scale"] == 4
    for each in (first, second):
        each.open(Resources("cpu"))
    made = second.apply(first.apply(item()))
    assert made.picture.color.shape == (80, 120, 3)
    assert len(made.notes["translate"]) == 2


def test_planning_needs_no_tensorflow(folder: Path) -> None:
    code = (
        "import sys\n"
        "from img2imgkit import data\n"
        "from img2imgkit.catalog import Catalog, Plugin\n"
        "from img2imgkit.inference import ModelFinder\n"
        "from img2imgkit.step import Planning\n"
        "from img2imgkit.steps.translate import Translate\n"
        f"translate = Translate(Translate.Options(bundle={str(folder)!r}))\n"
        "translate.prepare(Planning(ModelFinder(Catalog((Plugin('data-kinds', lambda: data),)))))\n"
        "print(translate.facts()['scale'], len(translate.fingerprint()))\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "4", "False", "False"]


def test_the_fingerprint_follows_the_weights_and_the_plugins_version(
    folder: Path, catalog: Catalog, tmp_path: Path
) -> None:
    other = loaded(Nearest, gain=2.0)
    bundle.save(tmp_path / "other", other.task, other.nets, "near-x2", catalog)
    newer = Catalog(
        (
            Plugin("data-kinds", lambda: data),
            Plugin("tiny", lambda: TinyPlugin, "tiny", "1.1"),
        )
    )
    prints = []
    for place, installed in ((folder, catalog), (folder, catalog), (tmp_path / "other", catalog), (folder, newer)):
        translate = step(place)
        translate.prepare(Planning(ModelFinder(installed)))
        prints.append(str(translate.fingerprint()))
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
    assert "1.1" in prints[3]


def test_the_fingerprint_is_the_same_after_it_was_written_to_a_ledger(folder: Path, catalog: Catalog) -> None:
    translate = step(folder)
    translate.prepare(Planning(ModelFinder(catalog)))
    assert json.loads(json.dumps(translate.fingerprint())) == translate.fingerprint()


def test_the_recipe_omits_options_that_change_no_pixel(folder: Path) -> None:
    assert step(folder, batch=4).recipe() == step("elsewhere", batch=1).recipe()
    for changed in ({"tile": 64}, {"ensemble": True}, {"precision": "bfloat16"}, {"overlap": 8}, {"alpha": "model"}):
        assert step(folder, **changed).recipe() != step(folder).recipe()


def test_invalid_options_are_refused_while_planning(catalog: Catalog, tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NotInstalled, match="no bundle 'sr-compact-x9'"):
        step("sr-compact-x9").prepare(Planning(ModelFinder(catalog)))
    with pytest.raises(BundleError, match="no such folder"):
        step(tmp_path / "none").prepare(Planning(ModelFinder(catalog)))
    with pytest.raises(BundleError, match="not a bundle"):
        step(tmp_path).prepare(Planning(ModelFinder(catalog)))


def test_choices_change_the_translation(directed: Path, catalog: Catalog) -> None:
    given = item()
    inverted, grey = step(directed), step(directed, choices={"direction": "b_to_a"})
    for each in (inverted, grey):
        each.prepare(Planning(ModelFinder(catalog)))
        each.open(Resources("cpu"))
    assert (inverted.apply(given).picture.color == 255 - given.picture.color).all()
    assert grey.apply(given).picture.space == "grey"


def test_the_recipe_contains_choices_that_are_not_defaults(directed: Path, catalog: Catalog) -> None:
    recipes = []
    for choices in ({}, {"direction": "a_to_b"}, {"direction": "b_to_a"}):
        each = step(directed, choices=choices)
        each.prepare(Planning(ModelFinder(catalog)))
        recipes.append(each.recipe())
    assert recipes[0] == recipes[1]
    assert "choices" not in recipes[0]
    assert recipes[2]["choices"] == {"direction": "b_to_a"}


def test_choices_are_checked_while_planning_with_line_and_column(
    directed: Path, catalog: Catalog, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    text = (
        "name: x\nsteps:\n- {uses: read, with: {folder: in}}\n- uses: translate\n"
        f"  with:\n    bundle: {directed}\n    choices:\n      direction: up\n      sped: 2\n"
        "- {uses: write, with: {folder: out}}\n"
    )
    (tmp_path / "p.yaml").write_text(text)
    both = Catalog((*catalog.plugins, *Catalog.installed({"IMG2IMG_PLUGINS": ""}).plugins))
    pipeline = read_pipeline(tmp_path / "p.yaml", both)
    with pytest.raises(ConfigError) as raised:
        make_plan(pipeline, both)
    direction, sped = (str(problem) for problem in raised.value.problems)
    assert "p.yaml:8:7: steps.1.with.choices.direction: input should be 'a_to_b' or 'b_to_a', got 'up'" in direction
    assert "p.yaml:9:7: steps.1.with.choices.sped: unknown option" in sped


@pytest.mark.parametrize(
    "wrong",
    [
        {"bundle": ""},
        {"tile": "big"},
        {"tile": 4},
        {"tile": True},
        {"overlap": -1},
        {"batch": 0},
        {"precision": "int8"},
        {"choices": "b_to_a"},
    ],
)
def test_options_are_checked(wrong: dict[str, object], folder: Path) -> None:
    with pytest.raises(ValidationError):
        step(folder, **wrong)


def test_every_option_is_described() -> None:
    fields = Translate.Options.model_fields
    assert next(iter(fields)) == "bundle"
    assert all(field.description for field in fields.values())


def test_damaged_weights_are_found_when_it_opens(catalog: Catalog, tmp_path: Path) -> None:
    made = loaded(Plain)
    bundle.save(tmp_path / "b", made.task, made.nets, "b", catalog)
    (weights,) = (tmp_path / "b").glob("*.npz")
    weights.write_bytes(b"x")
    translate = step(tmp_path / "b")
    translate.prepare(Planning(ModelFinder(catalog)))
    with pytest.raises(BundleError, match="damaged"):
        translate.open(Resources("cpu"))


def enlarged(folder: Path, catalog: Catalog, size: tuple[int, int], **until: float) -> Item:
    """A picture of a width and height, enlarged until it has a size; checks that the plan states what happens."""
    translate = step(folder, until=until)
    translate.prepare(Planning(ModelFinder(catalog)))
    translate.open(Resources("cpu"))
    made = translate.apply(item(size[1], size[0]))
    assert translate.has_forecast
    assert translate.output_size(*size) == (made.picture.width, made.picture.height)
    assert f"{size[0]}x{size[1]}" in translate.forecast(*size)
    return made


@pytest.mark.parametrize(
    ("until", "times"),
    [
        ({"width": 30}, 0),
        ({"width": 31}, 1),
        ({"width": 61}, 2),
        ({"height": 161}, 4),
        ({"megapixels": 600 * 16 / 1e6}, 2),
        ({"megapixels": 600 * 17 / 1e6}, 3),
    ],
)
def test_a_model_is_applied_only_as_often_as_needed(
    folder: Path, catalog: Catalog, until: dict[str, float], times: int
) -> None:
    made = enlarged(folder, catalog, (30, 20), **until)
    assert (made.picture.color == item().picture.color.repeat(2**times, 0).repeat(2**times, 1)).all()
    notes = made.notes["translate"]
    assert notes == ({"model": "near-x2", "times": 0},) if not times else len(notes) == times


def test_forecasts_say_how_often(folder: Path, catalog: Catalog) -> None:
    translate = step(folder, until={"width": 100})
    translate.prepare(Planning(ModelFinder(catalog)))
    assert translate.forecast(100, 3) == "near-x2 is not needed: 100x3"
    assert translate.forecast(60, 3) == "near-x2 once: 60x3 to 120x6"
    assert translate.forecast(13, 3) == "near-x2 3 times: 13x3 to 104x24"
    assert translate.forecast(1, 20_000).endswith("to 128x2560000")
    assert translate.forecast(1, 80_000).endswith("to 128x10240000, which fails: more than 1,000,000,000 pixels")
    assert not step(folder).has_forecast


def test_a_narrow_picture_that_would_become_extremely_large_fails(folder: Path, catalog: Catalog) -> None:
    with pytest.raises(TranslateError, match=r"1x2000 would become 1024x2048000, more than 1,000,000,000 pixels"):
        enlarged(folder, catalog, (1, 2000), width=1000)


def test_the_scale_is_unknown_while_the_number_of_times_is(folder: Path, catalog: Catalog) -> None:
    first, second = step(folder, until={"width": 100}), step(folder)
    first.prepare(Planning(ModelFinder(catalog)))
    second.prepare(Planning(ModelFinder(catalog), first.facts()))
    assert first.facts() == second.facts() == {"task": "tiny-nearest", "model": "near-x2", "scale": None}


@pytest.mark.parametrize(("width", "scale"), [(30, 4), (50, 2), (100, 1)])
def test_the_scale_of_each_picture_is_true(folder: Path, catalog: Catalog, width: int, scale: int) -> None:
    assert enlarged(folder, catalog, (width, 20), width=100).facts["scale"] == scale


def test_until_is_part_of_the_recipe_only_if_it_is_stated(folder: Path, catalog: Catalog) -> None:
    assert "until" not in step(folder).recipe()
    assert step(folder, until={"width": 9}).recipe()["until"]["width"] == 9


def test_a_model_that_does_not_enlarge_cannot_reach_a_size(directed: Path, catalog: Catalog) -> None:
    with pytest.raises(ConfigError, match=r"until: directed does not enlarge pictures"):
        step(directed, until={"width": 9}).prepare(Planning(ModelFinder(catalog)))


def test_the_licence_of_the_model_and_its_authors_are_stated() -> None:
    step = Translate(Translate.Options(bundle="sr-compact-x2"))
    step.prepare(Planning(ModelFinder(Catalog.installed())))
    (stated,) = step.licences().values()
    assert stated.startswith("CC-BY-SA-4.0, credits: Photographs CC-BY-4.0: aitzgorri")
