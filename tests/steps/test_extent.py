"""Sizes stated by a width, a height or megapixels."""

import pytest
from pydantic import ValidationError

from img2imgkit.steps.extent import Extent


@pytest.mark.parametrize(
    ("extent", "text", "reached", "exceeded"),
    [
        (Extent(width=10), "a width of 10", (10, 1), (11, 1)),
        (Extent(height=10), "a height of 10", (1, 10), (1, 11)),
        (Extent(megapixels=2), "2 megapixels", (2000, 1000), (2001, 1000)),
        (Extent(megapixels=0.5), "0.5 megapixels", (500, 1000), (501, 1000)),
    ],
)
def test_a_size_is_reached_at_its_limit_and_exceeded_beyond(
    extent: Extent, text: str, reached: tuple[int, int], exceeded: tuple[int, int]
) -> None:
    assert str(extent) == text
    assert extent.is_reached_by(*reached)
    assert not extent.is_exceeded_by(*reached)
    assert extent.is_exceeded_by(*exceeded)
    assert not extent.is_reached_by(reached[0] - 1, reached[1] - 1)


@pytest.mark.parametrize("stated", [{}, {"width": 3, "height": 4}, {"width": 0}, {"megapixels": 0}, {"megapixels": -1}])
def test_exactly_one_positive_number_is_stated(stated: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Extent.model_validate(stated)
