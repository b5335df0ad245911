import json

import pytest

from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import NotInstalled
from img2imgkit.training import prove_task_installed
from img2imgkit.training.record.run_plugin import record_of

PLUGIN = Plugin("dusk", list, "kit-dusk", "1.2")


@pytest.fixture
def run(tmp_path):
    """The folder of a run of the task "dusk"."""
    (tmp_path / "config.json").write_text(json.dumps({"task": "dusk"}))
    (tmp_path / "environment.json").write_text(json.dumps({"img2imgkit": "0", **record_of(PLUGIN)}))
    return tmp_path


def test_a_missing_task_is_told_with_the_distribution_of_the_run(run):
    with pytest.raises(NotInstalled) as caught:
        prove_task_installed(run, Catalog(()))
    assert str(caught.value) == (
        f"{run}: it was saved with kit-dusk 1.2, which 'img2img plugins install kit-dusk==1.2' installs, "
        "if you trust its author: no task 'dusk' is installed"
    )


def test_an_installed_task_is_fine(run):
    (run / "config.json").write_text(json.dumps({"task": "pix2pix"}))
    prove_task_installed(run, Catalog.installed())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("config.json", text) for text in (None, "{", "[]", "{}")),
        *(("environment.json", text) for text in (None, "{", "[]", "{}", '{"plugin": 7}', '{"plugin": {"name": 7}}')),
    ],
)
def test_a_folder_without_a_record_tells_nothing(run, name, text):
    (run / name).unlink() if text is None else (run / name).write_text(text)
    prove_task_installed(run, Catalog(()))
