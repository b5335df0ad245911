from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_tasks import Nearest, Painted, Tinted, loaded, tiny_catalog

import img2imgkit as kit
from img2imgkit import bundle
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import decode

RNG = np.random.default_rng(0)
CATALOG = tiny_catalog()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for task in (Nearest, Painted, Tinted):
        folders[task.name] = tmp_path_factory.mktemp("bundles") / task.name
        bundle.save(folders[task.name], loaded(task).task, loaded(task).nets, task.name, CATALOG)
    return folders


def opened(saved: dict[str, Path], task: Any, **options: Any) -> kit.LoadedModel:
    return kit.load(saved[task.name], catalog=CATALOG, **options)


class TestPictures:
    def test_the_shipped_model_by_name(self, tmp_path: Path) -> None:
        levels = RNG.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(levels).save(tmp_path / "photo.png")
        with kit.load("sr-compact-x2") as model:
            assert (model.name, model.scale, model.conditions) == ("sr-compact-x2", 2, {})
            large = model(levels)
            assert (large.shape, large.dtype) == ((40, 48, 3), np.uint8)
            np.testing.assert_array_equal(np.asarray(model(Image.fromarray(levels))), large)
            made = model(tmp_path / "photo.png")
            np.testing.assert_array_equal(made.to_array(), large)
            made.save(tmp_path / "large.png")
            np.testing.assert_array_equal(decode(tmp_path / "large.png").color, large)
            assert model(levels[..., 0]).shape == (40, 48)

    def test_alpha_and_16_bits_are_kept(self, saved: dict[str, Path]) -> None:
        array = RNG.integers(0, 65536, (6, 5, 4), np.uint16)
        made = opened(saved, Nearest)(array)
        assert (made.shape[2], made.dtype) == (4, np.uint16)

    def test_options_are_those_of_translate(self, saved: dict[str, Path]) -> None:
        model = opened(saved, Nearest, engine="tensorflow", tile=16)
        assert repr(model).startswith("<model tiny-nearest: task tiny-nearest,")
        assert "float32 on " in repr(model)
        with pytest.raises(ConfigError, match="tiles: unknown option; did you mean 'tile'"):
            opened(saved, Nearest, tiles=16)
        with pytest.raises(ConfigError, match="no engine 'tensorflo'"):
            opened(saved, Nearest, engine="tensorflo")

    def test_a_closed_model_says_so(self, saved: dict[str, Path]) -> None:
        with opened(saved, Nearest) as model:
            pass
        assert repr(model) == "<model tiny-nearest, closed>"
        with pytest.raises(ConfigError, match="'tiny-nearest' is closed: load it again"):
            model(np.zeros((4, 4, 3), np.uint8))


class TestConditions:
    def test_values_pictures_and_maps_are_keywords(self, saved: dict[str, Path]) -> None:
        model = opened(saved, Tinted)
        picture, style = (RNG.integers(0, 256, (9, 12, 3), np.uint8) for _ in range(2))
        ids = RNG.integers(0, 9, (9, 12))
        by_array = model(picture, tint="blue", style=style, hidden=ids)
        several = model(
            picture, tint="blue", style=[Image.fromarray(style)] * 2, hidden=Image.fromarray(ids.astype("u1"))
        )
        np.testing.assert_array_equal(by_array, several)
        assert set(model.conditions) == {"tint", "style", "hidden", "traits"}

    def test_what_is_unknown_or_missing_is_told(self, saved: dict[str, Path]) -> None:
        model = opened(saved, Tinted)
        picture = np.zeros((8, 8, 3), np.uint8)
        with pytest.raises(ConfigError, match="tnt"):
            model(picture, tnt="blue")
        with pytest.raises(TranslateError, match=r"tint|style"):
            model(picture)

    def test_a_model_of_label_maps_takes_the_map(self, saved: dict[str, Path], tmp_path: Path) -> None:
        model = opened(saved, Painted)
        ids = RNG.integers(0, 3, (18, 21))
        instances = np.where(ids == 2, 7, 0)
        made = model(ids, instance=instances, seed=2)
        assert (made.shape[:2], made.dtype) == ((18, 21), np.uint8)
        image = Image.fromarray(ids.astype(np.uint8))
        image.save(tmp_path / "ids.png")
        np.testing.assert_array_equal(np.asarray(model(image, instance=instances, seed=2)), made)
        np.testing.assert_array_equal(model(tmp_path / "ids.png", instance=instances, seed=2).to_array(), made)


class TestBatch:
    def test_results_are_in_order_and_those_of_single_calls(self, saved: dict[str, Path]) -> None:
        model = opened(saved, Nearest)
        pictures = [RNG.integers(0, 256, (4 + number, 6, 3), np.uint8) for number in range(12)]
        for picture, made in zip(pictures, model.batch(pictures), strict=True):
            np.testing.assert_array_equal(made, model(picture))

    def test_only_a_few_are_read_ahead(self, saved: dict[str, Path]) -> None:
        read = 0

        def endless() -> Iterator[np.ndarray]:
            nonlocal read
            while True:
                read += 1
                yield np.zeros((4, 4, 3), np.uint8)

        made = opened(saved, Nearest).batch(endless())
        next(made)
        assert 1 <= read <= 40
        made.close()  # type: ignore[attr-defined]
        assert not [each for each in threading.enumerate() if each.name.startswith("batch")]

    def test_an_error_comes_at_its_picture(self, saved: dict[str, Path]) -> None:
        made = opened(saved, Nearest).batch([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 7), np.uint8)])
        next(made)
        with pytest.raises(ValueError, match=r"got \(4, 4, 7\)"):
            next(made)
