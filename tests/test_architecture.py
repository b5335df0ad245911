"""The architecture's laws on imports, printing, optimizers and more. See ARCHITECTURE.md."""

import ast
import os
import re
import subprocess
import sys
from importlib import import_module

import architecture as laws
import pytest
from architecture import FOLDERS, PACKAGE, PLUGINS, ROOMS, ROOT, Module, functions, modules, public_names, target
from pictures import save_pictures
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration

TENSORFLOW_ROOMS = {"backend", "data", "exporting", "formats", "inference", "training"}
FLAGS_ALLOWED = (  # the others call pip and uv, and this command in a fresh process
    *(f"{PACKAGE}.cli.", f"{PACKAGE}.model_index.fetching.pip_wheel.", f"{PACKAGE}.app.commands."),
    *(f"{PACKAGE}.distributions.installers.", f"{PACKAGE}.distributions.installing."),
)
PRINTING = (f"{PACKAGE}.cli", f"{PACKAGE}.cli.console")
READING = {  # files.py, and modules that read only files of this package, of the system, or that they have just written
    PACKAGE,
    *(f"{PACKAGE}.{name}" for name in ("files", "pipeline.report", "inference.engines.devices", "cli.doctor")),
    *(f"{PACKAGE}.{name}" for name in ("exporting.exporters", "images.decoder_process")),
}
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 60

COMMAND = [[PACKAGE, "cli"], [PACKAGE, "streams"]]
OURS = list(modules().values())
THEIRS = list(modules(PLUGINS).values())


def each_of(some):
    return pytest.mark.parametrize("module", some, ids=lambda module: module.name)


class TestRooms:
    def test_every_module_belongs_to_a_known_room(self):
        assert {module.room for module in OURS} - {""} == set(ROOMS)

    @each_of(OURS)
    def test_a_room_imports_only_rooms_above_it(self, module):
        assert laws.lower_imports(module) == []

    def test_no_module_imports_itself_through_others(self):
        graph = {
            module.name: {target(each) for each in module.imports if target(each) and not each.deferred}
            for module in OURS
        }
        assert laws.cycle(graph) == []

    def test_the_folders_inside_a_room_form_no_circle(self):
        graph = laws.folder_graph(OURS)
        assert {"training/plan", "training/cluster"} <= {*graph}
        assert laws.cycle(graph) == []

    @each_of(OURS)
    def test_an_import_is_deferred_only_for_heavy_libraries(self, module):
        assert laws.needless_deferrals(module) == []


class TestKnowledge:
    @each_of([module for module in OURS if module.room in ("nn", "losses", "metrics")])
    def test_networks_losses_and_metrics_know_no_task_and_no_file(self, module):
        assert {room for _, room in laws.rooms_of(module.runtime_imports)} <= {
            "nn",
            "losses",
            "metrics",
            "backend",
            "errors",
        }
        outside = {each.module.partition(".")[0] for each in module.runtime_imports}
        assert not outside & {"yaml", "pathlib", "os", "io", "json", "pluggy", "tensorflow", "tempfile", "shutil"}
        assert not [node for node in ast.walk(module.tree) if isinstance(node, ast.Name) and node.id == "open"]

    @each_of([module for module in OURS if module.room == "architectures" and module.name in laws.network_modules()])
    def test_networks_know_layers_and_each_other_only(self, module):
        assert {room for _, room in laws.rooms_of(module.runtime_imports)} <= {"architectures", "nn"}
        outside = {each.module.partition(".")[0] for each in module.runtime_imports}
        assert outside <= {"__future__", "collections", "functools", "keras", "math", "typing", PACKAGE}

    @each_of([*OURS, *THEIRS])
    def test_tensorflow_is_imported_in_few_rooms(self, module):
        places = [module.at(e.line) for e in module.runtime_imports if e.module.partition(".")[0] == "tensorflow"]
        assert not places or (module in OURS and module.room in TENSORFLOW_ROOMS)

    @each_of([module for module in [*OURS, *THEIRS] if module.name.split(".")[:2] not in COMMAND])
    def test_only_the_command_line_prints_or_exits(self, module):
        assert laws.prints(module) == []

    @each_of([module for module in OURS if module.room == "cli" and module.name not in PRINTING])
    def test_the_command_line_prints_by_few_functions(self, module):
        """They escape control characters, wherever a text comes from."""
        assert laws.raw_prints(module) == []

    @each_of([module for module in [*OURS, *THEIRS] if module.name not in READING and module.room != "testing"])
    def test_files_are_read_by_functions_that_refuse_pipes_and_devices(self, module):
        assert laws.raw_reads(module) == []

    @each_of([module for module in [*OURS, *THEIRS] if not f"{module.name}.".startswith(FLAGS_ALLOWED)])
    def test_only_the_command_line_names_its_flags(self, module):
        """Other packages are also used as a library: their errors name options, not flags."""
        assert laws.flags(module) == []

    @each_of([module for module in [*OURS, *THEIRS] if module.name.split(".")[:2] != [PACKAGE, "training"]])
    def test_only_training_touches_optimizers(self, module):
        assert laws.optimizer_uses(module) == []

    @each_of([*OURS, *THEIRS])
    def test_modules_contain_no_registries(self, module):
        assert laws.kept_state(module) == []


class TestPlugins:
    @each_of(THEIRS)
    def test_a_plugin_uses_public_names_only(self, module):
        assert laws.private_uses(module) == []

    @each_of([module for module in THEIRS if module.path.name == "__init__.py"])
    def test_a_plugins_init_imports_no_network_library(self, module):
        """A plugin's ``__init__`` contains the hooks, which import the task's module when called."""
        allowed = {"img2imgkit", "__future__", "pathlib", "typing", "collections"}
        assert {e.module.partition(".")[0] for e in module.runtime_imports if not e.deferred} <= allowed


class TestShape:
    @pytest.mark.parametrize("package", FOLDERS)
    def test_every_package_is_in_the_wheel(self, package, monkeypatch):
        monkeypatch.chdir(ROOT)
        distribution = apply_configuration(Distribution(), "pyproject.toml")
        distribution.set_defaults()
        folder = FOLDERS[package]
        there = {".".join([package, *path.parent.relative_to(folder).parts]) for path in folder.rglob("*.py")}
        assert package in there
        assert there <= {*distribution.packages}

    @each_of([module for module in OURS if module.path.name == "__init__.py"])
    def test_public_names_are_listed_in_order_and_exist(self, module):
        names = public_names(module.name)
        own = (each for each in module.imports if target(each).startswith(f"{module.name}.") and not each.deferred)
        imported = {each.name for each in own}
        doors = ("cli", "steps")  # no name is imported from them
        assert set(names) >= {name for name in imported if not name.startswith("_")} or module.room in doors
        in_order = sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
        assert list(names) == in_order or module.name == PACKAGE  # its stub is ordered by module
        loaded = import_module(module.name)
        assert [name for name in names if not hasattr(loaded, name)] == []

    def test_no_module_takes_the_name_of_a_function_of_the_package(self):
        """An imported module would replace ``img2imgkit.run``, or any other public name."""
        verbs = {"load", "run", "train", "evaluate", "export"}
        names = verbs | {*public_names(PACKAGE)}
        assert {f"{PACKAGE}.{name}" for name in names} & {module.name for module in OURS} == set()

    @each_of([*OURS, *THEIRS])
    def test_modules_are_short_and_say_what_they_know(self, module):
        assert len(module.path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES
        assert ast.get_docstring(module.tree)

    @each_of([module for module in OURS if module.is_door])
    def test_a_package_that_lists_its_modules_lists_all_that_exist(self, module):
        lines = re.findall(r"^(\w+(?:, \w+)*)/? +(?=\S)(?<=  )", ast.get_docstring(module.tree) or "", re.MULTILINE)
        listed = {name for line in lines for name in line.split(", ")}
        there = {path.stem for path in module.path.parent.iterdir() if not path.name.startswith("_")}
        assert not listed or listed == there

    @each_of([*OURS, *THEIRS])
    def test_functions_are_short(self, module):
        lengths = {each.name: each.end_lineno - each.lineno + 1 for each in functions(module)}
        assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


class TestTheLawsThemselves:
    """Each law detects its violation."""

    @pytest.fixture
    def source(self, tmp_path):
        def make(text, name="img2imgkit.pipeline.made"):
            path = tmp_path / "made.py"
            path.write_text(text)
            return Module(name, path)

        return make

    @pytest.mark.parametrize(
        "text",
        [
            "import img2imgkit.cli",
            "from img2imgkit import testing",
            "from img2imgkit.steps import register_steps",
            "def f():\n    from img2imgkit.cli import main",
            "class A:\n    from img2imgkit.cli import main",
            "try:\n    import img2imgkit.cli\nexcept ImportError:\n    pass",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from img2imgkit.cli import main",
        ],
    )
    def test_a_lower_room_is_found(self, source, text):
        assert len(laws.lower_imports(source(text))) == 1

    @pytest.mark.parametrize("text", ["import img2imgkit.errors", "from img2imgkit import Catalog, Item", "import os"])
    def test_a_higher_room_is_allowed(self, source, text):
        assert laws.lower_imports(source(text)) == []

    @pytest.mark.parametrize("what", ["os", "img2imgkit.errors", "img2imgkit.metrics", "img2imgkit.losses"])
    def test_an_unnecessary_deferral_is_found(self, source, what):
        assert len(laws.needless_deferrals(source(f"def f():\n    import {what}"))) == 1

    @pytest.mark.parametrize("what", ["keras", "tensorflow as tf", "img2imgkit.training.loop.trainer", "img2imgkit.nn"])
    def test_a_needed_deferral_is_allowed(self, source, what):
        assert laws.needless_deferrals(source(f"def f():\n    import {what}")) == []

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("training.loop.made", "from img2imgkit.training.record import journal"),
            ("training.loop.made", "from img2imgkit.training.training_run import train"),
            ("training.loop.made", "def f():\n    from img2imgkit.training import train"),
            ("data.made", "from img2imgkit.data.kinds.paired import Paired"),
        ],
    )
    def test_a_circle_of_folders_is_found(self, source, name, text):
        assert laws.cycle(laws.folder_graph([*OURS, source(text, f"img2imgkit.{name}")]))

    def test_a_cycle_is_found(self):
        assert laws.cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
        assert laws.cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []

    @pytest.mark.parametrize("text", ["print(1)", "import sys\nsys.exit(1)", "import click", "from rich import box"])
    def test_printing_is_found(self, source, text):
        assert len(laws.prints(source(text))) == 1

    @pytest.mark.parametrize(
        "text", ["print(1)", "import click\nclick.echo(1)", "def f():\n    from rich.console import Console"]
    )
    def test_printing_without_escapes_is_found(self, source, text):
        assert len(laws.raw_prints(source(text))) == 1

    @pytest.mark.parametrize("text", ["path.read_text()", "path.read_bytes()", "open(path, 'rb')", "path.open('r')"])
    def test_reading_without_a_check_is_found(self, source, text):
        assert len(laws.raw_reads(source(text))) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "x = 'state --task'",
            "f(f'--set {x}=1')",
            '"""A docstring."""\nx = "(--name)"',
            "def f():\n    1\n    '--no'",
        ],
    )
    def test_a_flag_is_found(self, source, text):
        assert len(laws.flags(source(text))) == 1

    @pytest.mark.parametrize("text", ['def f():\n    """As --set."""', "x = 'a -- b'", "x = '---'", "x = 'a--b'"])
    def test_dashes_and_docstrings_are_not_flags(self, source, text):
        assert laws.flags(source(text)) == []

    @pytest.mark.parametrize(
        "text", ["import keras.optimizers", "from keras import optimizers", "x.apply_gradients(y)"]
    )
    def test_an_optimizer_is_found(self, source, text):
        assert len(laws.optimizer_uses(source(text))) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "manager = pluggy.PluginManager('x')",
            "strategy = tf.distribute.MirroredStrategy()",
            "found: dict = {}\ndef register(x):\n    found[x.name] = x",
            "found = []\ndef register(x):\n    found.append(x)",
            "found = set()\ndef register(x):\n    found.add(x)",
            "n = 0\ndef count():\n    global n\n    n += 1",
        ],
    )
    def test_a_registry_is_found(self, source, text):
        assert len(laws.kept_state(source(text))) == 1

    def test_constants_and_locals_are_not_registries(self, source):
        text = "NAMES = {'a': 1}\ndef f(found):\n    found['a'] = NAMES['a']\n    mine = []\n    mine.append(1)"
        assert laws.kept_state(source(text)) == []

    @pytest.mark.parametrize(
        "text",
        [
            "from img2imgkit.catalog import _reason",
            "from img2imgkit.architectures.srvgg import srvgg",
            "import img2imgkit.nn",
            "from img2imgkit.task import Task",
            "import img2imgkit as kit\nkit.errors",
            "from img2imgkit_plugins.other import Task",
            "from img2imgkit_plugins.other.task import Task",
        ],
    )
    def test_a_private_name_is_found(self, source, text):
        assert len(laws.private_uses(source(text, "img2imgkit_plugins.mine.task"))) == 1

    def test_public_names_are_allowed(self, source):
        text = (
            "import img2imgkit as kit\nfrom img2imgkit.losses import l1\nkit.Task\nimport img2imgkit_plugins.mine.nets"
        )
        assert laws.private_uses(source(text, "img2imgkit_plugins.mine.task")) == []


PIPELINE = "name: x\nsteps:\n- {uses: read, with: {folder: in}}\n- {uses: write, with: {folder: out}}\n"
INPUTS = PIPELINE.replace(
    "- {uses: write", "- {uses: translate, with: {bundle: stargan-typefaces, each: {domain: all}}}\n- {uses: write"
).replace("folder: out", "folder: out, name: '{stem}_{domain}'")
LIGHT = [
    *("images", "losses", "adversary", "architectures", "task", "step", "catalog", "bundle", "training", "metrics"),
    *("evaluation", "pipeline", "steps", "testing", "schema", "app.server", "app.worker", "cli"),
]
COMMON = ("run", "models", "tasks")  # the others are as slow to test, and share what they import
LISTINGS = [
    *(
        ["--help"],
        ["steps"],
        ["plugins"],
        ["models"],
        ["models", "list", "--available"],
        ["architectures"],
        ["tasks"],
        ["tasks", "espcn"],
    ),
    *(["tasks", "funit"], ["schema", "pipeline"], ["schema", "train"], ["completion", "bash"]),
    *(["run", "--dry-run", "p.yaml"], ["run", "--dry-run", "inputs.yaml"], ["check", "p.yaml"]),
]


def the_readmes_plugin():
    """The module that the README shows, as it would be copied."""
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (module,) = (block for block in shown if "kit.Task" in block)
    return module


def loaded_after(code, folder, stderr=None, **environ):
    """Which of Keras and TensorFlow a fresh interpreter has loaded after running ``code``; it may have to be silent."""
    ending = "\nimport sys; print('LOADED', sorted({'keras', 'tensorflow'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}, **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert stderr is None or done.stderr == stderr
    assert "LOADED" in done.stdout
    return done.stdout.rpartition("LOADED")[2].strip()


class TestLightness:
    def test_our_modules_load_no_network_library(self, tmp_path):
        names = "\n".join(f"import img2imgkit.{name}" for name in LIGHT)
        assert loaded_after(f"import img2imgkit\nimg2imgkit.Task\n{names}", tmp_path) == "[]"

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(each, id=" ".join(each), marks=[] if each[0] in COMMON else [pytest.mark.slow])
            for each in LISTINGS
        ],
    )
    def test_listings_load_none_with_all_plugins_and_the_readmes(self, tmp_path, install, arguments):
        install("kit-espcn", the_readmes_plugin(), name="espcn")
        (tmp_path / "p.yaml").write_text(PIPELINE)
        (tmp_path / "inputs.yaml").write_text(INPUTS)
        save_pictures(tmp_path / "in", "a.png")
        call = f"try: main({arguments})\nexcept SystemExit as end: assert not end.code, end"
        code = f"from img2imgkit.cli import main\n{call}"
        assert loaded_after(code, tmp_path, PYTHONPATH=str(tmp_path / "site-packages")) == "[]"

    def test_tasks_are_listed_and_made_without_one(self, tmp_path, install):
        install("kit-espcn", the_readmes_plugin(), name="espcn")
        code = """
from img2imgkit import Catalog
catalog = Catalog.installed()
assert {"espcn", "cut", "cyclegan", "funit", "pix2pix", "pix2pixhd", "pix2pixhd-photo", "spade", "srmd", "stargan",
        "super-resolution"} == {*catalog.tasks} and not catalog.broken, catalog.broken
assert all(task().geometry() for task in catalog.tasks.values())
"""
        assert loaded_after(code, tmp_path, PYTHONPATH=str(tmp_path / "site-packages")) == "[]"

    @pytest.mark.slow
    def test_a_plugin_that_imports_keras_at_its_top_pays_quietly_and_for_its_tasks_alone(self, tmp_path, install):
        module = the_readmes_plugin().replace("    register(Espcn)", "    import keras\n    register(Espcn)")
        install("kit-espcn", module, name="espcn")
        environ = {"PYTHONPATH": str(tmp_path / "site-packages"), "IMG2IMG_PLUGINS": "espcn"}
        look = "import img2imgkit\ncatalog = img2imgkit.Catalog.installed()\n"
        assert loaded_after(f"{look}assert catalog.steps", tmp_path, **environ) == "[]"
        listed = f"{look}assert list(catalog.tasks) == ['espcn']"
        assert loaded_after(listed, tmp_path, stderr="", **environ) == "['keras', 'tensorflow']"

    @pytest.mark.parametrize(
        "use", ["catalog.get('tasks', 'pix2pix')().build()", "img2imgkit.losses.l1(*2 * [np.zeros((1, 2, 2, 3))])"]
    )
    def test_the_first_use_loads_them_quietly(self, tmp_path, use):
        code = f"import numpy as np, img2imgkit.losses\ncatalog = img2imgkit.Catalog.installed()\n{use}"
        assert loaded_after(code, tmp_path, stderr="") == "['keras', 'tensorflow']"

    def test_the_measurement_detects_keras(self, tmp_path):
        assert loaded_after("from img2imgkit import backend; backend.load()", tmp_path) == "['keras', 'tensorflow']"
