"""The notes of a run are summarised by kind."""

from pathlib import PurePosixPath
from typing import Any

from img2imgkit.item import Entry
from img2imgkit.pipeline import Outcome
from img2imgkit.pipeline.notes import NoteKind, kinds_of_notes


def made(name: str, status: str = "done", **notes: Any) -> Outcome:
    return Outcome(Entry(f"/in/{name}", PurePosixPath(name), 0, 1, "1"), status, notes=notes)  # type: ignore[arg-type]


def test_notes_are_of_one_kind_up_to_numbers_and_what_follows_the_first_colon() -> None:
    outcomes = [
        made("a", decoding="further pages or frames in the file were left out: 2; left out: a gain map"),
        made(
            "b",
            decoding="further pages or frames in the file were left out: 30",
            encoding="left out: a gain map: small",
        ),
        made("b", decoding="left out: a thumbnail"),
        made("c", encoding="JPEG supports 8 bits per channel: 16 -> 8"),
    ]
    assert kinds_of_notes(outcomes) == [
        NoteKind("further pages or frames in the file were left out: 2", "a", 2),
        NoteKind("left out: a gain map", "a", 2),
        NoteKind("left out: a thumbnail", "b", 1),
        NoteKind("JPEG supports 8 bits per channel: 16 -> 8", "c", 1),
    ]


def test_a_picture_counts_once_for_each_kind() -> None:
    twice = made("a", decoding="left out: page 2; left out: page 3", other=("left out: page 4: blank", None))
    assert kinds_of_notes([twice]) == [NoteKind("left out: page 2", "a", 1)]


def test_data_are_no_notes() -> None:
    data = made("a", written="RGB;16", trace="Traceback: ...", tile=256, sizes=(1, 2), more={"model": "x"}, none=None)
    assert kinds_of_notes([data]) == []


def test_tiles_that_change_the_result_are_a_note() -> None:
    exact, inexact = {"model": "x", "tile": "whole"}, {"model": "x", "inexact": "the overlap is too small: 8 < 16"}
    [kind] = kinds_of_notes([made("a", translate=(exact,)), made("b", translate=(exact, inexact))])
    assert kind == NoteKind("the overlap is too small: 8 < 16", "b", 1)


def test_only_pictures_that_were_made_have_notes() -> None:
    assert kinds_of_notes([made("a", "failed", decoding="x y"), made("b", "up to date", decoding="x y")]) == []


def test_why_a_bundle_has_no_engine_form_is_a_note() -> None:
    notes = ({"model": "m", "engine": "no engine form can be made: translate differs"},)
    assert kinds_of_notes([made("a", translate=notes)])[0].note == "no engine form can be made: translate differs"


def test_values_far_beyond_a_described_range_are_a_note() -> None:
    notes = ({"model": "m", "beyond": "the model gives values far beyond its range: 0 to 255 of 0 to 1"},)
    [kind] = kinds_of_notes([made("a", translate=notes), made("b", translate=notes)])
    assert (kind.first, kind.pictures) == ("a", 2)
