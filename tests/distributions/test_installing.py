"""Plugins are installed and uninstalled in real environments, without a network."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import pytest
from environments import Environment, fresh, wheel

from img2imgkit.distributions import distribution_of, installing, load_in_fresh_process, plan_installation
from img2imgkit.errors import InstallError

GOOD = """
import img2imgkit as kit

IMG2IMG_CONTRACT = 1

class Dim(kit.Transform):
    "Darken pictures."
    name = "dim"

    def apply(self, item):
        return item

@kit.hookimpl
def register_steps(register):
    register(Dim)
"""
SYSTEM = "import sys; sys.base_prefix = sys.prefix"  # as a Python that is no virtual environment
NO_PIP = "import sys; sys.modules['pip'] = None"


class TestRefusals:
    def test_the_toolkit_is_not_uninstalled(self):
        for name in ("img2imgkit", "IMG2IMGKIT", "pix2pix", "steps"):
            with pytest.raises(InstallError, match="is part of img2imgkit itself, which is not uninstalled here"):
                distribution_of(name)

    def test_what_is_no_plugin_is_not_uninstalled(self):
        with pytest.raises(InstallError, match=r"numpy .* is installed, but is no plugin of img2imgkit"):
            distribution_of("numpy")

    def test_a_name_that_there_is_not_gets_a_suggestion(self, install):
        install("kit-gallery", GOOD, name="gallery")
        with pytest.raises(InstallError, match="no plugin 'galery' is installed; did you mean 'gallery'"):
            distribution_of("galery")

    @pytest.mark.parametrize("name", ["gallery", "kit-gallery", "Kit_Gallery"])
    def test_a_plugin_is_found_by_its_name_or_that_of_its_distribution(self, install, name):
        install("kit-gallery", GOOD, name="gallery")
        assert distribution_of(name) == "kit-gallery"

    def test_an_option_of_the_installer_is_no_plugin(self):
        with pytest.raises(InstallError, match="'--pre' is an option of the installer"):
            plan_installation("--pre")


class TestFreshProcess:
    def test_a_plugin_that_hangs_is_an_error(self, monkeypatch):
        monkeypatch.setattr(installing, "SECONDS", 0.3)
        monkeypatch.setattr(installing, "LISTING", ("-c", "import time; time.sleep(60)"))
        with pytest.raises(InstallError, match=r"the plugins were still loading after 0\.3 s: nothing was said"):
            load_in_fresh_process()

    def test_a_process_that_dies_is_an_error(self, monkeypatch):
        monkeypatch.setattr(installing, "LISTING", ("-c", "import sys; print('x', file=sys.stderr); sys.exit(5)"))
        with pytest.raises(InstallError, match="the plugins cannot be loaded: exit code 5: x"):
            load_in_fresh_process()


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels."""
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "img2img-dim", GOOD, needs=["img2imgkit", "numpy"])
    wheel(folder, "img2img-dim", GOOD, "0.2.0", needs=["img2imgkit", "img2img-needed"])
    wheel(folder, "img2img-needed", "")
    wheel(folder, "img2img-old", GOOD, needs=["img2imgkit", "numpy<2"])
    wheel(folder, "img2img-broken", "import img2imgkit\nimg2imgkit.hookimpl\nimport nowhere_at_all\n")
    wheel(folder, "img2img-alone", GOOD)
    return folder


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, links: Path) -> Environment:
    """An environment of the user's own."""
    return fresh(tmp_path_factory.mktemp("environment") / "venv", links)


@pytest.mark.slow
class TestPip:
    def test_a_plugin_comes_is_replaced_and_goes(self, here: Environment, links: Path) -> None:
        done = here.img2img("plugins", "install", links / "img2img_dim-0.1.0-py3-none-any.whl", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.search(r"img2img-dim +0\.1\.0 +file:///", done.stdout)
        assert "installed plugin dim of img2img-dim 0.1.0: steps: dim" in done.stdout
        newer = here.img2img("plugins", "install", "-U", "-y", "img2img-dim")
        assert re.search(r"img2img-dim +0\.1\.0 +0\.2\.0", newer.stdout)
        assert "img2img-needed" in newer.stdout
        again = here.img2img("plugins", "install", "img2img-dim")
        assert (again.returncode, again.stdout) == (0, "already installed: nothing would change\n")
        gone = here.img2img("plugins", "uninstall", "dim", "--yes")
        assert (gone.returncode, gone.stdout) == (0, "uninstalled img2img-dim\n")
        assert not [*here.site.glob("img2img_dim*")]

    def test_one_that_would_change_what_the_toolkit_needs_is_refused_by_name(self, here: Environment) -> None:
        done = here.img2img("plugins", "install", "img2img-old", "--yes")
        assert done.returncode == 2
        assert "error: img2img-old 0.1.0 needs numpy<2, but img2imgkit works here with numpy " in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_what_is_broken_is_named_after_it_was_installed(self, here: Environment) -> None:
        broken = here.img2img("plugins", "install", "img2img-broken", "--yes")
        assert broken.returncode == 1
        assert "plugin 'broken' is broken: ModuleNotFoundError: No module named 'nowhere_at_all'" in broken.stderr


@pytest.mark.slow
class TestManagedEnvironments:
    """Nothing is installed, and what to do is told."""

    @pytest.mark.parametrize(
        ("layout", "told"),
        [
            ({"pipx_metadata.json": "{}"}, "pipx inject img2imgkit img2img-dim"),
            (
                {"uv-receipt.toml": '[tool]\nrequirements = [{ name = "img2imgkit" }]\n'},
                "uv tool install img2imgkit --with img2img-dim",
            ),
            ({}, "is managed by another program, which says: use apt"),
        ],
        ids=["pipx", "uv-tool", "externally-managed"],
    )
    def test_another_program_is_told(self, tmp_path: Path, links: Path, layout: dict[str, str], told: str) -> None:
        there = fresh(tmp_path / "img2imgkit", links)
        for name, text in layout.items():
            (there.folder / name).write_text(text)
        if not layout:
            there.at_start(SYSTEM)
            (there.site.parent / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=use apt\n")
        done = there.img2img("plugins", "install", "img2img-dim", "--yes")
        assert done.returncode == 2
        assert told in done.stderr
        assert not [*there.site.glob("img2img_dim*")]


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("uv") or importlib.util.find_spec("uv")), reason="uv is not installed")
def test_uv_installs_where_there_is_no_pip(tmp_path: Path, links: Path) -> None:
    there = fresh(tmp_path / "venv", links)
    there.at_start(NO_PIP)
    done = there.img2img("plugins", "install", "img2img-alone", "--yes")
    assert done.returncode == 0, done.stderr
    assert "installed plugin alone of img2img-alone 0.1.0: steps: dim" in done.stdout
    refused = there.img2img("plugins", "install", "img2img-old", "--yes")
    assert "img2img-old needs numpy<2, but img2imgkit works here with numpy" in refused.stderr
    assert there.img2img("plugins", "uninstall", "alone", "--yes").returncode == 0
    assert not [*there.site.glob("img2img_alone*")]
