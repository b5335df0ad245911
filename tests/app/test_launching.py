from __future__ import annotations

from pathlib import Path

from img2imgkit.app.launching import redirect_file


def test_only_the_user_can_read_the_file_and_it_goes(tmp_path: Path) -> None:
    with redirect_file(tmp_path, "http://127.0.0.1:1/a?token=x&<y") as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert "url=http://127.0.0.1:1/a?token=x&amp;&lt;y" in path.read_text()
    assert not path.exists()


def test_a_link_in_its_place_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "open.html").symlink_to(tmp_path / "victim")
    with redirect_file(tmp_path, "http://127.0.0.1:1/"):
        assert (tmp_path / "victim").read_text() == "kept"
