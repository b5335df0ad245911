"""The architecture's laws on imports, printing, optimizers and more. See ARCHITECTURE.md."""

import ast
import os
import subprocess
import sys
from importlib import import_module

import architecture as laws
import pytest
from architecture import FOLDERS, PACKAGE, PLUGINS, ROOMS, ROOT, Module, functions, modules, public_names, target
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration

TENSORFLOW_ROOMS = {"backend", "data", "exporting", "inference", "training"}
FLAGS_LEFT = (f"{PACKAGE}.interop.", f"{PACKAGE}.parts.", f"{PLUGINS}.")  # sentences of import assumptions
FLAGS_ALLOWED = (f"{PACKAGE}.cli.", *FLAGS_LEFT)
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 300, 60

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

    @each_of([*OURS, *THEIRS])
    def test_tensorflow_is_imported_in_few_rooms(self, module):
        places = [module.at(e.line) for e in module.runtime_imports if e.module.partition(".")[0] == "tensorflow"]
        assert not places or (module in OURS and module.room in TENSORFLOW_ROOMS)

    @each_of([module for module in [*OURS, *THEIRS] if module.name.split(".")[:2] != [PACKAGE, "cli"]])
    def test_only_the_command_line_prints_or_exits(self, module):
        assert laws.prints(module) == []

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
        imported = {each.name for each in module.imports if target(each).startswith(f"{module.name}.")}
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

    @pytest.mark.parametrize("what", ["os", "img2imgkit.errors", "img2imgkit.metrics"])
    def test_an_unnecessary_deferral_is_found(self, source, what):
        assert len(laws.needless_deferrals(source(f"def f():\n    import {what}"))) == 1

    @pytest.mark.parametrize(
        "what", ["keras", "tensorflow as tf", "img2imgkit.training.trainer", "img2imgkit.training"]
    )
    def test_a_needed_deferral_is_allowed(self, source, what):
        assert laws.needless_deferrals(source(f"def f():\n    import {what}")) == []

    def test_a_cycle_is_found(self):
        assert laws.cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
        assert laws.cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []

    @pytest.mark.parametrize("text", ["print(1)", "import sys\nsys.exit(1)", "import click", "from rich import box"])
    def test_printing_is_found(self, source, text):
        assert len(laws.prints(source(text))) == 1

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
            "from img2imgkit.nn.generators import srvgg",
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
LIGHT = ["images", "step", "steps", "pipeline", "bundle", "task", "catalog", "metrics", "evaluation", "testing", "cli"]


def loaded_after(code, folder, **environ):
    """Return which of Keras and TensorFlow a new interpreter has loaded after running ``code``."""
    ending = "\nimport sys; print('LOADED', sorted({'keras', 'tensorflow'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "LOADED" in done.stdout
    return done.stdout.rpartition("LOADED")[2].strip()


class TestLightness:
    def test_our_modules_load_no_network_library(self, tmp_path):
        names = "\n".join(f"import img2imgkit.{name}" for name in LIGHT)
        assert loaded_after(f"import img2imgkit\nimg2imgkit.Task\n{names}", tmp_path) == "[]"

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--help"],
            ["plugins"],
            ["steps"],
            ["models"],
            ["schema", "pipeline"],
            ["run", "--dry-run", "p.yaml"],
            ["check", "p.yaml"],
        ],
        ids=" ".join,
    )
    def test_commands_that_need_no_network_library_load_none(self, tmp_path, arguments):
        (tmp_path / "p.yaml").write_text(PIPELINE)
        (tmp_path / "in").mkdir()
        call = f"try: main({arguments})\nexcept SystemExit as end: assert not end.code, end"
        code = f"from img2imgkit.cli import main\n{call}"
        assert loaded_after(code, tmp_path) == "[]"

    def test_the_measurement_detects_keras(self, tmp_path):
        assert loaded_after("from img2imgkit import backend; backend.load()", tmp_path) == "['keras', 'tensorflow']"
