import io

import pytest
from pictures import save_pictures
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import decode
from img2imgkit.images.limits import limits, most_pixels, set_limits
from img2imgkit.places import Limits


@pytest.fixture(autouse=True)
def own_limits():
    """Set the limits back."""
    before = limits()
    yield
    set_limits(before)


@pytest.mark.parametrize(
    ("limit", "stated", "most"), [(None, None, None), (None, 5, 5), (5, None, 5), (5, 9, 5), (9, 5, 5)]
)
def test_the_smaller_limit_of_pixels_counts(limit, stated, most):
    set_limits(Limits(pixels=limit))
    assert most_pixels(stated) == most


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.gif"])
@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (Limits(pixels=191), "states 16x12 = 192 pixels, more than the limit of 191"),
        (Limits(bytes=10), "bytes, more than `limits.bytes`, 10"),
        (Limits(formats=("BMP",)), "`limits.formats` allows"),
    ],
    ids=["pixels", "bytes", "formats"],
)
def test_a_picture_beyond_a_limit_is_refused(tmp_path, name, stated, reason):
    (path,) = save_pictures(tmp_path, name)
    set_limits(stated)
    with pytest.raises(DecodeError, match=reason.replace("(", r"\(")):
        decode(path)


@pytest.mark.parametrize(("name", "format"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.tif", "TIFF"), ("a.gif", "GIF")])
def test_an_allowed_format_is_read(tmp_path, name, format):
    (path,) = save_pictures(tmp_path, name)
    set_limits(Limits(formats=(format,)))
    assert decode(path).width == 16


def test_a_format_is_known_by_content(tmp_path):
    target = io.BytesIO()
    Image.new("L", (4, 4)).save(target, "GIF")
    (tmp_path / "a.png").write_bytes(target.getvalue())
    set_limits(Limits(formats=("PNG",)))
    with pytest.raises(DecodeError, match="allows"):
        decode(tmp_path / "a.png")
