from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2imgkit.images.xmp import MAX_BYTES, MAX_ELEMENTS, XMLNS, Packet, as_utf8

A, B = "http://a.example/", "http://b.example/"
TEXT = f"""<?xpacket begin='\ufeff'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<!-- one:Size="no" -->
<r:Description r:about="" xmlns:one='{A}' xmlns:two="{B}" one:Size = '1 > 0' two:Name="ü &amp; &quot;">
<one:Width>17</one:Width><two:Empty/><two:List><r:Seq><r:li>3</r:li><r:li one:Size="5"/></r:Seq></two:List>
</r:Description></r:RDF></x:xmpmeta>
<?xpacket end='w'?>"""
DATA = TEXT.encode()


def test_attributes_and_elements_are_found_by_namespace_whatever_their_prefix():
    packet = Packet(DATA)
    assert [(each.name, each.text) for each in packet.find(A)] == [("Size", "1 > 0"), ("Width", "17"), ("Size", "5")]
    assert [(each.name, each.text) for each in packet.find(B)] == [("Name", 'ü & "'), ("Empty", ""), ("List", "")]
    assert packet.find(A, "Width".__eq__)[0].within == ("xmpmeta", "RDF", "Description")
    assert {each.text for each in packet.find(XMLNS)} >= {A, B}


def test_a_change_leaves_all_other_bytes():
    packet = Packet(DATA)
    size, width, _ = packet.find(A)
    changed = packet.edited([(size, "<'2'>"), (width, "9 & 8")])
    expected = DATA.replace(b"'1 > 0'", b"'&lt;&apos;2&apos;&gt;'").replace(b">17<", b">9 &amp; 8<")
    assert changed == expected
    assert [each.text for each in Packet(changed).find(A)][:2] == ["<'2'>", "9 & 8"]


def test_removing_a_structure_removes_what_is_in_it():
    packet = Packet(DATA)
    removed = packet.edited([(packet.find(A)[2], "never")], packet.find(B) + packet.find(A, "Size".__eq__))
    assert b"two:" not in removed.replace(b"xmlns:two", b"")
    assert b"never" not in removed
    assert [each.name for each in Packet(removed).find(A)] == ["Width"]
    assert Packet(removed).find(A)[0].text == "17"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_every_encoding_is_read(encoding):
    data = TEXT.encode(encoding) + (b"\0\0" if "16" in encoding else b"\0")
    assert [each.text for each in Packet(data).find(A)] == ["1 > 0", "17", "5"]
    assert as_utf8(data).rstrip() == DATA


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<a>",
        b"not a packet",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
        b"<a>" * 70 + b"</a>" * 70,
        b"<a>" + b" " * MAX_BYTES + b"</a>",
        b"<a " + b" ".join(b'xmlns:n%d="u"' % n for n in range(1100)) + b"><b/></a>",
        b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>",
        b"<a " + b" ".join(b"x%d='1'" % n for n in range(MAX_ELEMENTS)) + b"/>",
        b"\xff\xfe<",
    ],
)
def test_what_is_no_packet_or_too_much_work_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"."):
        Packet(data)


@given(st.integers(0, len(DATA) - 1), st.binary(max_size=9))
def test_any_bytes_are_a_packet_or_a_value_error(at, more):
    try:
        packet = Packet(DATA[:at] + more + DATA[at + len(more) :])
    except ValueError:
        return
    assert packet.edited([], packet.properties) is not None
