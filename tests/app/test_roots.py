from __future__ import annotations

import os
from pathlib import Path

import pytest

from img2imgkit.app.roots import Roots, listing, name_reference, reference_of, shown
from img2imgkit.errors import RequestError


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    (tmp_path / "open" / "inner").mkdir(parents=True)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "open" / "a.png").write_bytes(b"a")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return Roots([tmp_path / "open"], tmp_path / "inbox")


class TestPaths:
    @pytest.mark.parametrize("reference", ["", "a.png", "inner", "inner/../a.png", "./a.png"])
    def test_what_lies_below_a_root_is_found(self, roots: Roots, reference: str) -> None:
        assert roots.path("0", reference).exists()

    @pytest.mark.parametrize(
        "reference",
        [
            *("../secret.png", "%2e%2e/secret.png", "inner/../../secret.png", "..%2fsecret.png", "/etc/passwd"),
            *("%2fetc/passwd", "a%00.png", "missing.png", "a.png/b"),
        ],
    )
    def test_what_lies_outside_is_refused(self, roots: Roots, reference: str) -> None:
        with pytest.raises(RequestError):
            roots.path("0", reference)

    def test_links_out_of_a_root_are_refused(self, roots: Roots, tmp_path: Path) -> None:
        (tmp_path / "open" / "link.png").symlink_to(tmp_path / "secret.png")
        (tmp_path / "open" / "up").symlink_to(tmp_path)
        for reference in ("link.png", "up/secret.png"):
            with pytest.raises(RequestError, match="leads out of the opened folder"):
                roots.path("0", reference)
        with pytest.raises(RequestError, match="leads out"):
            roots.new_path("0", "up/new")
        assert not roots.holds(tmp_path / "open" / "link.png")
        assert roots.holds(tmp_path / "open" / "a.png")

    def test_a_link_inside_a_root_is_followed(self, roots: Roots, tmp_path: Path) -> None:
        (tmp_path / "open" / "link.png").symlink_to(tmp_path / "open" / "a.png")
        assert roots.path("0", "link.png") == tmp_path / "open" / "a.png"

    def test_a_root_that_is_a_link_is_the_folder_that_it_leads_to(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        roots = Roots([tmp_path / "link", tmp_path / "real"], tmp_path)
        assert [each.folder for each in roots.opened] == [tmp_path / "real"]

    @pytest.mark.parametrize("root", ["1", "", None, 0, ["0"]])
    def test_unknown_roots_are_refused(self, roots: Roots, root: object) -> None:
        with pytest.raises(RequestError, match="not open"):
            roots.path(root, "a.png")

    def test_a_new_folder_may_not_be_a_file(self, roots: Roots, tmp_path: Path) -> None:
        assert roots.new_path("0", "new/one") == tmp_path / "open" / "new" / "one"
        with pytest.raises(RequestError, match="is a file"):
            roots.new_path("0", "a.png")

    @pytest.mark.parametrize("root", ["inbox", "samples"])
    def test_nothing_is_written_among_uploads_and_samples(self, roots: Roots, root: str) -> None:
        assert roots.path(root, "").is_dir()
        with pytest.raises(RequestError, match="nothing is kept there"):
            roots.new_path(root, "new")

    @pytest.mark.parametrize("name", ["ä ö.png", "100%.png", "a#b?.png", "a&b=c.png", os.fsdecode(b"\xff.png")])
    def test_every_name_can_be_asked_for(self, roots: Roots, tmp_path: Path, name: str) -> None:
        path = tmp_path / "open" / name
        path.write_bytes(b"a")
        assert roots.path("0", name_reference(name)) == path
        assert roots.path("0", reference_of(path, tmp_path / "open")) == path

    def test_a_missing_folder_cannot_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match="no such folder"):
            Roots([tmp_path / "missing"], tmp_path)


class TestListings:
    def test_pictures_are_in_natural_order_and_others_counted(self, tmp_path: Path) -> None:
        for name in ("10.png", "2.png", "b.JPG", ".hidden.png", "notes.txt", "Thumbs.db"):
            (tmp_path / name).write_bytes(b"")
        (tmp_path / "sub").mkdir()
        found = listing(tmp_path)
        assert (found.folders, found.pictures, found.others) == (("sub",), ("2.png", "10.png", "b.JPG"), 1)

    def test_names_that_are_not_utf8_can_be_shown(self) -> None:
        assert shown(os.fsdecode(b"\xff.png")) == "\\udcff.png"
