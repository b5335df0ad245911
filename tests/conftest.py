import os
import sys
from dataclasses import dataclass
from types import ModuleType

import pytest

from img2imgkit.cli import main
from img2imgkit.images.limits import set_limits
from img2imgkit.places import Limits, UserConfig, variable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
collect_ignore = ["third_party"]  # ``test_third_party`` installs it and runs its tests


@pytest.fixture(scope="session", autouse=True)
def no_user_file(tmp_path_factory):
    """Hide the developer's configuration file and variables from the tests and their subprocesses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMG2IMG_HOME", str(tmp_path_factory.getbasetemp() / "no-user"))
        for name in UserConfig.model_fields:
            patch.delenv(variable(name), raising=False)
        yield


@dataclass(frozen=True)
class Outcome:
    """The result of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def img2img(capsys):
    """Call the command line in this process: ``img2img("steps", "--json").out``."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(ended.value.code, captured.out, captured.err)

    yield call
    set_limits(Limits())


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution as pip would leave it: ``install("gallery", "import ...", name="gallery")``.

    The entry point's name is ``name``; the module's, unique to each call, comes back.
    """
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    modules = []

    def put(distribution, source, name=None, version="1.2.3"):
        module = f"plugin_{distribution.replace('-', '_')}_{len(modules)}_{tmp_path.name}"
        modules.append(module)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[img2imgkit]\n{name or distribution} = {module}\n")
        return module

    yield put
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def uninstall_everything(monkeypatch):
    """Restrict plugins to the built-in steps, so that no command imports TensorFlow."""
    monkeypatch.setenv("IMG2IMG_PLUGINS", "")


@pytest.fixture
def module():
    """Create a plugin's module from names: ``module(register_steps=hookimpl(f))``."""

    def make(**names):
        made = ModuleType("made")
        vars(made).update(names)
        return made

    return make
