import subprocess
import sys
import time
from types import ModuleType

import pytest

from img2imgkit.registration import Plugin, calling, plugin

THEIRS = Plugin("slowcoach", ModuleType, "kit-slow", "1.2")
ADVICE = (
    " of kit-slow 1.2; to go on without it, list the plugins to load in the variable IMG2IMG_PLUGINS, "
    "which may be empty"
)


class TestCalling:
    def test_a_plugin_that_takes_long_is_named_once(self, monkeypatch, caplog):
        monkeypatch.setattr(plugin, "PATIENCE", 0.02)
        with calling(THEIRS):
            time.sleep(0.3)
        assert caplog.messages == ["plugin 'slowcoach' has been loading for 0.02 s" + ADVICE]

    def test_a_quick_one_is_not(self, caplog):
        with calling(THEIRS):
            pass
        assert caplog.messages == []

    def test_the_loading_of_tensorflow_does_not_count(self, monkeypatch, caplog):
        monkeypatch.setattr(plugin, "PATIENCE", 0.02)
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
