"""The choice of tiles by options, by memory, and by earlier out-of-memory errors."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tiny_tasks import Normed, Plain, loaded

from img2imgkit.errors import TranslateError
from img2imgkit.images import Picture
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.inference.tiles.tiling import Tiling
from img2imgkit.task import Geometry

PLENTY = float("inf")
CONVOLUTIONAL, GLOBAL, DEEP = Geometry(radius=10), Geometry(radius=None), Geometry(radius=350, multiple=4)


def tiling(geometry: Geometry, room: float = PLENTY, **settings: object) -> Tiling:
    options = TranslateOptions.model_validate(settings)
    return Tiling(geometry, options.tile, options.overlap, room)


def test_small_pictures_are_whole_and_large_ones_are_tiled_however_much_memory_there_is() -> None:
    assert tiling(CONVOLUTIONAL).grid(512, 1024).tiles == 1
    large = tiling(CONVOLUTIONAL).grid(3000, 4000)
    assert large.tile == 512
    assert max(large.extent) <= 512
    assert large.exact


@pytest.mark.parametrize("room", [512 * 512, 1 << 24, PLENTY])
def test_the_tile_does_not_depend_on_the_memory_beyond_what_it_needs(room: float) -> None:
    assert tiling(CONVOLUTIONAL, room).grid(3000, 4000) == tiling(CONVOLUTIONAL).grid(3000, 4000)


@pytest.mark.parametrize(("room", "tile"), [(512**2 - 1, 384), (200**2, 192), (64**2, 64), (5, 28)])
def test_little_memory_makes_tiles_smaller_but_exact(room: float, tile: int) -> None:
    grid = tiling(CONVOLUTIONAL, room).grid(3000, 4000)
    assert grid.tile == tile
    assert grid.exact


def test_little_memory_and_failures_give_no_tile_below_the_minimum() -> None:
    chosen = tiling(Geometry(radius=10, multiple=8, minimum=100), 5)
    assert chosen.grid(3000, 4000).tile == 104
    assert chosen.grid(40, 30).extent == (104, 104)
    with pytest.raises(TranslateError, match="out of memory even with tiles of 104 x 104 pixels"):
        chosen.shrink(chosen.grid(40, 30), "OOM")


def test_a_picture_that_does_not_fit_is_tiled_even_if_it_is_small() -> None:
    assert tiling(CONVOLUTIONAL, 100 * 100).grid(120, 120).tile == 96


def test_a_network_with_unlimited_receptive_field_processes_whole_pictures_that_fit() -> None:
    assert tiling(GLOBAL).grid(3000, 4000).tiles == 1
    tight = tiling(GLOBAL, 1 << 20).grid(3000, 4000)
    assert tight.tile == 512
    assert not tight.exact
    assert tight.overlap.blend == 32


def test_a_large_receptive_field_gets_tiles_that_are_mostly_used() -> None:
    grid = tiling(DEEP).grid(8000, 8000)
    assert grid.exact
    assert grid.tile >= 3 * 700
    assert tiling(DEEP, 1400**2).grid(8000, 8000).exact


def test_tiles_that_would_be_mostly_overlap_become_inexact_unless_requested() -> None:
    tight = tiling(DEEP, 1 << 20)
    grid = tight.grid(8000, 8000)
    assert (grid.tile, grid.overlap.shared, grid.exact) == (512, 64, False)
    assert tight.grid(1000, 1000).tiles == 1  # fits into memory, so a whole picture is exact
    assert tiling(DEEP, 1 << 20, overlap=700).grid(8000, 8000).exact


def test_exact_tiles_that_run_out_of_memory_become_inexact() -> None:
    chosen = tiling(DEEP, 1400**2)
    chosen.shrink(chosen.grid(8000, 8000), "OOM")
    grid = chosen.grid(8000, 8000)
    assert not grid.exact
    assert max(grid.extent) <= 1400 * 0.7 + 64


def test_the_users_tile_and_overlap_are_used() -> None:
    grid = tiling(CONVOLUTIONAL, tile=100, overlap=30).grid(300, 100)
    assert (grid.tile, grid.overlap.halo, grid.overlap.blend) == (100, 10, 10)
    assert tiling(CONVOLUTIONAL, 3000 * 2000, tile="off").grid(3000, 4000).tiles == 1


def test_a_tile_beyond_memory_is_replaced_by_auto() -> None:
    auto = tiling(CONVOLUTIONAL, 512 * 512).grid(3000, 4000)
    assert tiling(CONVOLUTIONAL, 512 * 512, tile="off").grid(3000, 4000) == auto
    assert tiling(CONVOLUTIONAL, 512 * 512, tile=2000).grid(3000, 4000) == auto
    assert tiling(CONVOLUTIONAL, 512 * 512, tile=2000).grid(100, 100).tiles == 1


def test_tiles_shrink_to_half_their_pixels_and_never_grow_again() -> None:
    chosen = tiling(CONVOLUTIONAL)
    sizes = []
    while not sizes or sizes[-1] > 28:
        grid = chosen.grid(3000, 4000)
        assert grid.exact
        sizes.append(max(grid.extent))
        if sizes[-1] > 28:
            chosen.shrink(grid, "OOM")
    with pytest.raises(TranslateError, match="smaller 'overlap' allows smaller tiles"):
        chosen.shrink(chosen.grid(3000, 4000), "OOM")
    assert sizes == sorted(set(sizes), reverse=True)
    assert len(sizes) > 5
    assert all(after >= 0.6 * before for before, after in pairwise(sizes))


def test_memory_sets_the_tiles_of_a_translator(monkeypatch: pytest.MonkeyPatch) -> None:
    from img2imgkit.inference.engines import devices
    from img2imgkit.inference.engines.devices import bytes_per_pixel

    bundle = loaded(Plain)
    each = bytes_per_pixel(bundle.task, bundle.nets)
    monkeypatch.setattr(devices, "free_bytes", lambda *_: int(100**2 * each))
    given = Picture(np.zeros((130, 90, 3), np.uint8))
    assert Translator(bundle, device="cpu").translate(given).notes["tile"] == 96
    assert Translator(bundle, TranslateOptions(batch=4), "cpu").translate(given).notes["tiles"] > 4
    assert (
        Translator(bundle, TranslateOptions(tile="off"), "cpu").translate(given).notes["tile"] == "whole"
    )  # 1.2 times
    assert "inexact" in Translator(loaded(Normed), device="cpu").translate(given).notes


def test_a_model_that_must_see_the_whole_gets_no_tiles_and_says_when_memory_does_not_suffice() -> None:
    whole = Tiling(CONVOLUTIONAL, "auto", "auto", 1 << 20, whole=True)
    assert whole.grid(1000, 2000).tiles == 1
    with pytest.raises(TranslateError, match="not enough memory for 3000 x 2000 pixels, and the model allows no tiles"):
        whole.grid(2000, 3000)
    with pytest.raises(TranslateError, match="out of memory, and the model must see each picture as a whole: OOM"):
        whole.shrink(whole.grid(1000, 2000), "OOM")
