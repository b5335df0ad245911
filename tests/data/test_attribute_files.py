"""Attribute files of any common form."""

from __future__ import annotations

from pathlib import Path

import pytest

from img2imgkit.data.attribute_files import Attributes, read_attributes
from img2imgkit.errors import DataError


def read(place: Path, text: str, encoding: str = "utf-8") -> Attributes:
    (place / "list.txt").write_bytes(text.encode(encoding))
    return read_attributes(place / "list.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   ", ", "])
@pytest.mark.parametrize("column", ["", "picture"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_common_separator_is_read(tmp_path: Path, separator: str, column: str, encoding: str, end: str) -> None:
    head = ([column] if column else []) + ["Male", "Young"]
    rows = [head, ["a.png", "1", "-1"], ["sub/b.png", "0", "1"]]
    found = read(tmp_path, end.join(separator.join(row) for row in rows) + end, encoding)
    assert found == Attributes(("Male", "Young"), {"a.png": (2, (1.0, 0.0)), "sub/b.png": (3, (0.0, 1.0))})


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_names_of_files_and_attributes_may_contain_spaces_and_separators(tmp_path: Path, separator: str) -> None:
    text = f'image{separator}Blond Hair{separator}"a{separator} b"\nmy photo.png{separator}1{separator}0\n'
    text += f'"x{separator}""y"".png"{separator}0{separator}1\n'
    assert read(tmp_path, text) == Attributes(
        ("Blond Hair", f"a{separator} b"), {"my photo.png": (2, (1.0, 0.0)), f'x{separator}"y".png': (3, (0.0, 1.0))}
    )


@pytest.mark.parametrize("name", ["my  photo (1).png", '"my  photo (1).png"'])
@pytest.mark.parametrize("head", ["Male Young", "picture Male Young"])
def test_file_names_with_spaces_end_where_the_values_begin(tmp_path: Path, name: str, head: str) -> None:
    found = read(tmp_path, f"{head}\n{name}  1 -1\n")
    assert found == Attributes(("Male", "Young"), {"my  photo (1).png": (2, (1.0, 0.0))})


def test_commas_in_names_are_no_separators_of_a_file_with_spaces(tmp_path: Path) -> None:
    found = read(tmp_path, "Male Young\na,b.png 1 -1\nc.png 0 1\n")
    assert list(found.lines) == ["a,b.png", "c.png"]


def test_the_number_of_pictures_is_skipped(tmp_path: Path) -> None:
    expected = Attributes(("Male", "Young"), {"a.png": (3, (1.0, 0.0))})
    assert read(tmp_path, "1\nMale Young\na.png 1 -1\n") == expected
    assert read(tmp_path, "1,,\nname,Male,Young\na.png,1,-1\n") == expected


def test_a_table_with_an_unnamed_column_of_pictures_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, ",Male\na.png,1\n") == Attributes(("Male",), {"a.png": (2, (1.0,))})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,Male,Young\na.png,1,-1\nb.png,1\n", ":3: expected a file name and 2 values, got 2"),
        ("Male;Young\na.png;1;yes\n", ":2: expected the values 1, 0 or -1, got 'yes'"),
        ("Male Young\na.png 1 -1 1\n", ":2: expected a file name and 2 values, got 4"),
        ('Male Young\n"a.png 1 1\n', ":2: the quotation mark is not closed"),
        ('Male,Young\n"a.png,1,1\n', "is no valid CSV"),
        ("Male,Young\na.png,1,1\na.png,1,1\n", ":3: a.png is already listed in line 2"),
        ("", "expected a line with the names"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not UTF-8 text"):
        read(tmp_path, "Männlich\na.png 1\n", "latin-1")
