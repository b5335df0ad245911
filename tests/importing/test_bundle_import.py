"""Bundles from model files: the chosen task, its options, the copied weights, and refused files."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from checkpoints import INSTALLED

import img2imgkit as kit
from img2imgkit import architectures, backend, bundle, data, importing
from img2imgkit.bundle import EXPORTED_FILE, Exported, ProgramDescription
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import BundleError, ConfigError, InteropError, NotInstalled
from img2imgkit.importing import import_bundle, load_torch
from img2imgkit.importing.reading import importer_of

FIXTURES = Path(__file__).parents[1] / "fixtures"
RESNET = FIXTURES / "junyanz_resnet6_instance" / "weights.pth"
UNET = FIXTURES / "junyanz_unet128_batch" / "weights.pth"
CRITIC = FIXTURES / "junyanz_patchgan_none" / "weights.pth"
OWN = ("pix2pix", "cyclegan")


class Toy(kit.Importable, kit.Task):
    """Imports residual generators, and builds one fresh network."""

    name = "toy"
    data = "paired"

    class Options(kit.Config):
        blocks: int = 1
        width: int = 64

    missing: tuple[str, ...] = ()
    inside = ""

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        if networks[0].kind != "resnet":
            return None
        options = {name: networks[0].arguments[name] for name in ("blocks", "width")}
        return kit.ImportPlan(options, {"image": kit.FromFile(0, cls.inside)}, ("spare",), missing=cls.missing)

    def build(self) -> kit.Networks:
        from img2imgkit.architectures.pixel import pixel_critic
        from img2imgkit.architectures.resnet.network import resnet

        return kit.Networks({"image": resnet(self.options.blocks, self.options.width), "spare": pixel_critic(3, 2)})

    def geometry(self) -> kit.Geometry:
        return kit.Geometry(radius=None, multiple=4)

    def forward(self, nets: Any, batch: Any) -> Any:
        raise NotImplementedError

    def generator_losses(self, nets: Any, batch: Any, out: Any) -> Any:
        raise NotImplementedError

    def translate(self, nets: kit.Networks, inputs: Any) -> Any:
        return nets["image"](inputs["source"], training=False)


class Wanting(Toy):
    name = "wanting"
    missing = ("names of its domains",)


class Failing(Toy):
    name = "failing"

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        raise KeyError("width")


class _Toys:
    tasks: tuple[type[Toy], ...] = (Toy, Failing)

    @staticmethod
    @kit.hookimpl
    def register_tasks(register: Any) -> None:
        for task in _Toys.tasks:
            register(task)


class _Wanting:
    @staticmethod
    @kit.hookimpl
    def register_tasks(register: Any) -> None:
        register(Wanting)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    backend.load()
    return Catalog.installed({"IMG2IMG_PLUGINS": ",".join(OWN)})


@pytest.fixture(scope="module")
def toys() -> Catalog:
    backend.load()
    own = (
        Plugin("architectures", lambda: architectures),
        Plugin("data-kinds", lambda: data),
        Plugin("importers", lambda: importing),
    )
    return Catalog((*own, Plugin("toys", lambda: _Toys), Plugin("w", lambda: _Wanting)))


def noise() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)


class TestImported:
    def test_two_translators_become_a_bundle_that_computes_the_same(self, catalog: Catalog, tmp_path: Path) -> None:
        done = import_bundle([RESNET, RESNET], tmp_path / "horses", catalog, licence="BSD", attribution=("them",))
        assert (done.manifest.task, done.manifest.name, done.manifest.licence) == ("cyclegan", "horses", "BSD")
        loaded = bundle.load(tmp_path / "horses", catalog)
        for role in ("a_to_b", "b_to_a"):
            np.testing.assert_array_equal(loaded.nets[role](noise()), load_torch(RESNET, INSTALLED)(noise()))
        [origin, _] = loaded.manifest.training["imported"]
        assert origin["sha256"] == hashlib.sha256(RESNET.read_bytes()).hexdigest()
        assert (origin["file"], origin["architecture"], origin["arguments"]["blocks"]) == ("weights.pth", "resnet", 6)
        assert "padding" in origin["assumed"]

    def test_critics_are_ignored(self, catalog: Catalog, tmp_path: Path) -> None:
        done = import_bundle([UNET], tmp_path / "u", catalog)
        assert done.manifest.task == "pix2pix"
        with pytest.raises(InteropError, match=r"from weights.pth \(patch\): import it together with"):
            import_bundle([CRITIC], tmp_path / "c", catalog)
        assert [path.name for path in tmp_path.iterdir()] == ["u"]

    def test_options_override_assumptions(self, catalog: Catalog, tmp_path: Path) -> None:
        options = {"generator.padding": "replicate", "output_channels": 3}
        done = import_bundle([RESNET], tmp_path / "r", catalog, "pix2pix", options)
        assert done.manifest.options["generator"]["padding"] == "replicate"
        wanted = load_torch(RESNET, INSTALLED, padding="replicate")
        np.testing.assert_array_equal(bundle.load(tmp_path / "r", catalog).nets["generator"](noise()), wanted(noise()))

    @pytest.mark.parametrize(
        ("options", "error", "reason"),
        [
            (
                {"generator.paddin": "zero"},
                ConfigError,
                "generator.paddin: unknown option; did you mean 'padding'",
            ),
            ({"norm": 3}, ConfigError, "norm: input should be 'batch'"),
            ({"generator.width": 7}, InteropError, r"weights\.pth: the generator 'generator' needs stem_conv/kernel"),
            ({"generator.blocks": 5}, InteropError, "needs .* arrays with these options, but the file has"),
            ({"norm": "none"}, InteropError, "needs .* arrays"),
        ],
        ids=str,
    )
    def test_wrong_options(
        self, catalog: Catalog, tmp_path: Path, options: Any, error: type[Exception], reason: str
    ) -> None:
        with pytest.raises(error, match=reason):
            import_bundle([RESNET], tmp_path / "r", catalog, "pix2pix", options)
        assert not list(tmp_path.iterdir())

    def test_a_stated_task_must_be_able_to_use_the_files(self, catalog: Catalog, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match="task 'cyclegan' also needs the generator of the other direction"):
            import_bundle([RESNET], tmp_path / "r", catalog, "cyclegan")
        with pytest.raises(InteropError, match=r"task 'pix2pix' cannot use weights\.pth .* and weights\.pth"):
            import_bundle([RESNET, RESNET], tmp_path / "r", catalog, "pix2pix")
        with pytest.raises(NotInstalled, match="did you mean 'pix2pix'"):
            import_bundle([RESNET], tmp_path / "r", catalog, "pix2pixx")


class TestChoice:
    def test_networks_in_no_file_are_fresh_and_broken_plugins_do_no_harm(self, toys: Catalog, tmp_path: Path) -> None:
        done = import_bundle([RESNET], tmp_path / "r", toys)
        assert (done.manifest.task, done.others, done.plan.fresh) == ("toy", (), ("spare",))
        np.testing.assert_array_equal(
            bundle.load(tmp_path / "r", toys).nets["image"](noise()), load_torch(RESNET, INSTALLED)(noise())
        )

    def test_each_task_states_what_is_missing(self, toys: Catalog, tmp_path: Path) -> None:
        with pytest.raises(InteropError, match="task 'wanting' also needs names of its domains"):
            import_bundle([RESNET], tmp_path / "r", toys, "wanting")
        with pytest.raises(InteropError, match=r"\(unet\)\n  failing also needs a working import_plan: it .*KeyError"):
            import_bundle([UNET], tmp_path / "r", toys)

    def test_a_missing_nested_network(self, toys: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Toy, "inside", "stem_conv")
        with pytest.raises(InteropError, match=r"needs .* the file has 2"):
            import_bundle([RESNET], tmp_path / "r", toys, "toy")


class TestPlace:
    def test_a_bundle_is_replaced_on_request_only(self, catalog: Catalog, tmp_path: Path) -> None:
        out = tmp_path / "r"
        out.mkdir()  # empty: nothing is in the way
        first = import_bundle([UNET], out, catalog, name="one").manifest
        with pytest.raises(BundleError, match="a bundle already exists; 'replace' overwrites it"):
            import_bundle([RESNET], out, catalog)
        assert bundle.describe(out) == first
        with pytest.raises(InteropError):
            import_bundle([CRITIC], out, catalog, replace=True)
        assert bundle.describe(out) == first
        assert import_bundle([RESNET], out, catalog, "pix2pix", replace=True).manifest == bundle.describe(out) != first

    @pytest.mark.parametrize("replace", [False, True])
    def test_other_files_are_never_replaced(self, catalog: Catalog, tmp_path: Path, replace: bool) -> None:
        (tmp_path / "notes").write_text("mine")
        for out in (tmp_path, tmp_path / "notes"):
            with pytest.raises(BundleError, match="exists and is not a bundle"):
                import_bundle([UNET], out, catalog, replace=replace)
        assert [path.name for path in tmp_path.iterdir()] == ["notes"]

    def test_a_full_disk_leaves_nothing(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("img2imgkit.bundle.store.write_whole", full)
        with pytest.raises(BundleError, match="r: cannot be written: No space left"):
            import_bundle([UNET], tmp_path / "r", catalog)
        assert not list(tmp_path.iterdir())

    def test_the_name_comes_from_the_folder(self, catalog: Catalog, tmp_path: Path) -> None:
        assert import_bundle([UNET], tmp_path / "my horses (2)", catalog).manifest.name == "my-horses-2"
        with pytest.raises(ConfigError, match="state one"):
            import_bundle([UNET], tmp_path / "馬", catalog)


@pytest.fixture(scope="module")
def made(catalog: Catalog) -> tuple[kit.Task, kit.Networks]:
    """A small bundle with two generators."""
    task_class = catalog.get("tasks", "cyclegan")
    text = '{"generator": {"kind": "unet", "depth": 2, "width": 2}, "norm": "none"}'
    task = task_class(kit.resolve(task_class.Options.model_validate_json(text), catalog))
    return task, task.build()


def exported(folder: Path, made: tuple[kit.Task, kit.Networks], catalog: Catalog) -> Path:
    """A folder of exported .keras files, which state their task."""
    task, nets = made
    manifest = bundle.save(folder / "bundle", task, nets, "small", catalog)
    (folder / "keras").mkdir()
    for role, model in nets.generators.items():
        path = folder / "keras" / f"{role}.keras"
        model.save(path)
        program = ProgramDescription(name=f"network_{role}", inputs=(), outputs=())
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(EXPORTED_FILE, Exported(format=1, manifest=manifest, programs=(program,)).text())
    return folder / "keras"


class TestSaved:
    def test_exported_files_state_their_task(self, catalog: Catalog, made: Any, tmp_path: Path) -> None:
        folder = exported(tmp_path, made, catalog)
        done = import_bundle([folder], tmp_path / "again", catalog)
        assert done.manifest.digest == bundle.describe(tmp_path / "bundle").digest
        with pytest.raises(InteropError, match=r"no file is named b_to_a: a_to_b\.keras"):
            import_bundle([folder / "a_to_b.keras"], tmp_path / "half", catalog)
        with pytest.raises(InteropError, match="two files contain the same network 'a_to_b'"):
            import_bundle([folder / "a_to_b.keras"] * 2, tmp_path / "half", catalog)
        with pytest.raises(InteropError, match="several tasks, cyclegan, pix2pix"):
            import_bundle([folder], tmp_path / "half", catalog, "pix2pix")
        with pytest.raises(InteropError, match="cannot be combined with other files"):
            import_bundle([folder, UNET], tmp_path / "half", catalog)
        assert not (tmp_path / "half").exists()

    def test_weights_alone_need_a_task_and_its_options(self, catalog: Catalog, made: Any, tmp_path: Path) -> None:
        _, nets = made
        nets["a_to_b"].save_weights(tmp_path / "whatever.weights.h5")
        options = {"generator.depth": 2, "generator.width": 2, "norm": "none"}
        import_bundle([tmp_path / "whatever.weights.h5"], tmp_path / "p", catalog, "pix2pix", options)
        found = bundle.load(tmp_path / "p", catalog).nets["generator"].get_weights()
        assert all(map(np.array_equal, found, nets["a_to_b"].get_weights()))
        with pytest.raises(InteropError, match="does not state the task of its weights: state the task"):
            import_bundle([tmp_path / "whatever.weights.h5"], tmp_path / "q", catalog)
        with pytest.raises(InteropError, match="no file is named a_to_b or b_to_a: whatever"):
            import_bundle([tmp_path / "whatever.weights.h5"], tmp_path / "q", catalog, "cyclegan")
        with pytest.raises(InteropError, match=r"would build networks of .* weights"):
            import_bundle(
                [tmp_path / "whatever.weights.h5"], tmp_path / "q", catalog, "pix2pix", {"critic.width": 100_000}
            )
        assert not (tmp_path / "q").exists()


class TestImporterOfAFile:
    class Marked(kit.Importer):
        """An importer that shares PyTorch's suffix and has files with their own first bytes."""

        name = "marked"
        suffixes = (".pth",)

        def recognises(self, head: bytes) -> bool:
            return head.startswith(b"MARK")

        def read(self, path: Path, key: str | None = None) -> kit.StateDict:
            raise InteropError("read by marked")

    @pytest.fixture
    def several(self) -> Catalog:
        module = ModuleType("marked")
        vars(module)["register_importers"] = kit.hookimpl(lambda register: register(self.Marked))
        return Catalog((Plugin("importers", lambda: importing), Plugin("marked", lambda: module)))

    @pytest.mark.parametrize(
        ("content", "name"), [(b"MARK and more", "marked"), (b"PK\x03\x04model/data.pkl", "torch")]
    )
    def test_a_shared_suffix_is_no_conflict_if_the_content_decides(
        self, several: Catalog, tmp_path: Path, content: bytes, name: str
    ) -> None:
        (tmp_path / "model.pth").write_bytes(content)
        assert importer_of(tmp_path / "model.pth", several).name == name

    def test_a_conflict_names_the_importers_and_can_be_decided(self, several: Catalog, tmp_path: Path) -> None:
        file = tmp_path / "model.pth"
        file.write_bytes(b"anything")
        with pytest.raises(InteropError, match="importers marked and torch all claim this file"):
            importer_of(file, several)
        with pytest.raises(InteropError, match="read by marked"):
            import_bundle([file], tmp_path / "out", several, importer="marked")
