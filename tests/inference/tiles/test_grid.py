"""Tiles cover a picture once, inside it, at multiples of the network's, with the halo that makes them exact."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img2imgkit.inference.tiles.grid import (
    Overlap,
    Span,
    fitted,
    make_grid,
    overlap_for,
    padded,
    reflected,
    region,
    round_up,
    smallest_tile,
    spans,
)
from img2imgkit.task import Geometry


@st.composite
def axes(draw: st.DrawFn) -> tuple[int, int, Geometry, Overlap]:
    multiple = draw(st.sampled_from([1, 2, 4, 8, 32]))
    geometry = Geometry(1, multiple, draw(st.none() | st.integers(0, 60)), minimum=draw(st.sampled_from([1, 21, 200])))
    overlap = overlap_for(geometry, draw(st.none() | st.integers(0, 200)))
    length = padded(multiple * draw(st.integers(1, 3000 // multiple)), geometry)
    return length, draw(st.integers(16, 700)), geometry, overlap


@given(axes())
@settings(max_examples=150, deadline=None)
def test_spans_cover_an_axis_once_on_the_networks_grid(case: tuple[int, int, Geometry, Overlap]) -> None:
    length, tile, geometry, overlap = case
    overlap, tile = fitted(geometry, overlap, tile)
    found = spans(length, tile, overlap, geometry)
    assert (found[0].start, found[0].keep_start, found[0].fade_in) == (0, 0, 0)
    assert (found[-1].stop, found[-1].keep_stop, found[-1].fade_out) == (length, length, 0)
    assert len({span.stop - span.start for span in found}) == 1  # one shape for the whole picture
    for span in found:
        assert span.start % geometry.multiple == span.stop % geometry.multiple == 0
        assert geometry.minimum <= span.stop - span.start <= tile
        assert span.fade_in + span.fade_out <= span.keep_stop - span.keep_start
        assert span.start == 0 or span.keep_start - span.start >= overlap.halo
        assert span.stop == length or span.stop - span.keep_stop >= overlap.halo
    for before, behind in pairwise(found):
        assert before.keep_stop - behind.keep_start == before.fade_out == behind.fade_in == overlap.blend


@given(axes())
@settings(max_examples=80, deadline=None)
def test_a_grid_is_exact_only_if_every_tile_contains_its_receptive_field(
    case: tuple[int, int, Geometry, Overlap],
) -> None:
    length, tile, geometry, overlap = case
    grid = make_grid(length, padded(1, geometry), geometry, overlap, tile)
    if not grid.exact:
        assert grid.tiles > 1
        assert geometry.radius is None or grid.overlap.halo < geometry.radius
    elif grid.tiles > 1:
        assert geometry.radius is not None
        for span in grid.rows:
            assert span.start == 0 or span.start <= span.keep_start - geometry.radius
            assert span.stop == length or span.stop >= span.keep_stop + geometry.radius


@given(axes())
@settings(max_examples=80, deadline=None)
def test_the_smallest_tile_keeps_its_overlap(case: tuple[int, int, Geometry, Overlap]) -> None:
    _, _, geometry, overlap = case
    least = smallest_tile(overlap, geometry)
    assert fitted(geometry, overlap, least) == (overlap, least)


def test_the_overlap_comes_from_the_receptive_field() -> None:
    assert overlap_for(Geometry(radius=18)) == Overlap(18, 0)
    assert overlap_for(Geometry(radius=18), 50) == Overlap(18, 14)
    assert overlap_for(Geometry(radius=0)) == Overlap(0, 0)


def test_an_overlap_that_cannot_be_exact_is_half_dropped_and_half_blended() -> None:
    assert overlap_for(Geometry(radius=18), 20) == Overlap(5, 10)
    assert overlap_for(Geometry(radius=None)) == Overlap(16, 32)


def test_a_picture_no_larger_than_the_tile_is_one_tile() -> None:
    grid = make_grid(40, 64, Geometry(radius=None), Overlap(16, 32), 64)
    assert grid.rows == (Span(0, 40, 0, 40),)
    assert grid.columns == (Span(0, 64, 0, 64),)
    assert grid.exact


def test_tiles_are_no_larger_than_their_number_needs() -> None:
    found = spans(520, 512, Overlap(10, 0), Geometry())
    assert [(span.start, span.stop) for span in found] == [(0, 270), (250, 520)]
    assert [(span.keep_start, span.keep_stop) for span in found] == [(0, 260), (260, 520)]


def test_a_tile_too_small_for_its_overlap_shares_less_and_is_not_exact() -> None:
    grid = make_grid(200, 200, Geometry(radius=40), Overlap(40, 0), 64)
    assert 16 < grid.overlap.shared <= 32
    assert not grid.exact


@pytest.mark.parametrize(("length", "multiple", "expected"), [(0, 4, 0), (1, 4, 4), (4, 4, 4), (5, 4, 8), (7, 1, 7)])
def test_rounding_up(length: int, multiple: int, expected: int) -> None:
    assert round_up(length, multiple) == expected


@pytest.mark.parametrize(("length", "minimum", "expected"), [(1, 1, 4), (1, 9, 12), (12, 9, 12), (13, 9, 16)])
def test_padding_reaches_the_minimum_and_a_multiple(length: int, minimum: int, expected: int) -> None:
    assert padded(length, Geometry(multiple=4, minimum=minimum)) == expected


def test_a_tile_below_the_minimum_grows_to_it() -> None:
    grid = make_grid(400, 400, Geometry(multiple=4, radius=3, minimum=90), Overlap(3, 0), 16)
    assert grid.tile == min(grid.extent) == 92
    assert grid.exact


def test_spans_have_no_more_tiles_than_the_largest_tile_requires() -> None:
    for length in range(100, 1000, 37):
        found = spans(length, 96, Overlap(8, 0), Geometry())
        assert len(found) == int(np.ceil((length - 96) / 80)) + 1


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("beyond", [0, 1, 5, 40])
def test_reflection_repeats_like_numpys(length: int, beyond: int) -> None:
    expected = np.pad(np.arange(length), (0, beyond), mode="reflect") if length > 1 else np.zeros(1 + beyond)
    assert (reflected(length, 0, length + beyond) == expected).all()


def test_a_region_is_cut_from_the_padded_picture() -> None:
    pixels = np.arange(5 * 3 * 2).reshape(5, 3, 2)
    padded = np.pad(pixels, ((0, 11), (0, 13), (0, 0)), mode="reflect")
    for rows, columns in (((0, 16), (0, 16)), ((3, 8), (1, 3)), ((0, 5), (2, 9)), ((6, 16), (4, 16))):
        assert (region(pixels, rows, columns) == padded[slice(*rows), slice(*columns)]).all()


def test_a_region_inside_is_no_copy() -> None:
    pixels = np.zeros((5, 6, 1))
    assert np.shares_memory(region(pixels, (1, 5), (0, 6)), pixels)
