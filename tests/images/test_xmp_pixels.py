from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.images import Affine, Metadata, Picture, crop, encode, resize
from img2imgkit.images.affine import Change
from img2imgkit.images.xmp import Packet
from img2imgkit.images.xmp_pixels import DIMENSIONS, EXIF, PANORAMA, TIFF, converted

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="" xmlns:tiff="{TIFF}" xmlns:e="{EXIF}" xmlns:GPano="{PANORAMA}"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
    f' xmlns:stDim="{DIMENSIONS}" xmlns:MP="http://ns.microsoft.com/photo/1.2/"'
    ' xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"
PANO = {
    "FullPanoWidthPixels": 400,
    "FullPanoHeightPixels": 200,
    "CroppedAreaImageWidthPixels": 100,
    "CroppedAreaImageHeightPixels": 60,
    "CroppedAreaLeftPixels": 50,
    "CroppedAreaTopPixels": 40,
    "LargestValidInteriorRectLeft": 10,
    "LargestValidInteriorRectTop": 0,
    "LargestValidInteriorRectWidth": 80,
    "LargestValidInteriorRectHeight": 60,
}


def xmp(attributes="", elements="<dc:title>kept</dc:title>"):
    return f"{HEAD} {attributes}>{elements}{TAIL}".encode()


def pano(stated):
    return xmp(" ".join(f'GPano:{name}="{value}"' for name, value in stated.items()) + ' GPano:ProjectionType="e"')


def picture(data, width=100, height=60):
    return Picture(np.zeros((height, width, 3), np.uint8), metadata=Metadata(xmp=data))


def written(made):
    """The texts of the properties in an encoded picture by name, and what was lost."""
    change = Change(made.metadata.placement.in_picture((made.width, made.height)), (made.width, made.height))
    data = converted(made.metadata.xmp, change)
    assert b"kept" in data
    return {each.name: each.text for each in Packet(data).properties}, change.lost


@pytest.mark.parametrize(
    "stated",
    [
        xmp('tiff:ImageWidth="100" tiff:ImageLength="60" e:PixelXDimension="100" e:PixelYDimension=\'60\''),
        xmp(
            elements="<tiff:ImageWidth>100</tiff:ImageWidth><tiff:ImageLength>60</tiff:ImageLength>"
            "<e:PixelXDimension>100</e:PixelXDimension><e:PixelYDimension>60</e:PixelYDimension><dc:title>kept</dc:title>"
        ),
    ],
)
def test_sizes_are_those_of_the_picture(stated):
    expected = {"ImageWidth": "50", "ImageLength": "20", "PixelXDimension": "50", "PixelYDimension": "20"}
    for made in (resize(picture(stated), 50, 20), crop(picture(stated), 1, 1, 50, 20)):
        texts, lost = written(made)
        assert {name: texts[name] for name in expected} == expected
        assert lost == []
    unknown, lost = written(picture(stated).with_pixels(np.zeros((20, 50, 3), np.uint8), None))
    assert unknown["ImageWidth"] == "50"  # a size is known even if places are not
    assert lost == []


def test_a_panorama_follows_scale_and_crop():
    made = crop(resize(picture(pano(PANO)), 200, 60), 30, 10, 150, 50)
    texts, lost = written(made)
    assert lost == []
    assert {name: int(texts[name]) for name in PANO} == {
        "FullPanoWidthPixels": 800,
        "FullPanoHeightPixels": 200,
        "CroppedAreaImageWidthPixels": 150,
        "CroppedAreaImageHeightPixels": 50,
        "CroppedAreaLeftPixels": 130,
        "CroppedAreaTopPixels": 50,
        "LargestValidInteriorRectLeft": 0,
        "LargestValidInteriorRectTop": 0,
        "LargestValidInteriorRectWidth": 150,
        "LargestValidInteriorRectHeight": 50,
    }


@pytest.mark.parametrize(
    ("stated", "by"),
    [
        (PANO, Affine.turn(6, 100, 60)),
        (PANO, Affine.turn(2, 100, 60)),
        (PANO, None),
        ({"FullPanoWidthPixels": 100, "FullPanoHeightPixels": 50}, Affine.shift(-3, 0)),
        ({**PANO, "FullPanoWidthPixels": "many"}, Affine.scaling((1, 1), (2, 2))),
        ({**PANO, "FullPanoWidthPixels": "1e999999999"}, Affine.scaling((1, 1), (2, 2))),
        ({**PANO, "FullPanoWidthPixels": "1/0"}, Affine.scaling((1, 1), (2, 2))),
    ],
)
def test_a_panorama_that_cannot_follow_is_left_out(stated, by):
    change = Change(by, (60, 60))
    data = converted(pano(stated), change)
    assert not Packet(data).find(PANORAMA)
    assert b"kept" in data
    assert change.lost == ["panorama"]


def test_the_focal_plane_follows_scale_and_turning_but_not_crops():
    stated = xmp('e:FocalPlaneXResolution="3000/2" e:FocalPlaneYResolution="1000" e:FocalPlaneResolutionUnit="2"')
    change = Change(Affine.turn(8, 100, 60).then(Affine.scaling((60, 100), (30, 100))), (30, 100))
    texts = {each.name: each.text for each in Packet(converted(stated, change)).find(EXIF)}
    assert texts == {
        "FocalPlaneXResolution": "500/1",
        "FocalPlaneYResolution": "1500/1",
        "FocalPlaneResolutionUnit": "2",
    }
    assert written(crop(picture(stated), 1, 1, 9, 9))[0]["FocalPlaneXResolution"] == "1500/1"
    change = Change(None, (30, 30))
    assert not Packet(converted(stated, change)).find(EXIF)
    assert change.lost == ["focal-plane resolution"]


FACES = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="100" stDim:h="60"'
    ' stDim:unit="pixel"/><mwg-rs:RegionList/></mwg-rs:Regions><MP:RegionInfo>0.1, 0.2</MP:RegionInfo>'
    "<dc:title>kept</dc:title>"
)


def test_regions_follow_scale_and_are_left_out_otherwise():
    texts, lost = written(resize(picture(xmp(elements=FACES)), 200, 120))
    assert (texts["w"], texts["h"], texts["RegionInfo"], lost) == ("200", "120", "0.1, 0.2", [])
    texts, lost = written(crop(picture(xmp(elements=FACES)), 0, 1, 100, 59))
    assert not {"Regions", "RegionInfo", "w"} & texts.keys()
    assert lost == ["regions"]


def test_regions_in_pixels_are_left_out_even_by_scale():
    region = "<I:ImageRegion><I:rbUnit>pixel</I:rbUnit></I:ImageRegion><dc:title>kept</dc:title>"
    texts, lost = written(resize(picture(xmp(elements=region)), 200, 120))
    assert "ImageRegion" not in texts
    assert lost == ["regions"]


def test_the_subject_area_of_xmp_is_left_out_once_pixels_move():
    stated = xmp(
        elements="<e:SubjectArea><rdf:Seq><rdf:li>9</rdf:li></rdf:Seq></e:SubjectArea><dc:title>kept</dc:title>"
    )
    assert "SubjectArea" in written(picture(stated))[0]
    texts, lost = written(resize(picture(stated), 200, 120))
    assert "SubjectArea" not in texts
    assert lost == ["subject area in XMP"]


def test_a_drones_calibration_is_left_out_once_pixels_move():
    drone = 'xmlns:d="http://www.dji.com/drone-dji/1.0/" d:CalibratedFocalLength="3666" d:DewarpData="1" d:Yaw="7"'
    assert written(picture(xmp(drone)))[0]["CalibratedFocalLength"] == "3666"
    texts, lost = written(resize(picture(xmp(drone)), 50, 30))
    assert not {"CalibratedFocalLength", "DewarpData"} & texts.keys()
    assert (texts["Yaw"], lost) == ("7", ["camera calibration"])


def test_what_states_nothing_in_pixels_keeps_its_bytes_even_if_damaged():
    for data in (b"<broken", xmp()):
        assert converted(data, Change(Affine.shift(-1, 0), (10, 6))) is data


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_damaged_packet_with_pixels_is_left_out_with_a_note_if_pixels_moved(format):
    data = xmp('tiff:ImageWidth="100"')[:-9]
    assert encode(picture(data), format).notes == ()
    encoded = encode(resize(picture(data), 10, 6), format)
    assert len(encoded.notes) == 1
    assert "XMP data were left out: it is not well-formed" in encoded.notes[0]
    assert b"ImageWidth" not in encoded.data
