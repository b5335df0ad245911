from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.images import Affine, Metadata, Picture, crop, encode, resize
from img2imgkit.images.affine import Change
from img2imgkit.images.xmp import Packet
from img2imgkit.images.xmp_pixels import AREA, DIMENSIONS, EXIF, MICROSOFT_REGION, PANORAMA, TIFF, converted

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
    size, placement = (made.width, made.height), made.metadata.placement
    change = Change(placement.in_picture(size), size, placement.stored or placement.size)
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
    change = Change(by, (60, 60), (100, 60))
    data = converted(pano(stated), change)
    assert not Packet(data).find(PANORAMA)
    assert b"kept" in data
    assert change.lost == ["panorama"]


def test_the_focal_plane_follows_scale_and_turning_but_not_crops():
    stated = xmp('e:FocalPlaneXResolution="3000/2" e:FocalPlaneYResolution="1000" e:FocalPlaneResolutionUnit="2"')
    change = Change(Affine.turn(8, 100, 60).then(Affine.scaling((60, 100), (30, 100))), (30, 100), (100, 60))
    texts = {each.name: each.text for each in Packet(converted(stated, change)).find(EXIF)}
    assert texts == {
        "FocalPlaneXResolution": "500/1",
        "FocalPlaneYResolution": "1500/1",
        "FocalPlaneResolutionUnit": "2",
    }
    assert written(crop(picture(stated), 1, 1, 9, 9))[0]["FocalPlaneXResolution"] == "1500/1"
    change = Change(None, (30, 30), (100, 60))
    assert not Packet(converted(stated, change)).find(EXIF)
    assert change.lost == ["focal-plane resolution"]


FACES = (
    '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="100" stDim:h="60"'
    ' stDim:unit="pixel"/><mwg-rs:RegionList/></mwg-rs:Regions><MP:RegionInfo>0.1, 0.2</MP:RegionInfo>'
    "<dc:title>kept</dc:title>"
)


def test_regions_of_an_unknown_structure_follow_scale_and_are_left_out_otherwise():
    texts, lost = written(resize(picture(xmp(elements=FACES)), 200, 120))
    assert (texts["w"], texts["h"], texts["RegionInfo"], lost) == ("200", "120", "0.1, 0.2", [])
    texts, lost = written(crop(picture(xmp(elements=FACES)), 0, 1, 100, 59))
    assert not {"Regions", "RegionInfo", "w"} & texts.keys()
    assert lost == ["regions"]


def area(name, values, unit="normalized", as_elements=False):
    """A region of the Metadata Working Group: x and y of the centre, width, height."""
    stated = dict(zip("xywhd", map(str, values), strict=False)) | {"unit": unit}
    if as_elements:
        inner = "".join(f"<stArea:{key}>{value}</stArea:{key}>" for key, value in stated.items())
        body = f'<mwg-rs:Area rdf:parseType="Resource">{inner}</mwg-rs:Area><mwg-rs:Name>{name}</mwg-rs:Name>'
        return f'<rdf:li rdf:parseType="Resource">{body}</rdf:li>'
    attributes = " ".join(f'stArea:{key}="{value}"' for key, value in stated.items())
    return f'<rdf:li><rdf:Description mwg-rs:Name="{name}"><mwg-rs:Area {attributes}/></rdf:Description></rdf:li>'


def mwg(*areas, size=(100, 60)):
    return xmp(
        f'xmlns:stArea="{AREA}"',
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions'
        f' stDim:w="{size[0]}" stDim:h="{size[1]}" stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag>{"".join(areas)}'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions><dc:title>kept</dc:title>",
    )


def microsoft(*rectangles):
    items = "".join(
        f'<rdf:li><rdf:Description MPReg:PersonDisplayName="A" MPReg:Rectangle="{", ".join(map(str, each))}"/></rdf:li>'
        for each in rectangles
    )
    return xmp(
        f'xmlns:MPReg="{MICROSOFT_REGION}" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"',
        f'<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions><rdf:Bag>{items}</rdf:Bag></MPRI:Regions>'
        "</MP:RegionInfo><dc:title>kept</dc:title>",
    )


def regions(made):
    """The numbers of the regions of a picture by property, and what was lost."""
    size, placement = (made.width, made.height), made.metadata.placement
    change = Change(placement.in_picture(size), size, placement.stored or placement.size)
    packet = Packet(converted(made.metadata.xmp, change))
    found = [float(each.text) for each in packet.find(AREA, {"x", "y", "w", "h"}.__contains__)]
    found += [
        float(value) for each in packet.find(MICROSOFT_REGION, "Rectangle".__eq__) for value in each.text.split(",")
    ]
    return found, change.lost


FACE = (0.5, 0.5, 0.2, 0.1)  # of 100 x 60 pixels: 40 to 60 across, 27 to 33 down


@pytest.mark.parametrize("as_elements", [False, True])
def test_a_face_follows_a_crop(as_elements):
    """Cropped to columns 30 to 80 and rows 20 to 40: it is at 10 to 30 of 50, and 7 to 13 of 20."""
    made = crop(picture(mwg(area("A", FACE, as_elements=as_elements))), 30, 20, 50, 20)
    found, lost = regions(made)
    assert found == pytest.approx([0.4, 0.5, 0.4, 0.3])
    assert lost == []
    assert regions(resize(made, 25, 40)) == (found, [])


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (2, [0.7, 0.25, 0.2, 0.1]),
        (3, [0.7, 0.75, 0.2, 0.1]),
        (4, [0.3, 0.75, 0.2, 0.1]),
        (5, [0.25, 0.3, 0.1, 0.2]),
        (6, [0.75, 0.3, 0.1, 0.2]),
        (7, [0.75, 0.7, 0.1, 0.2]),
        (8, [0.25, 0.7, 0.1, 0.2]),
    ],
)
def test_faces_follow_turns(orientation, expected):
    """Orientation 6 turns clockwise: a place (x, y) goes to (1 - y, x)."""
    turned = Affine.turn(orientation, 100, 60)
    size = (60, 100) if orientation >= 5 else (100, 60)
    for data in (mwg(area("A", (0.3, 0.25, 0.2, 0.1))), microsoft((0.2, 0.2, 0.2, 0.1))):
        made = picture(data).with_pixels(np.zeros((*size[::-1], 3), np.uint8), None, by=turned)
        found, lost = regions(made)
        if b"Rectangle" in data:
            found = [found[0] + found[2] / 2, found[1] + found[3] / 2, *found[2:]]
        assert found == pytest.approx(expected)
        assert lost == []


def test_the_stated_size_is_that_of_a_turned_picture():
    turned = picture(mwg(area("A", FACE))).with_pixels(
        np.zeros((100, 60, 3), np.uint8), None, by=Affine.turn(6, 100, 60)
    )
    texts, _ = written(turned)
    data = converted(turned.metadata.xmp, Change(Affine.turn(6, 100, 60), (60, 100), (100, 60)))
    sides = {each.name: each.text for each in Packet(data).find(DIMENSIONS)}
    assert (sides["w"], sides["h"], texts["Name"]) == ("60", "100", "A")


def test_a_rectangle_of_microsoft_follows_a_crop_and_is_cut():
    """Pixels 40 to 60 across and 27 to 33 down, cropped to columns 50 to 100 and rows 30 to 60."""
    made = crop(picture(microsoft((0.4, 0.45, 0.2, 0.1))), 50, 30, 50, 30)
    assert regions(made) == (pytest.approx([0, 0, 0.2, 0.1]), [])


def test_a_face_outside_the_crop_is_left_out_and_the_others_stay():
    data = mwg(area("gone", (0.1, 0.1, 0.1, 0.1)), area("A", FACE), area("point", (0.55, 0.5)), area("off", (0.1, 0.5)))
    made = crop(picture(data), 40, 0, 50, 60)
    found, lost = regions(made)
    assert found == pytest.approx([0.2, 0.5, 0.4, 0.1, 0.3, 0.5])
    assert lost == ["regions outside the picture"]
    assert (
        "metadata stated in pixels of the original were left out: regions outside the picture"
        in encode(made, "PNG").notes
    )
    assert b"gone" not in encode(made, "PNG").data


def test_faces_that_are_all_outside_leave_no_structure():
    for data in (mwg(area("A", (0.1, 0.1, 0.1, 0.1))), microsoft((0, 0, 0.1, 0.1))):
        texts, lost = written(crop(picture(data), 40, 0, 50, 60))
        assert not {"Regions", "RegionInfo", "w"} & texts.keys()
        assert lost == ["regions outside the picture"]


@pytest.mark.parametrize(
    "data",
    [
        mwg(area("A", FACE), size=(60, 100)),  # made for the turned picture
        mwg(area("A", FACE, unit="pixel")),
        mwg(area("A", (0.5, 0.5, 0.2))),
        mwg(area("A", (0.5, 0.5, 0.2, 0.1, 0.1))),  # a circle
        mwg(area("A", (50, 30, 20, 6))),
        mwg(area("A", ("x", 0.5, 0.2, 0.1))),
        mwg(),
        microsoft((0.1, 0.2, 0.3)),
        microsoft((40, 27, 20, 6)),
        microsoft(("nan", 0, 0.1, 0.1)),
        mwg(area("A", FACE)).replace(b"<dc:title>", b"<mwg-rs:Regions/><dc:title>"),
    ],
)
def test_regions_that_are_not_understood_are_left_out_if_pixels_moved(data):
    assert written(resize(picture(data), 50, 30))[1] == []
    texts, lost = written(crop(picture(data), 30, 20, 50, 20))
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
        assert converted(data, Change(Affine.shift(-1, 0), (10, 6), (11, 6))) is data


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_damaged_packet_with_pixels_is_left_out_with_a_note_if_pixels_moved(format):
    data = xmp('tiff:ImageWidth="100"')[:-9]
    assert encode(picture(data), format).notes == ()
    encoded = encode(resize(picture(data), 10, 6), format)
    assert len(encoded.notes) == 1
    assert "XMP data were left out: it is not well-formed" in encoded.notes[0]
    assert b"ImageWidth" not in encoded.data
