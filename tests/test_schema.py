"""Options as tables; the JSON Schemas are tested as `img2img schema` prints them."""

import pytest

from img2imgkit.schema import type_text


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "integer"),
        (float | None, "number or null"),
        (tuple[str, ...], "list of text"),
        (tuple[int, int], "list of integer"),
        (dict[str, int], "mapping"),
        (bool, "true or false"),
        (int | str, "integer or text"),
    ],
)
def test_types_are_described_as_users_write_values(annotation, text):
    assert type_text(annotation) == text
