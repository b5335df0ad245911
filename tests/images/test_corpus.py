"""Every file of the corpus: good ones are exact, broken ones fail with their reasons, and round trips are lossless."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from corpus import make_corpus

from img2imgkit.errors import DecodeError
from img2imgkit.images import decode, encode, format_of_content, is_image, writable

LOSSLESS = {"BMP", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP"}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def pictures(cases):
    return [(case, decode(case.path)) for case in cases if case.good]


def same(picture, case):
    """Whether a picture has a case's pixels, including their type."""
    if picture.space != case.space or picture.color.dtype != case.color.dtype:
        return False
    if (picture.alpha is None) != (case.alpha is None) or not np.array_equal(picture.color, case.color):
        return False
    return case.alpha is None or np.array_equal(picture.alpha, case.alpha)


def test_it_contains_enough_of_each_kind(cases):
    assert sum(case.good for case in cases) >= 120
    assert sum(bool(case.reason) for case in cases) >= 50
    assert sum(not case.listed for case in cases) >= 6


def test_every_good_file_is_exact_and_has_only_its_note(pictures):
    wrong = [case for case, picture in pictures if not same(picture, case)]
    assert not [str(case) for case in wrong]
    silent = [str(case) for case, picture in pictures if case.note not in " ".join(picture.notes)]
    assert not silent
    talking = [(str(case), picture.notes) for case, picture in pictures if picture.notes and not case.note]
    assert not talking


def test_every_broken_file_fails_with_its_name_and_reason_in_one_line(cases):
    for case in (case for case in cases if case.reason):
        with pytest.raises(DecodeError) as caught:
            decode(case.path)
        message = str(caught.value)
        assert case.reason in message, case
        assert case.path.suffix in message, case
        assert "\n" not in message, case
        assert message.isprintable(), case


@pytest.mark.parametrize("share", [0.6, 0.8, 0.97])
def test_a_truncated_file_never_has_other_pixels(cases, tmp_path, share):
    """It fails, or no pixels were missing. (The palette at the end of a PCX file cannot be missed.)"""
    failed, path = 0, tmp_path / "cut"
    for case in (case for case in cases if case.good and case.path.name != "pcx-palette.pcx"):
        data = case.path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        try:
            picture = decode(path)
        except DecodeError:
            failed += 1
            continue
        assert np.array_equal(picture.color, case.color), case
    assert failed > 100


def test_only_picture_files_are_listed(cases):
    for case in cases:
        if case.listed:
            assert is_image(case.path) or format_of_content(case.path), case
    assert not [case for case in cases if not case.listed and is_image(case.path) and not case.path.is_dir()][1:]


def test_writing_in_the_same_lossless_format_changes_no_pixel_and_no_depth(pictures, tmp_path):
    done = 0
    for case, picture in pictures:
        if picture.format not in LOSSLESS & writable() or picture.lossy:
            continue
        again = tmp_path / "again"
        encoded = encode(picture, picture.format)
        again.write_bytes(encoded.data)
        opaque = case.alpha is not None and (case.alpha == np.iinfo(case.alpha.dtype).max).all()
        expected = replace(case, alpha=None) if picture.format == "WEBP" and opaque else case  # libwebp omits it
        assert same(decode(again), expected), case
        assert not [note for note in encoded.notes if "->" in note or "left out" in note], (case, encoded.notes)
        done += 1
    assert done > 100


def test_a_second_round_trip_keeps_the_mode(pictures, tmp_path):
    """1-bit stays 1-bit, a palette stays a palette, grey stays grey."""
    stable = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16", "LA;16", "RGB;16", "RGBA;16", "CMYK", "CMYK;16"}
    for case, picture in pictures:
        if picture.format in ("PNG", "TIFF") and picture.mode in stable:
            again = tmp_path / "again"
            again.write_bytes(encode(picture, picture.format).data)
            assert decode(again).mode == picture.mode, case


def test_tiff_stores_everything(pictures, tmp_path):
    for case, picture in pictures:
        again = tmp_path / "again.tif"
        again.write_bytes(encode(picture, "TIFF").data)
        assert same(decode(again), case), case


def test_threads_decode_equally_and_capture_only_their_own_warnings(cases):
    chosen = [case for case in cases if case.good or case.reason] * 2

    def outcome(case):
        try:
            picture = decode(case.path)
        except DecodeError as error:
            return str(error), ()
        return "" if same(picture, case) else "differs", picture.notes

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(outcome, chosen))
    assert together == [outcome(case) for case in chosen]
    assert [result for result, _ in together].count("") >= 240


def test_every_picture_is_written_in_every_format_or_refused_with_a_remedy(pictures, tmp_path):
    refused = 0
    for case, picture in pictures[::2]:
        for format in sorted(writable()):
            small = replace(picture, color=picture.color[:6, :6], alpha=_window(picture.alpha))
            opaque_only = format in ("JPEG", "PPM", "PCX")
            if opaque_only and small.alpha is not None and (small.alpha != np.iinfo(small.alpha.dtype).max).any():
                with pytest.raises(Exception, match="'convert' step with alpha"):
                    encode(small, format)
                refused += 1
                continue
            if format == "PCX" and small.width == 1:
                continue  # Pillow before 13 cannot read its own
            again = tmp_path / "again"
            again.write_bytes(encode(small, format).data)
            assert decode(again).color.shape[:2] == small.color.shape[:2], (case, format)
    assert refused > 25


def _window(alpha):
    return None if alpha is None else alpha[:6, :6]
