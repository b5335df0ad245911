from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from img2imgkit.errors import DataError
from img2imgkit.evaluation import find_set
from img2imgkit.evaluation.reference_set import levels_of
from img2imgkit.images import Picture
from img2imgkit.images.matlab import imresize


def test_high_resolution_pictures_alone_are_a_set(scenes):
    found = find_set(scenes, 2)
    assert [sample.name for sample in found.samples] == ["a", "b", "grey"]
    assert (found.name, found.inputs) == ("scenes", "made by MATLAB's bicubic imresize")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_reference_is_cropped_to_multiples_of_the_scale(scenes, scale):
    sample = find_set(scenes, scale).samples[0]
    whole = np.asarray(Image.open(scenes / "a.png"))
    assert np.array_equal(sample.reference, whole[: 41 // scale * scale, : 50 // scale * scale])


def test_the_low_resolution_picture_is_downsampled_from_the_cropped_one(scenes):
    sample = find_set(scenes, 3).samples[0]
    assert np.array_equal(sample.lr.color, imresize(sample.reference, Fraction(1, 3)))
    assert (sample.lr.height, sample.lr.width) == (13, 16)


def test_a_grey_file_stays_grey(scenes):
    sample = find_set(scenes, 2).samples[2]
    assert (sample.reference.shape, sample.lr.space) == ((40, 40, 1), "grey")


def test_published_low_resolution_pictures_are_used(published):
    found = find_set(published, 2)
    assert [sample.lr_file.name for sample in found.samples] == ["boatx2.png", "treex2.png"]
    assert found.inputs == "LR_bicubic/X2"
    given = np.asarray(Image.open(published / "LR_bicubic/X2/boatx2.png"))
    assert np.array_equal(found.samples[0].lr.color, given)


def test_an_unpublished_scale_is_downsampled(published):
    assert find_set(published, 4).samples[0].lr_file is None


def test_a_missing_low_resolution_picture_is_named(published):
    (published / "LR_bicubic/X2/treex2.png").unlink()
    with pytest.raises(DataError, match=r"X2: has no treex2\.png, which tree\.png needs"):
        find_set(published, 2)


def test_a_low_resolution_picture_of_the_wrong_size_is_rejected(published):
    Image.new("RGB", (21, 18)).save(published / "LR_bicubic/X2/boatx2.png")
    with pytest.raises(DataError, match=r"boatx2\.png: 21x18 pixels, but boat\.png needs 22x18 at scale 2"):
        find_set(published, 2).samples[0].lr  # noqa: B018


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        find_set(tmp_path / "nowhere", 2)


def test_a_folder_without_pictures_is_rejected(tmp_path):
    with pytest.raises(DataError, match="contains no picture"):
        find_set(tmp_path, 2)


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"broken\.png"):
        find_set(tmp_path, 2).samples[0].reference  # noqa: B018


def test_a_picture_smaller_than_the_scale_is_rejected(tmp_path):
    Image.new("RGB", (9, 3)).save(tmp_path / "tiny.png")
    with pytest.raises(DataError, match=r"tiny\.png: smaller than the scale 4"):
        find_set(tmp_path, 4).samples[0].reference  # noqa: B018


def test_sixteen_bits_are_scaled_to_eight():
    levels = levels_of(Picture(np.array([[[0], [257], [65535], [128]]], np.uint16), None, "grey"))
    assert levels.ravel().tolist() == [0, 1, 255, 128 / 257]


def test_cmyk_is_rejected():
    with pytest.raises(DataError, match="CMYK"):
        levels_of(Picture(np.zeros((2, 2, 4), np.uint8), None, "cmyk"))
