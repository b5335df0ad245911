import json
import sys
import sysconfig
from importlib import metadata

import pytest

from img2imgkit.distributions import environment, managed_elsewhere
from img2imgkit.distributions.environment import pins


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """A Python whose prefix is a new folder, outside any virtual environment."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda name, scheme: str(tmp_path / "lib"))
    (tmp_path / "lib").mkdir()
    return tmp_path


def test_an_environment_of_one_s_own_is_not_managed(prefix):
    assert managed_elsewhere("install", "dim") == ""


def test_pipx_is_recognised_and_told_the_plugin(prefix):
    (prefix / "pipx_metadata.json").write_text(json.dumps({"main_package": {"package": "img2imgkit"}}))
    told = managed_elsewhere("install", "img2img-dim")
    assert told == (
        f"img2imgkit was installed by pipx, which has to know its plugins: pipx inject {prefix.name} img2img-dim"
    )
    assert "uninject" in managed_elsewhere("uninstall", "img2img-dim")


@pytest.mark.parametrize(
    ("receipt", "command"),
    [
        (
            '[tool]\nrequirements = [{ name = "img2imgkit" }, { name = "img2img-old" }]\n',
            "uv tool install img2imgkit --with img2img-old --with img2img-dim",
        ),
        ("not [ toml", "uv tool install img2imgkit --with img2img-dim"),
        ("[tool]\nrequirements = 7\n", "uv tool install img2imgkit --with img2img-dim"),
    ],
)
def test_a_tool_of_uv_is_recognised(prefix, receipt, command):
    (prefix / "uv-receipt.toml").write_text(receipt)
    assert managed_elsewhere("install", "img2img-dim").endswith(f"has to know its plugins: {command}")


class TestExternallyManaged:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[externally-managed]\nError=To install\n  use apt\n", ", which says: To install use apt; install"),
            ("[externally-managed]\n", "managed by another program; install"),
            ("what is this", "managed by another program; install"),
        ],
    )
    def test_its_own_words_are_passed_on(self, prefix, text, said):
        (prefix / "lib" / "EXTERNALLY-MANAGED").write_text(text)
        told = managed_elsewhere("install", "dim")
        assert said in told
        assert told.endswith("in a virtual environment: python3 -m venv .venv")

    def test_it_does_not_count_inside_a_virtual_environment(self, prefix, monkeypatch):
        (prefix / "lib" / "EXTERNALLY-MANAGED").write_text("[externally-managed]\n")
        monkeypatch.setattr(sys, "base_prefix", "/usr")
        assert managed_elsewhere("install", "dim") == ""


class TestPins:
    def test_they_hold_what_the_toolkit_needs_at_any_depth(self):
        found = pins()
        assert found["img2imgkit"] == metadata.version("img2imgkit")
        for name in ("tensorflow", "keras", "numpy", "protobuf", "pydantic-core"):
            assert found[name] == metadata.version(name)

    def test_they_leave_out_extras_and_what_is_not_installed(self, monkeypatch):
        needs = {"img2imgkit": ["a>=1", "gone", 'b ; extra == "dev"'], "a": ["img2imgkit"], "b": []}

        def distribution(name):
            if name not in needs:
                raise metadata.PackageNotFoundError(name)
            return type("Found", (), {"version": "1", "requires": needs[name]})

        monkeypatch.setattr(environment.metadata, "distribution", distribution)
        assert pins() == {"img2imgkit": "1", "a": "1"}
