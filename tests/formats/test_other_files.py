"""What lies where a model belongs is called what it is; a model's own first bytes are never mistaken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from img2imgkit.errors import InteropError
from img2imgkit.exchange import HEAD_BYTES
from img2imgkit.formats.other_files import other_file
from img2imgkit.formats.weights_file import read_weights

FIXTURES = Path(__file__).parents[1] / "fixtures"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4fd5\nsize 67040989\n"
OTHERS = {
    "a pointer of Git LFS": (POINTER, "git lfs pull"),
    "a pointer of git-annex": (b"/annex/objects/SHA256E-s5--ab.pth\n", "git annex get"),
    "a web page": (b"\n<!DOCTYPE html><html><head>", r"HTML.*download the file itself"),
    "a page without a type": (b"\xef\xbb\xbf<html lang='en'>", "HTML"),
    "XHTML": (b"<?xml version='1.0'?><!DOCTYPE x><html>", "HTML"),
    "a server's XML": (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code>", "XML.*download the file again"),
    "a server's JSON": (b'{"message": "Not Found"}', "JSON.*download the file with its weights"),
    "a gzip archive": (b"\x1f\x8b\x08\x00rest", r"an archive \(gzip\): unpack it"),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1crest", r"an archive \(7z\): unpack it"),
    "a rar archive": (b"Rar!\x1a\x07\x01", r"an archive \(rar\): unpack it"),
    "a tar archive": (b"model.pth".ljust(257, b"\0") + b"ustar", r"an archive \(tar\): unpack it"),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["x.pth", "x.safetensors", "x.npz", "x.bin", "x"])
def test_it_is_named_with_the_way_out_under_any_name(what: str, name: str, tmp_path: Path) -> None:
    content, text = OTHERS[what]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InteropError, match=rf"{name}: not .* but .*{text}"):
        read_weights(tmp_path / name)


def test_models_are_not_mistaken() -> None:
    files = [*FIXTURES.glob("*/weights*.pth")]
    assert len(files) > 10
    for path in files:
        head = path.read_bytes()[:HEAD_BYTES]
        assert head.startswith(b"PK") or not other_file(head)
    assert not other_file(b"")
    assert not other_file((123).to_bytes(8, "little") + b'{"a": 1}')  # safetensors: its first byte is a brace, too
