import inspect
import sys
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Literal

import pytest
from registry_server import entry, package
from toy_metrics import Worst

from img2imgkit import (
    AdversarialLoss,
    Augmentation,
    DataKind,
    Degradation,
    Loss,
    Metric,
    PairMetric,
    Penalty,
    ReaderOptions,
    Rendering,
    Sink,
    Task,
    Transform,
    data,
    hookimpl,
)
from img2imgkit.architectures import Architecture
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.config import Config
from img2imgkit.engine import Engine
from img2imgkit.errors import NotInstalled
from img2imgkit.exchange import Exporter, Importer
from img2imgkit.hooks import GROUP
from img2imgkit.model_entry import ModelEntry
from img2imgkit.places import Places, UserSettings

ENTRY = entry(package("web", b"numbers", {}, url="https://a.example/numbers.npz"))


def sink(called, **extra):
    class Made(Sink):
        """A sink."""

        name = called

        def location(self):
            return "out"

        def target(self, entry):
            return PurePosixPath("x.png")

        def render(self, item):
            return Rendering(PurePosixPath("x.png"), b"")

    for key, value in extra.items():
        setattr(Made, key, value)
    return Made


def task(called, kind):
    """A task with attributes only."""
    methods = dict.fromkeys(Task.__abstractmethods__)
    return type("Made", (Task,), {"name": called, "data": kind, **methods})


def named_options(name):
    """Options of paired data under another name."""
    return type("NamedOptions", (data.PairedOptions,), {"__annotations__": {"kind": Literal[name]}})


def bringing(module, *things, kind="steps"):
    """A plugin's module that registers ``things`` through one hook."""

    def hook(register):
        for thing in things:
            register(thing)

    hook.__name__ = f"register_{kind}"
    return module(**{hook.__name__: hookimpl(hook)})


def catalog(**modules):
    return Catalog(tuple(Plugin(name, lambda made=made: made, name) for name, made in modules.items()))


def reasons(found):
    return {broken.plugin: broken.reason for broken in found.broken}


class Worker:
    """What no option can be."""


def failing(error):
    def load():
        raise error

    return load


class TestWhatComesIn:
    def test_things_are_found_by_name_in_order(self, module):
        found = catalog(one=bringing(module, sink("b"), sink("a")), two=bringing(module, sink("c")))
        assert list(found.steps) == ["a", "b", "c"]
        assert not found.broken

    def test_each_thing_knows_its_plugin(self, module):
        found = catalog(one=bringing(module, sink("a")), two=bringing(module, sink("b")))
        assert (found.owner("steps", "a").name, found.owner("steps", "b").name) == ("one", "two")

    def test_a_bundle_is_named_by_its_folder(self, module):
        found = catalog(one=bringing(module, Path("/models/night"), kind="bundles"))
        assert dict(found.bundles) == {"night": Path("/models/night")}

    def test_a_model_of_an_index_is_an_entry(self, module):
        known = ModelEntry.model_validate(ENTRY, strict=False)
        assert dict(catalog(one=bringing(module, known, kind="model_index")).model_index) == {"tiny": known}
        found = catalog(one=bringing(module, ENTRY, kind="model_index"))
        assert not found.model_index
        assert "a model of an index must be registered as a ModelEntry" in reasons(found)["one"]

    @pytest.mark.parametrize(("kind", "base"), [("importers", Importer), ("exporters", Exporter)])
    def test_importers_and_exporters_are_registered_by_their_hooks(self, kind, base, module):
        form = type("Onnx", (base,), {"name": "onnx", **dict.fromkeys(base.__abstractmethods__)})
        assert dict(getattr(catalog(one=bringing(module, form, kind=kind)), kind)) == {"onnx": form}

    def test_engines_are_registered_by_their_hook(self, module):
        engine = type("Fast", (Engine,), {"name": "fast", **dict.fromkeys(Engine.__abstractmethods__)})
        assert dict(catalog(one=bringing(module, engine, kind="engines")).engines) == {"fast": engine}

    @pytest.mark.parametrize(
        ("kind", "base"),
        [
            ("losses", Loss),
            ("adversarial_losses", AdversarialLoss),
            ("penalties", Penalty),
            ("augmentations", Augmentation),
            ("degradations", Degradation),
        ],
    )
    def test_components_are_registered_by_their_hooks(self, module, kind, base):
        methods = {name: lambda *_: None for name in base.__abstractmethods__}
        made = type("Made", (base,), {"name": "made", "__module__": __name__, **methods})
        found = catalog(one=bringing(module, made, kind=kind))
        assert dict(getattr(found, kind)) == {"made": made}
        assert found.get(kind, "made") is made

    def test_architectures_are_registered_by_their_hook(self, module):
        kind = type("Dense", (Architecture,), {"name": "dense", "build": lambda self, spec: None})
        assert dict(catalog(one=bringing(module, kind, kind="architectures")).architectures) == {"dense": kind}

    def test_data_kinds_are_registered_by_their_hook(self, module):
        kind = type("Night", (data.Paired,), {"Options": named_options("night")})
        found = catalog(one=bringing(module, kind, kind="data_kinds"))
        assert dict(found.data_kinds) == {"night": kind}
        assert not found.broken

    def test_a_task_can_use_a_data_kind_of_its_own_plugin(self, module):
        night = type("Night", (data.Paired,), {"Options": named_options("night")})
        plugin = bringing(module, task("dusk", "night"), kind="tasks")
        plugin.register_data_kinds = bringing(module, night, kind="data_kinds").register_data_kinds
        found = catalog(one=plugin)
        assert list(found.tasks) == ["dusk"]
        assert not found.broken

    def test_metrics_are_registered_by_their_hook(self, module):
        assert dict(catalog(one=bringing(module, Worst, kind="metrics")).metrics) == {"worst": Worst}

    @pytest.mark.parametrize(
        ("thing", "said"),
        [
            (Worst(), "registered as a class"),
            (Metric, "derived from PairMetric or SetsMetric or SetMetric"),
            (PairMetric, "PairMetric does not implement compare"),
        ],
    )
    def test_invalid_metrics_are_rejected(self, module, thing, said):
        found = catalog(one=bringing(module, thing, kind="metrics"))
        assert not found.metrics
        assert said in reasons(found)["one"]

    def test_mappings_are_read_only(self, module):
        found = catalog(one=bringing(module, sink("a")))
        with pytest.raises(TypeError):
            found.steps["b"] = sink("b")

    def test_a_kind_is_collected_once_on_first_access(self, module):
        calls = []

        def register_steps(register):
            calls.append(register)

        found = catalog(one=module(register_steps=hookimpl(register_steps)))
        assert not calls
        assert (found.steps, found.steps) == ({}, {})
        assert len(calls) == 1

    def test_hooks_of_a_plugin_are_listed(self, module):
        found = catalog(one=bringing(module, sink("a")), two=module())
        assert (found.hooks("one"), found.hooks("two"), found.hooks("none")) == (("register_steps",), (), ())


class TestWhatBreaks:
    @pytest.mark.parametrize("error", [ImportError("no module named torch"), SystemExit(3), SyntaxError("bad")])
    def test_a_plugin_that_cannot_be_imported_is_broken_alone(self, module, error):
        good = Plugin("good", lambda: bringing(module, sink("a")))
        found = Catalog((Plugin("bad", failing(error)), good))
        assert list(found.steps) == ["a"]
        assert reasons(found) == {"bad": f"{type(error).__name__}: {error}"}

    @pytest.mark.parametrize("error", [RuntimeError("half way"), SystemExit(1)])
    def test_a_failing_hook_registers_nothing_of_that_kind(self, module, error):
        def register_steps(register):
            register(sink("half"))
            raise error

        bad = module(register_steps=hookimpl(register_steps))
        found = catalog(bad=bad, good=bringing(module, sink("a")))
        assert list(found.steps) == ["a"]
        assert [(b.plugin, b.kind) for b in found.broken] == [("bad", "steps")]

    def test_a_step_with_invalid_options_is_broken_before_it_is_used(self, module):
        options = type("Options", (Config,), {"__annotations__": {"where": Worker}})
        found = catalog(bad=bringing(module, sink("b", Options=options)), good=bringing(module, sink("a")))
        assert list(found.steps) == ["a"]
        assert "Worker" in reasons(found)["bad"]

    def test_a_failing_hook_does_not_affect_other_hooks_of_its_plugin(self, module):
        def register_steps(register):
            raise RuntimeError("no")

        both = bringing(module, Path("/models/night"), kind="bundles")
        both.register_steps = hookimpl(register_steps)
        found = catalog(both=both)
        assert (list(found.steps), list(found.bundles)) == ([], ["night"])

    def test_a_misspelt_hook_gets_a_suggestion(self, module):
        def register_step(register):
            register(sink("a"))

        found = catalog(bad=module(register_step=hookimpl(register_step)))
        assert "'register_step'" in reasons(found)["bad"]
        assert "did you mean 'register_steps'?" in reasons(found)["bad"]

    def test_a_hook_without_its_marker_is_named(self, module):
        found = catalog(bad=module(register_steps=lambda register: None))
        assert "register_steps" in reasons(found)["bad"]
        assert "hookimpl" in reasons(found)["bad"]

    def test_a_hook_with_an_unknown_argument_is_broken(self, module):
        def register_steps(register, more):
            register(sink("a"))

        assert "more" in reasons(catalog(bad=module(register_steps=hookimpl(register_steps))))["bad"]

    def test_a_taken_name_stays_with_the_first(self, module):
        first, second = sink("a"), sink("a")
        found = catalog(one=bringing(module, first), two=bringing(module, sink("z"), second))
        assert found.steps["a"] is first
        assert found.owner("steps", "a").name == "one"
        assert "'a' is already registered by plugin 'one'" in reasons(found)["two"]
        assert "z" not in found.steps

    def test_registering_a_name_twice_is_rejected(self, module):
        assert "twice" in reasons_after_steps(catalog(one=bringing(module, sink("a"), sink("a"))))["one"]

    @pytest.mark.parametrize(
        ("thing", "said"),
        [
            (sink(""), "no name"),
            (sink(7), "no name"),
            (object(), "registered as a class"),
            (int, "registered as a class derived from Source or Transform or Sink"),
            (Transform, "Transform does not implement apply"),
        ],
    )
    def test_invalid_steps_are_rejected(self, module, thing, said):
        found = catalog(one=bringing(module, thing))
        assert said in reasons_after_steps(found)["one"]
        assert not found.steps

    def test_a_bundle_must_be_a_path(self, module):
        found = catalog(one=bringing(module, "models/night", kind="bundles"))
        assert not found.bundles
        assert "pathlib.Path" in reasons(found)["one"]

    @pytest.mark.parametrize("thing", [sink("a"), Task])
    def test_invalid_tasks_are_rejected(self, module, thing):
        found = catalog(one=bringing(module, thing, kind="tasks"))
        assert not found.tasks
        assert "derived from Task" in reasons(found)["one"] or "does not implement" in reasons(found)["one"]

    @pytest.mark.parametrize(
        ("kind", "near"), [("piared", "; did you mean 'paired'?"), ("stereo", ""), (None, "")], ids=str
    )
    def test_a_task_of_an_unknown_data_kind_is_rejected(self, module, kind, near):
        found = catalog(
            kinds=data, one=bringing(module, task("depth", kind), kind="tasks"),
            two=bringing(module, task("blur", "paired"), kind="tasks"),
        )  # fmt: skip
        assert list(found.tasks) == ["blur"]
        said = (
            f"task 'depth': its data is {kind!r}, but no data kind of that name is installed{near}; installed: degraded"
        )
        assert said in reasons(found)["one"]

    def test_a_data_kind_whose_options_do_not_name_it_is_rejected(self):
        with pytest.raises(TypeError, match=r"ReaderOptions\.kind must be Literal\['a-name'\]"):
            type("Nameless", (DataKind,), {"Options": ReaderOptions})

    def test_a_plugin_cannot_take_the_name_of_another(self, module):
        ours, theirs = sink("ours"), sink("theirs")
        found = Catalog(
            (
                Plugin("steps", lambda: bringing(module, ours), "img2imgkit"),
                Plugin("steps", lambda: bringing(module, theirs), "stranger"),
            )
        )
        assert list(found.steps) == ["ours"]
        assert reasons(found) == {"steps": "stranger provides it, but img2imgkit already has a plugin of that name"}


def reasons_after_steps(found):
    assert found.steps is not None
    return reasons(found)


class TestNotInstalled:
    def test_a_similar_name_is_suggested(self, module):
        with pytest.raises(NotInstalled, match="no step 'riet' is installed; did you mean 'write'"):
            catalog(one=bringing(module, sink("write"))).get("steps", "riet")

    def test_broken_plugins_are_named(self, module):
        found = Catalog((Plugin("bad", failing(ImportError("no torch"))),))
        with pytest.raises(NotInstalled, match=r"no step 'paint'.*\n.*plugin 'bad' is broken: ImportError: no torch"):
            found.get("steps", "paint")

    def test_a_known_name_is_returned(self, module):
        made = sink("write")
        assert catalog(one=bringing(module, made)).get("steps", "write") is made


GOOD = """
import img2imgkit as kit
from pathlib import Path

@kit.hookimpl
def register_bundles(register):
    register(Path(__file__).parent / "night")
"""


class TestInstalledDistributions:
    def test_an_entry_point_is_found_with_its_distribution(self, install):
        install("kit-gallery", GOOD, name="gallery")
        found = Catalog.installed({"IMG2IMG_PLUGINS": "gallery"})
        plugin = found.owner("bundles", "night")
        assert (plugin.name, plugin.distribution, plugin.version) == ("gallery", "kit-gallery", "1.2.3")
        assert not plugin.own

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("import torch_that_is_not_there", "ModuleNotFoundError"),
            ("raise SystemExit('bye')", "SystemExit: bye"),
            ("def (", "SyntaxError"),
        ],
    )
    def test_a_broken_distribution_breaks_only_itself(self, install, source, reason):
        install("bad", source)
        install("good", GOOD)
        found = Catalog.installed({"IMG2IMG_PLUGINS": "good,bad"})
        assert "night" in found.bundles
        assert reasons(found)["bad"].startswith(reason)

    def test_the_variable_restricts_which_plugins_are_imported(self, install):
        wanted, unwanted = install("wanted", GOOD), install("unwanted", GOOD)
        found = Catalog.installed({"IMG2IMG_PLUGINS": " wanted , "})
        assert "wanted" in [plugin.name for plugin in found.plugins]
        assert wanted in sys.modules
        assert unwanted not in sys.modules

    def test_an_empty_variable_leaves_only_the_modules_of_the_toolkit(self, install):
        install("gallery", GOOD)
        found = Catalog.installed({"IMG2IMG_PLUGINS": ""})
        points = metadata.entry_points(group=GROUP)
        built_in = {point.name for point in points if point.module.startswith("img2imgkit.")}
        assert {plugin.name for plugin in found.plugins} == built_in >= {"steps", "importers", "exporters"}
        assert all(plugin.own for plugin in found.plugins)

    def test_a_third_party_plugin_that_refers_to_our_module_is_not_built_in(self):
        assert Plugin("a", list, "img2imgkit", module="img2imgkit.steps").built_in
        assert not Plugin("a", list, "stranger", module="img2imgkit.steps").built_in
        assert not Plugin("a", list, "img2imgkit", module="img2imgkit_plugins.cut").built_in

    def test_without_the_variable_all_plugins_are_listed_ours_first(self, install):
        install("aaa", GOOD)
        names = [plugin.name for plugin in Catalog.installed({}).plugins]
        assert set(names) >= {"aaa", "steps", "super-resolution"}
        assert names.index("steps") < names.index("aaa")

    def test_a_third_party_plugin_cannot_shadow_our_steps(self, install):
        install("evil", GOOD, name="steps")
        found = Catalog.installed({"IMG2IMG_PLUGINS": "steps"})
        assert {plugin.distribution for plugin in found.plugins} == {"img2imgkit"}
        assert any(
            "evil provides it, but img2imgkit already has a plugin of that name" in broken.reason
            for broken in found.broken
        )

    def test_a_half_removed_distribution_is_listed(self, install, tmp_path):
        install("gone", GOOD)
        next(tmp_path.rglob("gone-*.dist-info/METADATA")).unlink()
        found = Catalog.installed({"IMG2IMG_PLUGINS": "gone"})
        assert "gone" in [plugin.name for plugin in found.plugins]

    def test_an_option_that_a_plugin_states_wrongly_is_told_in_one_line(self, install):
        install("gallery", "from img2imgkit.architectures import Unet\nUnet(deep=1)\n")
        found = Catalog.installed({"IMG2IMG_PLUGINS": "gallery"})
        assert [each.reason for each in found.broken] == ["ValidationError: Unet: deep: Extra inputs are not permitted"]


class TestQuestions:
    def test_an_unknown_kind_is_answered_with_the_kinds_and_breaks_no_plugin(self):
        found = Catalog.installed({"IMG2IMG_PLUGINS": ""})
        with pytest.raises(ValueError, match=r"no kind 'bundle'; did you mean 'bundles'\?; the kinds are .*steps"):
            found.get("bundle", "x")
        assert not found.broken

    @pytest.mark.parametrize("function", [Catalog.installed, Places.of_user, UserSettings.read])
    def test_no_signature_shows_the_environment(self, function):
        assert inspect.signature(function).parameters["environ"].default is None
