"""Rows of tiles become rows of the picture: each once, blended in overlaps, and correct after a restart."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.inference.tiles.blending import RowBlender, TileRow, ramp
from img2imgkit.inference.tiles.grid import Grid, Overlap, make_grid
from img2imgkit.task import Geometry

PICTURE = np.random.default_rng(0).random((90, 70, 3)).astype(np.float32)


def assembled(
    grid: Grid, blender: RowBlender, picture: np.ndarray, scale: int = 1, stop: int = 99
) -> dict[int, np.ndarray]:
    """Cut tiles from the finished picture and blend them again; stops before row ``stop`` of tiles."""
    given = {}
    width = picture.shape[1] // scale
    for row in grid.rows[:stop]:
        if scale * row.keep_stop <= blender.done:
            continue
        tiles = TileRow(row, width, 3, scale)
        for column in grid.columns:
            tiles.put(
                column, picture[scale * row.start : scale * row.stop, scale * column.start : scale * column.stop].copy()
            )
        given |= {start: rows.copy() for start, rows in blender.push(tiles)}
    return given


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("overlap", [Overlap(0, 0), Overlap(3, 0), Overlap(4, 6), Overlap(0, 5)])
def test_blending_tiles_of_a_picture_restores_it(scale: int, overlap: Overlap) -> None:
    grid = make_grid(90 // scale, 70 // scale, Geometry(scale), overlap, 30)
    assert grid.tiles > 2
    blender = RowBlender(90)
    given = assembled(grid, blender, PICTURE, scale)
    assert np.abs(np.concatenate(list(given.values())) - PICTURE).max() <= (1e-6 if overlap.blend else 0)
    assert blender.done == 90
    assert sorted(given) == list(given)


def test_neighbours_that_disagree_are_blended_without_a_step() -> None:
    grid = make_grid(64, 64, Geometry(radius=None), Overlap(0, 16), 52)
    assert len(grid.rows) == len(grid.columns) == 2
    blender, rows = RowBlender(64), []
    for number, row in enumerate(grid.rows):
        tiles = TileRow(row, 64, 1, 1)
        for column in grid.columns:
            tiles.put(column, np.full((row.stop - row.start, column.stop - column.start, 1), number, np.float32))
        rows += [part for _, part in blender.push(tiles)]
    column = np.concatenate(rows)[:, 32, 0]
    assert column[0] == 0
    assert column[-1] == 1
    assert (np.diff(column) >= 0).all()
    assert np.diff(column).max() == pytest.approx(1 / 17)


def test_ramps_of_neighbours_add_up_to_one() -> None:
    for width in (1, 2, 31):
        assert ramp(width) + ramp(width)[::-1] == pytest.approx(1)


@pytest.mark.parametrize("stop", [0, 1, 2])
@pytest.mark.parametrize("overlap", [Overlap(3, 0), Overlap(2, 6)])
def test_a_restart_with_another_grid_yields_only_missing_rows(stop: int, overlap: Overlap) -> None:
    blender = RowBlender(90)
    first = assembled(make_grid(90, 70, Geometry(), overlap, 40), blender, PICTURE, stop=stop)
    done = blender.done
    blender.restart(keep=True)
    second = assembled(make_grid(90, 70, Geometry(), overlap, 24), blender, PICTURE)
    assert next(iter(second)) == done
    assert np.abs(np.concatenate([*first.values(), *second.values()]) - PICTURE).max() <= 1e-6


def test_a_restart_without_keeping_rows_begins_at_the_top() -> None:
    blender = RowBlender(90)
    assembled(make_grid(90, 70, Geometry(), Overlap(3, 0), 40), blender, PICTURE, stop=2)
    blender.restart(keep=False)
    second = assembled(make_grid(90, 70, Geometry(), Overlap(3, 0), 24), blender, PICTURE)
    assert (np.concatenate(list(second.values())) == PICTURE).all()


def test_padding_beyond_the_picture_is_dropped() -> None:
    padded = np.pad(PICTURE, ((0, 6), (0, 2), (0, 0)))
    grid = make_grid(96, 72, Geometry(multiple=8), Overlap(2, 4), 40)
    blender, rows = RowBlender(90), []
    for row in grid.rows:
        tiles = TileRow(row, 70, 3, 1)
        for column in grid.columns:
            tiles.put(column, padded[row.start : row.stop, column.start : column.stop].copy())
        rows += [part.copy() for _, part in blender.push(tiles)]
    assert np.abs(np.concatenate(rows) - PICTURE).max() <= 1e-6
