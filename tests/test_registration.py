import json
import subprocess
import sys
import time
from types import ModuleType

import pytest

from img2imgkit import Transform, hookimpl, registration
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.config import Config
from img2imgkit.registration import calling

THEIRS = Plugin("slowcoach", ModuleType, "kit-slow", "1.2")
ADVICE = (
    " of kit-slow 1.2; to go on without it, list the plugins to load in the variable IMG2IMG_PLUGINS, "
    "which may be empty"
)


class TestCalling:
    def test_a_plugin_that_takes_long_is_named_once(self, monkeypatch, caplog):
        monkeypatch.setattr(registration, "PATIENCE", 0.02)
        with calling(THEIRS):
            time.sleep(0.3)
        assert caplog.messages == ["plugin 'slowcoach' has been loading for 0.02 s" + ADVICE]

    def test_a_quick_one_is_not(self, caplog):
        with calling(THEIRS):
            pass
        assert caplog.messages == []

    def test_the_loading_of_tensorflow_does_not_count(self, monkeypatch, caplog):
        monkeypatch.setattr(registration, "PATIENCE", 0.02)
        with calling(THEIRS):
            (finder,) = [each for each in sys.meta_path if type(each).__name__ == "QuietImports"]
            finder._quietly(lambda module: time.sleep(0.3))(ModuleType("keras"))
        assert caplog.messages == []

    def test_an_interruption_names_the_plugin(self, caplog):
        with pytest.raises(KeyboardInterrupt), calling(THEIRS):
            raise KeyboardInterrupt
        assert caplog.messages == ["interrupted in plugin 'slowcoach'" + ADVICE]


@pytest.mark.slow
def test_a_command_names_the_plugin_that_it_waits_for(install, tmp_path, monkeypatch):
    install("slowcoach", "import time; time.sleep(600)")
    monkeypatch.setenv("IMG2IMG_PLUGINS", "slowcoach")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site-packages"))
    command = [sys.executable, "-m", "img2imgkit.cli", "steps"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        line = running.stderr.readline()
        running.kill()
    assert line.startswith("plugin 'slowcoach' has been loading for 2 s of slowcoach 1.2.3; to go on without it")


def step(**fields):
    """A step whose options have these fields: type and default."""

    class Made(Transform):
        name = "mine"
        Options = type(
            "Options",
            (Config,),
            {
                "__annotations__": {name: kind for name, (kind, _) in fields.items()},
                **{name: default for name, (_, default) in fields.items() if default is not ...},
                "__module__": __name__,
            },
        )

        def apply(self, item):
            return item

    return Made


class TestOptions:
    @pytest.mark.parametrize(
        ("kind", "default", "reason"),
        [
            (type, int, "option Options.strength has the type <class 'type'>, which no file can state"),
            (int, "7", "option Options.strength: its default is not of its type: Input should be a valid integer"),
            (int, 1.5, "option Options.strength: its default is not of its type: Input should be a valid integer"),
        ],
    )
    def test_what_no_file_can_state_breaks_the_plugin(self, module, kind, default, reason):
        made = module(register_steps=hookimpl(lambda register: register(step(strength=(kind, default)))))
        catalog = Catalog((Plugin("theirs", lambda: made, "kit-theirs"),))
        assert "mine" not in catalog.steps
        (broken,) = catalog.broken
        assert broken.reason == f"TypeError: {reason}"

    def test_valid_defaults_are_accepted(self, module):
        fields = {"a": (int, 1), "b": (tuple[float, float], (1.0, 2.0)), "c": (str | None, None), "d": (int, ...)}
        made = module(register_steps=hookimpl(lambda register: register(step(**fields))))
        catalog = Catalog((Plugin("theirs", lambda: made, "kit-theirs"),))
        assert "mine" in catalog.steps
        assert catalog.broken == ()

    def test_a_schema_is_printed_beside_a_broken_plugin(self, img2img, install, monkeypatch):
        source = (
            "from img2imgkit import Transform, hookimpl\nfrom img2imgkit.config import Config\n"
            "class Odd(Transform):\n    name = 'odd'\n    class Options(Config):\n        strength: type = int\n"
            "    def apply(self, item):\n        return item\n"
            "@hookimpl\ndef register_steps(register):\n    register(Odd)\n"
        )
        install("odd", source)
        monkeypatch.setenv("IMG2IMG_PLUGINS", "odd")
        outcome = img2img("schema", "pipeline")
        assert outcome.code == 0
        assert "resize" in json.dumps(json.loads(outcome.out))
