"""Scores in Python are those of the command line, typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import save_pictures
from PIL import Image
from tiny_tasks import Nearest, loaded, tiny_catalog

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.errors import ConfigError, DataError, NotInstalled

CATALOG = tiny_catalog()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that repeats each pixel, twice as large."""
    folder = tmp_path_factory.mktemp("bundles") / "nearest"
    bundle.save(folder, loaded(Nearest).task, loaded(Nearest).nets, "nearest", CATALOG)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Sources, and what the model makes of them but for one pixel of the second."""
    sources, targets = tmp_path / "small", tmp_path / "large"
    targets.mkdir()
    for number, path in enumerate(save_pictures(sources, "a.png", "b.png", size=(12, 14))):
        levels = np.asarray(Image.open(path)).repeat(2, 0).repeat(2, 1).copy()
        levels[0, 0] ^= 255 * number
        Image.fromarray(levels).save(targets / path.name)
    return sources, targets


def test_pairs_of_two_folders_are_scored_by_the_named_metrics(model: Path, folders: tuple[Path, Path]) -> None:
    found = kit.evaluate(model, pairs=folders, metrics=["l1", "psnr"], catalog=CATALOG)
    assert (found.rows[0].name, found.rows[0].scores["l1"]) == ("a", 0.0)
    assert found.rows[1].scores["l1"] > 0
    assert found.metrics == ("l1", "psnr")
    assert found.mean["l1"] == pytest.approx(found.rows[1].scores["l1"] / 2)
    assert (found.protocol, found.scale, found.set) == ("pairs-8bit", 2, "small to large")


def test_a_folder_of_pairs_is_scored_by_all_metrics_of_its_protocol(model: Path, folders: tuple[Path, Path]) -> None:
    sources, targets = folders
    sources.rename(sources.with_name("source"))
    targets.rename(targets.with_name("target"))
    found = kit.evaluate(model, pairs=sources.parent, catalog=CATALOG)
    assert {"l1", "psnr", "ssim"} <= set(found.mean)


def test_a_reference_set_is_degraded_and_enlarged_again(model: Path, folders: tuple[Path, Path]) -> None:
    found = kit.evaluate(model, data=folders[1], metrics=["psnr_y"], catalog=CATALOG)
    assert (found.protocol, found.scale, found.inputs) == ("sr-matlab", 2, "made by MATLAB's bicubic imresize")
    assert 0 < found.mean["psnr_y"] < 100


def test_a_loaded_model_stays_open(model: Path, folders: tuple[Path, Path]) -> None:
    with kit.load(model, catalog=CATALOG) as opened:
        first, second = (kit.evaluate(opened, pairs=folders, metrics=["l1"], catalog=CATALOG) for _ in range(2))
        assert first.mean == second.mean
        with pytest.raises(ConfigError, match="state options and device where it is loaded"):
            kit.evaluate(opened, pairs=folders, tile=16, catalog=CATALOG)


def test_files_that_are_not_pictures_are_a_warning(model: Path, folders: tuple[Path, Path]) -> None:
    (folders[0] / "notes.txt").write_text("none")
    with pytest.warns(UserWarning, match=r"small to large: files that are not pictures.*txt"):
        kit.evaluate(model, pairs=folders, metrics=["l1"], catalog=CATALOG)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({}, ConfigError, "either 'data', a reference set, or 'pairs'"),
        ({"data": "x", "pairs": "y"}, ConfigError, "either 'data', a reference set, or 'pairs'"),
        ({"pairs": ("x", "y"), "swap": True}, ConfigError, "exchange the two folders"),
        ({"pairs": "nowhere"}, DataError, "nowhere: no such folder"),
        ({"data": "x", "metrics": ["psrn_y"]}, NotInstalled, "did you mean 'psnr_y'"),
    ],
)
def test_what_is_wrong_is_said_before_the_model_is_loaded(
    arguments: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        kit.evaluate("no-such-model", catalog=CATALOG, **arguments)


def test_an_evaluation_is_shown_in_a_line_and_as_a_table(model: Path, folders: tuple[Path, Path]) -> None:
    found = kit.evaluate(model, pairs=folders, metrics=["l1"], catalog=CATALOG)
    assert repr(found).startswith("<evaluation on small to large: L1 ")
    assert repr(found).endswith("; 2 pictures, protocol pairs-8bit>")
    table = found._repr_html_()
    assert [name in table for name in ("<td>a</td>", "<td>b</td>", "<td>mean</td>", "<th>L1</th>")] == [True] * 4
