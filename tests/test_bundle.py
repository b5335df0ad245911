"""Bundles: a round trip is exact, and damaged, mismatched or oversized files are rejected."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Directed, Nearest, Plain, Recoloured, Reflecting, loaded, tiny_catalog

from img2imgkit import bundle, data
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import BundleError, ConfigError, NotInstalled

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return tiny_catalog()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny-x2"
    made = loaded(Plain)
    bundle.save(folder, made.task, made.nets, "tiny-x2", catalog, description="a test", licence="CC0-1.0")
    return folder


@pytest.fixture
def saved(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "tiny-x2"))


def weights_file(folder: Path) -> Path:
    (path,) = folder.glob("weights*.npz")
    return path


def edit(folder: Path, change: Edit) -> None:
    path = folder / bundle.MANIFEST
    stated = json.loads(path.read_text())
    change(stated)
    path.write_text(json.dumps(stated))


def with_weights(folder: Path, content: bytes) -> None:
    """Replace the weights and their digest."""
    weights_file(folder).write_bytes(content)
    edit(folder, lambda stated: stated["weights"].update(sha256=hashlib.sha256(content).hexdigest()))


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(weights_file(folder)) as stored:
        return dict(stored)


def packed(members: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **members)
    return stream.getvalue()


def test_a_bundle_is_loaded_by_its_folder_as_text(saved: Path, catalog: Catalog) -> None:
    assert bundle.load(str(saved), catalog).manifest == bundle.describe(saved)
    with pytest.raises(NotInstalled, match="no bundle 'nowhere' is installed"):
        bundle.load("nowhere", catalog)


def test_what_is_saved_comes_back_bit_for_bit(saved: Path, catalog: Catalog) -> None:
    before = loaded(Plain).nets["generator"].get_weights()
    found = bundle.load(saved, catalog)
    after = found.nets["generator"].get_weights()
    assert len(after) == len(before) == 6
    assert all(a.dtype == b.dtype and (a == b).all() for a, b in zip(after, before, strict=True))
    assert found.task.options == Plain.Options()
    assert found.manifest == bundle.describe(saved)
    assert found.manifest.contract.geometry() == found.task.geometry()
    assert (found.manifest.description, found.manifest.licence) == ("a test", "CC0-1.0")
    assert found.manifest.plugin == bundle.PluginVersion(name="tiny", version="1.0", distribution="tiny")
    assert found.manifest.weights.parameters == sum(array.size for array in before)


def test_equal_weights_give_equal_bytes_regardless_of_layer_counters(tmp_path: Path, catalog: Catalog) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        made = loaded(Plain)  # Keras numbers the layers of the second one differently
        bundle.save(folder, made.task, made.nets, "same", catalog)
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert one == two
    assert len(one) == 2


def test_the_digest_depends_on_weights_and_options_but_not_on_the_description(tmp_path: Path, catalog: Catalog) -> None:
    digests = []
    for number, (seed, text) in enumerate([(0, ""), (0, "other"), (1, "")]):
        made = loaded(Plain, seed=seed)
        saved = bundle.save(tmp_path / str(number), made.task, made.nets, "tiny", catalog, description=text)
        digests.append(saved.digest)
    assert digests[0] == digests[1] != digests[2]


def test_a_manifest_without_later_keys_has_the_same_digest(saved: Path, catalog: Catalog) -> None:
    before = bundle.describe(saved)
    for key in ("output_channels", "minimum"):
        edit(saved, lambda stated, key=key: stated["contract"].pop(key))  # type: ignore[misc]
    assert bundle.load(saved, catalog).manifest == before
    plain = [before.task, before.options, {"channels": 3, "data": "degraded", "multiple": 1, "radius": 3, "scale": 2}]
    text = json.dumps([*plain, before.weights.sha256], sort_keys=True)
    assert before.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("task", [Recoloured, Reflecting])
def test_output_channels_and_minimum_are_restored_and_count_in_the_digest(
    tmp_path: Path, catalog: Catalog, task: Any
) -> None:
    made = loaded(task)
    bundle.save(tmp_path / "b", made.task, made.nets, "b", catalog)
    found = bundle.load(tmp_path / "b", catalog)
    assert found.manifest.contract.geometry() == found.task.geometry() == made.task.geometry()
    contract = found.manifest.contract.model_copy(update={"output_channels": None, "minimum": 1})
    assert found.manifest.digest != found.manifest.model_copy(update={"contract": contract}).digest


def test_a_bundle_contains_generators_only(tmp_path: Path, catalog: Catalog) -> None:
    task = Directed()
    bundle.save(tmp_path / "d", task, task.build(), "d", catalog)
    assert {key.partition("/")[0] for key in arrays(tmp_path / "d")} == {"a_to_b", "b_to_a"}
    nets = bundle.load(tmp_path / "d", catalog).nets
    assert (nets.generators.keys(), nets.critics, nets.frozen) == ({"a_to_b", "b_to_a"}, {}, {})


def test_choosing_changes_the_task_and_keeps_the_networks(tmp_path: Path, catalog: Catalog) -> None:
    made = loaded(Directed)
    bundle.save(tmp_path / "d", made.task, made.nets, "d", catalog)
    found = bundle.load(tmp_path / "d", catalog)
    chosen = found.choosing({"direction": "b_to_a"})
    assert chosen.nets is found.nets
    assert (chosen.task.choices.direction, found.task.choices.direction) == ("b_to_a", "a_to_b")
    assert chosen.task.geometry().written == 1
    assert found.choosing({}) is found
    without = bundle.task_of(tmp_path / "d", catalog, {"direction": "b_to_a"})
    assert without.choices == chosen.task.choices
    for wrong in ({"direction": 1}, {"way": "b_to_a"}):
        with pytest.raises(ConfigError, match=r"task 'tiny-directed': choices\."):
            bundle.task_of(tmp_path / "d", catalog, wrong)


def test_saving_again_replaces_the_bundle_and_leaves_other_files(saved: Path, catalog: Catalog) -> None:
    (saved / "LICENSE").write_text("mine")
    (saved / "weights-of-mine.npz").write_bytes(b"")
    made = loaded(Plain, seed=5)
    bundle.save(saved, made.task, made.nets, "tiny-x2", catalog)
    found = bundle.load(saved, catalog).nets["generator"].get_weights()
    assert all((a == b).all() for a, b in zip(found, made.nets["generator"].get_weights(), strict=True))
    assert {path.name for path in saved.iterdir()} == {
        "LICENSE",
        "weights-of-mine.npz",
        bundle.MANIFEST,
        bundle.describe(saved).weights.file,
    }


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_an_interrupted_save_keeps_the_old_bundle(
    saved: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    before = bundle.load(saved, catalog)
    left = [calls]

    def breaking(descriptor: int) -> None:
        left[0] -= 1
        if left[0] < 0 or descriptor < 0:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", breaking)
    made = loaded(Plain, seed=5)
    if calls < 2:  # one for the weights, one for the manifest
        with pytest.raises(OSError, match="No space"):
            bundle.save(saved, made.task, made.nets, "tiny-x2", catalog)
    else:
        bundle.save(saved, made.task, made.nets, "tiny-x2", catalog)
    after = bundle.load(saved, catalog)
    assert (after.manifest == before.manifest) is (calls < 2)
    assert not list(saved.glob(".*"))


def test_describing_needs_no_tensorflow(saved: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from img2imgkit import bundle;"
        "from img2imgkit.catalog import Catalog;"
        f"folder = bundle.locate({str(saved)!r}, Path.cwd(), Catalog(()));"
        "print(bundle.describe(folder).name, 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["tiny-x2", "False", "False"]


def test_a_flipped_bit_in_the_weights_is_found(saved: Path, catalog: Catalog) -> None:
    content = bytearray(weights_file(saved).read_bytes())
    content[len(content) // 2] ^= 1
    weights_file(saved).write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        bundle.load(saved, catalog)


def test_missing_weights_are_named(saved: Path, catalog: Catalog) -> None:
    path = weights_file(saved)
    path.unlink()
    with pytest.raises(BundleError, match=path.name):
        bundle.load(saved, catalog)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_weights_that_are_not_an_array_archive_are_rejected(saved: Path, catalog: Catalog, content: bytes) -> None:
    with_weights(saved, content)
    with pytest.raises(BundleError, match="weights"):
        bundle.load(saved, catalog)


def test_an_archive_bomb_is_rejected_before_unpacking(saved: Path, catalog: Catalog) -> None:
    members = arrays(saved)
    first = next(iter(members))
    members[first] = np.zeros((1, 1 << 24), np.float32)  # 64 MiB that pack into almost nothing
    content = packed(members)
    assert len(content) < 1 << 20
    with_weights(saved, content)
    with pytest.raises(BundleError, match="the network expects"):
        bundle.load(saved, catalog)


def test_an_array_that_claims_a_huge_shape_is_rejected(saved: Path, catalog: Catalog) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for number, (key, array) in enumerate(arrays(saved).items()):
            member = io.BytesIO()
            header = {"descr": "<f4", "fortran_order": False, "shape": array.shape if number else (1 << 50,)}
            np.lib.format.write_array_header_1_0(member, header)
            target.writestr(key + ".npy", member.getvalue() + array.astype("<f4").tobytes())
    with_weights(saved, stream.getvalue())
    with pytest.raises(BundleError, match="cannot read the weights"):
        bundle.load(saved, catalog)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_misnamed_misnumbered_and_duplicate_weights_are_rejected(saved: Path, catalog: Catalog) -> None:
    members = arrays(saved)
    kernel, bias = list(members)[:2]
    others = {key: array for key, array in members.items() if key not in (kernel, bias)}
    for wrong in (
        others,
        {**members, "generator/0006/conv2d/kernel": members[kernel]},
        {**others, kernel: members[kernel], "../../escape": members[bias]},
        {**others, kernel: members[kernel], bias.replace("bias", "beta"): members[bias]},
    ):
        with_weights(saved, packed(wrong))
        with pytest.raises(BundleError, match="do not match the 6 of the generators"):
            bundle.load(saved, catalog)
    stream = io.BytesIO(packed(members))
    with zipfile.ZipFile(stream, "a") as target:
        target.writestr(kernel + ".npy", b"again")
    with_weights(saved, stream.getvalue())
    with pytest.raises(BundleError, match="its 7 weights"):
        bundle.load(saved, catalog)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda a: a.reshape(-1), "the network expects"),
        (lambda a: a.astype("U1"), "the network expects"),
        (lambda a: np.full_like(a, np.nan), "NaN or infinity"),
    ],
)
def test_arrays_of_wrong_shape_or_type_and_nan_are_rejected(
    saved: Path, catalog: Catalog, change: Callable[[np.ndarray], np.ndarray], match: str
) -> None:
    members = arrays(saved)
    first = next(iter(members))
    with_weights(saved, packed(members | {first: change(members[first])}))
    with pytest.raises(BundleError, match=match):
        bundle.load(saved, catalog)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "invalid JSON"),
        (b"{", "invalid JSON"),
        (b"[" * 100_000, "invalid JSON"),
        (b"\xff\xfe", "cannot read it"),
        (b"[]", "expected a mapping"),
        (b"{}", "format: is required"),
        (b'{"format": 3}', "bundle format 3; this version reads up to 2"),
        (b" " * (bundle.MAX_MANIFEST_BYTES + 1), "larger than 4 MiB"),
    ],
)
def test_a_damaged_or_newer_manifest_is_rejected(saved: Path, content: bytes, match: str) -> None:
    (saved / bundle.MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=match):
        bundle.describe(saved)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s.update(format=True), "format"),
        (lambda s: s.update(name="../../up"), "name"),
        (lambda s: s.update(surprise=1), "surprise: unknown option"),
        (lambda s: s["weights"].update(file="../weights.npz"), "weights.file"),
        (lambda s: s["weights"].update(sha256="0"), "weights.sha256"),
        (lambda s: s["contract"].update(scale=0), "contract.scale"),
        (lambda s: s["contract"].update(channels=2), "contract.channels"),
        (lambda s: s["contract"].update(output_channels=2), "contract.output_channels"),
        (lambda s: s["contract"].update(minimum=0), "contract.minimum"),
        (lambda s: s.pop("contract"), "contract: is required"),
    ],
)
def test_an_invalid_manifest_is_reported_with_the_key(saved: Path, change: Edit, match: str) -> None:
    edit(saved, change)
    with pytest.raises(BundleError, match=match) as raised:
        bundle.describe(saved)
    assert str(saved) in str(raised.value)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda s: s["options"].update(scale=3), "options are invalid for the installed task 'tiny-plain'"),
        (lambda s: s["options"].update(depth=3), "options are invalid for the installed task 'tiny-plain'"),
        (lambda s: s["options"].update(scale=4), r"its contract .* is not that of the installed task 'tiny-plain'"),
        (lambda s: s["contract"].update(radius=1), r"its contract .* is not that of the installed task 'tiny-plain'"),
    ],
)
def test_options_or_contract_that_do_not_fit_the_task_are_rejected(
    saved: Path, catalog: Catalog, change: Edit, match: str
) -> None:
    edit(saved, change)
    with pytest.raises(BundleError, match=match):
        bundle.load(saved, catalog)


def test_a_network_that_cannot_be_built_is_a_bundle_error(
    saved: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Plain) -> Any:
        raise MemoryError("10 TiB")

    monkeypatch.setattr(Plain, "build", failing)
    with pytest.raises(BundleError, match="cannot build networks from its options: 10 TiB"):
        bundle.load(saved, catalog)


def test_a_missing_task_is_named_with_its_plugin(saved: Path) -> None:
    way = r"which 'img2img plugins install tiny==1\.0' installs, if you trust its author"
    said = rf": it was saved with tiny 1\.0, {way}: no task 'tiny-plain' is installed$"
    for left in ((), (Plugin("data-kinds", lambda: data),)):
        with pytest.raises(NotInstalled, match=said):
            bundle.load(saved, Catalog(left))


@pytest.mark.parametrize(
    ("distribution", "way"),
    [
        (
            "img2imgkit",
            "which has it in another version, or with the plugin 'tiny', which IMG2IMG_PLUGINS may leave out",
        ),
        ("tiny.py", "a file for your folder of plugins; ask whoever made the bundle for it"),
        ("", "which you can install if you trust its author"),
        ("x; curl evil", "which you can install if you trust its author"),
        ("-r", "which you can install if you trust its author"),
    ],
)
def test_each_origin_of_a_plugin_has_a_way_to_get_it(distribution: str, way: str) -> None:
    assert bundle.PluginVersion(name="tiny", version="1.0", distribution=distribution).way_to_get == way


def test_an_installed_plugin_that_does_not_bring_the_task_is_not_to_be_installed(saved: Path) -> None:
    plugins = (Plugin("data-kinds", lambda: data), Plugin("tiny", ModuleType, "tiny", "2.0"))
    said = "it was saved with tiny 1.0, which is installed, but brings it no more, or is broken: no task 'tiny-plain'"
    with pytest.raises(NotInstalled, match=re.escape(said)):
        bundle.load(saved, Catalog(plugins))


def test_a_missing_data_kind_is_named_with_its_task(saved: Path, catalog: Catalog) -> None:
    left = tuple(plugin for plugin in catalog.plugins if plugin.name == "tiny")
    with pytest.raises(NotInstalled, match=r"the data kind 'degraded' of its task 'tiny-plain' is not installed$"):
        bundle.load(saved, Catalog(left))


def test_a_bundle_is_found_by_name_and_by_path(saved: Path, tmp_path: Path) -> None:

    from img2imgkit import hookimpl

    class Brings:
        @staticmethod
        @hookimpl
        def register_bundles(register: Any) -> None:
            register(saved)

    catalog = Catalog((Plugin("brings", lambda: Brings),))
    assert bundle.locate("tiny-x2", Path("elsewhere"), catalog) == saved
    assert bundle.locate(str(saved), Path("elsewhere"), catalog) == saved
    assert bundle.locate("tiny-x2", tmp_path, Catalog(())) == saved
    with pytest.raises(NotInstalled, match="did you mean 'tiny-x2'"):
        bundle.locate("tiny-x3", Path("elsewhere"), catalog)
    with pytest.raises(BundleError, match="no such folder"):
        bundle.locate("./tiny-x3", tmp_path, catalog)
    with pytest.raises(BundleError, match="nobody-of-that-name"):
        bundle.locate("~nobody-of-that-name/x", tmp_path, catalog)


def test_a_folder_without_a_bundle_is_an_error_that_explains_bundles(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="a bundle is a folder with"):
        bundle.describe(tmp_path)


def test_options_with_their_own_defaults_are_restored(tmp_path: Path, catalog: Catalog) -> None:
    made = loaded(Nearest, gain=2.5, scale=4, channels=1)
    bundle.save(tmp_path / "n", made.task, made.nets, "n", catalog)
    found = bundle.load(tmp_path / "n", catalog).task
    assert isinstance(found, Nearest)
    assert (found.options.gain, found.options.scale, found.options.channels) == (2.5, 4, 1)
