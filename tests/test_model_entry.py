"""What an index may state: invalid entries are refused before anything is fetched."""

import pytest
from pydantic import ValidationError
from registry_server import entry, member, package

from img2imgkit.errors import ConfigError
from img2imgkit.model_entry import Licence, ModelEntry, read_index

PLAIN = {"url": "https://a.example/net.pth"}


def made(data):
    return ModelEntry.model_validate(data, strict=False)


def with_member(path):
    return entry({**package("web", b"x", {}, url="https://a.example/a.zip"), "members": [member(path, b"y")]})


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../../b", "a/..", "a//b", "a/./b", "a\\..\\b", "C:/a", "a\n", "a\0b", "."]
)
def test_a_path_that_leaves_the_package_is_refused(path):
    with pytest.raises(ValidationError):
        made(with_member(path))


def test_a_file_has_the_name_without_folders():
    assert made(with_member("package/models/a-1.bin")).names == ("a-1.bin",)


@pytest.mark.parametrize("url", ["http://a.example/a", "ftp://a.example/a", "file:///a", "https://", "a.pth"])
def test_an_address_without_https_is_refused(url):
    with pytest.raises(ValidationError, match="only https"):
        made(entry(package("web", b"x", {}, url=url)))


@pytest.mark.parametrize("file", ["hf://a/b", "hf://a/b/../c", "https://huggingface.co/a/b/c", "hf://a/b/c//d"])
def test_a_hub_file_has_a_repository_and_a_path(file):
    with pytest.raises(ValidationError):
        made(entry(package("hub", b"x", {}, file=file)))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../a"},
        {"name": ""},
        {"kind": "program"},
        {"sources": []},
        {"read": ["other.pth"]},
        {"surprise": 1},
        {"sources": [package("web", b"x", {}, **PLAIN), package("web", b"x", {}, url="https://b.example/net.pth")]},
        {"sources": [{**package("web", b"x", {}, **PLAIN), "sha256": "0" * 63}]},
        {"sources": [{**package("web", b"x", {}, **PLAIN), "bytes": 0}]},
        {"sources": [package("wheel", b"x", {}, package="a", version="1", file="../a-1-py3-none-any.whl")]},
        {"sources": [package("wheel", b"x", {}, package="a", version="1", file="a-1.tar.gz")]},
        {"sources": [package("wheel", b"x", {}, package="a --index-url=b", version="1", file="a-1-py3-none-any.whl")]},
        {"sources": [package("wheel", b"x", {}, package="a", version="1\nb", file="a-1-py3-none-any.whl")]},
        {"sources": [package("npm", b"x", {}, package="@a/b/../c", version="1")]},
    ],
    ids=str,
)
def test_an_invalid_entry_is_refused(change):
    assert made(entry(package("web", b"x", {}, **PLAIN)))
    with pytest.raises(ValidationError):
        made({**entry(package("web", b"x", {}, **PLAIN)), **change})


@pytest.mark.parametrize(("id", "free"), [("MIT", True), ("CC-BY-NC-4.0", False), ("unknown", False), ("mine", False)])
def test_only_known_licences_are_free(id, free):
    assert Licence(id=id, stated_by="somebody").is_free is free


def test_an_index_is_read_from_yaml_and_names_the_place_of_a_problem(tmp_path):
    path = tmp_path / "index.yaml"
    text = """\
models:
- name: tiny
  about: Numbers.
  sources:
  - {kind: web, url: 'https://a.example/a', bytes: 3, sha256: '%s'}
  licence: {id: MIT, stated_by: its page}
"""
    path.write_text(text % ("0" * 64))
    (entry,) = read_index(path)
    assert (entry.name, entry.bytes, str(entry.licence)) == ("tiny", 3, "MIT (stated by its page)")
    path.write_text(text % "xyz")
    with pytest.raises(ConfigError, match=r"index.yaml:5:\d+: models.0.sources.0.sha256"):
        read_index(path)
