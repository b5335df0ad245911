"""Bundles of older formats: manifests are upgraded, and translations stay numerically equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from img2imgkit import Catalog, Config, bundle, resolve
from img2imgkit.adversary import R1, Adversary, Color, Hinge, Lsgan, Relativistic, Vanilla, Wasserstein, WganGp
from img2imgkit.bundle.manifest import FORMAT, Manifest, read_description
from img2imgkit.bundle.upgrade import upgraded
from img2imgkit.errors import BundleError

OLD = Path(__file__).parent / "fixtures" / "bundles_format_1"
BUNDLES = sorted(path.parent for path in OLD.glob("*/bundle.json"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.installed(
        {"IMG2IMG_PLUGINS": "architectures,cut,cyclegan,funit,pix2pix,pix2pixhd,spade,stargan,super-resolution"}
    )


def test_there_is_an_old_bundle_of_each_affected_task() -> None:
    assert {path.name for path in BUNDLES} == {
        "cut",
        "cyclegan",
        "funit",
        "pix2pix-unet",
        "pix2pixhd-encoder",
        "pix2pixhd-global",
        "pix2pixhd-local",
        "stargan",
        "spade-style",
        "super-resolution",
    }
    assert all(json.loads((path / "bundle.json").read_text())["format"] == 1 for path in BUNDLES)


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_it_loads_and_translates_as_before(folder: Path, catalog: Catalog) -> None:
    """Inputs and the output from the time of saving are stored with each bundle; some translations have conditions."""
    found = bundle.load(folder, catalog)
    assert found.manifest.format == FORMAT
    with np.load(folder / "io.npz") as stored:
        inputs = {name: stored[name] for name in stored if name not in ("image", "pictures")}
        made = np.asarray(found.task.translate(found.nets, inputs))
        np.testing.assert_allclose(made, stored["image"], atol=1e-6)


def test_pictures_of_a_class_have_the_same_code_as_before(catalog: Catalog) -> None:
    found = bundle.load(OLD / "funit", catalog)
    with np.load(OLD / "funit" / "io.npz") as stored:
        made = np.asarray(found.task.encode(found.nets, "class", stored["pictures"]))
        np.testing.assert_allclose(made, stored["class"], atol=1e-6)


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda folder: folder.name)
def test_saving_again_adds_the_components(folder: Path, catalog: Catalog, tmp_path: Path) -> None:
    old = bundle.load(folder, catalog)
    new = bundle.save(tmp_path / "b", old.task, old.nets, "b", catalog)
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["format"] == FORMAT
    assert {each.kind for each in new.components} >= {"architectures"}
    before, after = (
        _arrays(place / each.weights.file) for place, each in ((folder, old.manifest), (tmp_path / "b", new))
    )
    assert list(after) == list(before)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """By name; the file of SPADE is compressed, unlike a bundle's."""
    with np.load(path) as stored:
        return dict(stored)


def test_encoders_see_pictures_as_before(catalog: Catalog) -> None:
    with np.load(OLD / "spade-style" / "io.npz") as stored:
        found = bundle.load(OLD / "spade-style", catalog)
        style = found.task.encode(found.nets, "style", stored["photograph"])
        np.testing.assert_allclose(style, stored["style"], atol=1e-5)
    with np.load(OLD / "pix2pixhd-encoder" / "io.npz") as stored:
        encoder = bundle.load(OLD / "pix2pixhd-encoder", catalog).nets["encoder"]
        features = encoder([stored["photograph"], stored["instance"].astype(np.int32)])
        np.testing.assert_allclose(features, stored["features"], atol=1e-6)


def test_networks_of_spade_in_format_1_get_their_own_options() -> None:
    options = {"width": 8, "kernel": 1, "norm": "batch", "style": {"latent": 3, "width": 4, "size": [64, 32]}}
    stated = {"format": 1, "task": "spade", "options": options}
    found = upgraded(stated)["options"]
    assert found == {
        "generator": {"kind": "spade", "width": 8, "kernel_size": 1},
        "norm": "batch",
        "style": {"code": 3, "size": [64, 32], "encoder": {"kind": "style-encoder", "width": 4}},
    }
    assert options["style"] == {"latent": 3, "width": 4, "size": [64, 32]}
    assert upgraded({**stated, "options": {"style": None}})["options"] == {
        "generator": {"kind": "spade"},
        "style": None,
    }


def test_the_encoder_of_pix2pixhd_in_format_1_gets_its_own_options() -> None:
    encoder = {"features": 2, "width": 4, "downs": 3, "clusters": 7}
    found = upgraded({"format": 1, "task": "pix2pixhd", "options": {"encoder": encoder}})["options"]
    network = {"kind": "instance-encoder", "width": 4, "downs": 3}
    assert found == {"encoder": {"features": 2, "clusters": 7, "network": network}}
    assert upgraded({"format": 1, "task": "pix2pixhd", "options": {"encoder": None}})["options"] == {"encoder": None}


GENERATOR = {"width": 2, "downs": 1, "blocks": 1}


@pytest.mark.parametrize(
    ("generator", "wanted"),
    [
        ({"kind": "global", **GENERATOR}, {"kind": "pix2pixhd", **GENERATOR, "enhancers": 0}),
        ({"kind": "local", **GENERATOR}, {"kind": "pix2pixhd", **GENERATOR, "enhancers": 1}),
        ({"kind": "local", "enhancers": 2}, {"kind": "pix2pixhd", "enhancers": 2}),
        ({"kind": "unet", "depth": 7}, {"kind": "unet", "depth": 7}),
    ],
    ids=str,
)
def test_generators_of_format_1_are_renamed(generator: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = upgraded({"format": 1, "task": "pix2pixhd", "options": {"generator": generator}})
    assert found == {"format": 2, "task": "pix2pixhd", "options": {"generator": wanted}}


@pytest.mark.parametrize(
    ("task", "wanted"),
    [
        ("pix2pixhd", {"kind": "multiscale", "width": 2}),
        ("spade", {"kind": "multiscale", "width": 2, "use_bias": False, "init": "xavier"}),
    ],
)
def test_unnamed_critics_of_format_1_are_multi_scale(task: str, wanted: dict[str, Any]) -> None:
    assert upgraded({"format": 1, "task": task, "options": {"critic": {"width": 2}}})["options"]["critic"] == wanted
    named = {"kind": "patch", "width": 2}
    assert upgraded({"format": 1, "task": task, "options": {"critic": named}})["options"]["critic"] == named


def test_networks_of_format_1_become_choices() -> None:
    def options(task: str, stated: dict[str, Any]) -> Any:
        return upgraded({"format": 1, "task": task, "options": stated})["options"]

    found = options("stargan", {"width": 2, "critic_width": 3, "critic_layers": 4, "size": 32})
    critic = {"kind": "stargan-critic", "width": 3, "layers": 4}
    assert found == {"size": 32, "generator": {"kind": "stargan", "width": 2}, "critic": critic}
    found = options("funit", {"width": 2, "blocks": 3, "class_downs": 2, "mlp_width": 5, "critic_blocks": 4, "code": 6})
    assert found == {
        "code": 6,
        "content_encoder": {"kind": "content-encoder", "width": 2, "blocks": 3},
        "class_encoder": {"kind": "class-encoder", "downs": 2, "width": 2},
        "decoder": {"kind": "adain-decoder", "mlp_width": 5, "blocks": 3},
        "critic": {"kind": "class-critic", "blocks": 4},
    }


@pytest.mark.parametrize("task", ["funit", "stargan"])
def test_an_upgrade_leaves_its_input_unchanged(task: str) -> None:
    stated = json.loads((OLD / task / "bundle.json").read_text())
    upgraded(stated)
    assert stated == json.loads((OLD / task / "bundle.json").read_text())


def test_the_manifest_inside_an_exported_model_is_upgraded() -> None:
    inside = {"format": 1, "task": "any", "options": {}}
    found = upgraded({"format": 1, "manifest": inside, "programs": []})
    assert found == {"format": 1, "manifest": {**inside, "format": 2}, "programs": []}


@pytest.mark.parametrize(
    "stated",
    [
        [],
        "text",
        {"format": 1},
        *({"format": each, "task": "spade"} for each in ("1", True, [1], None, 0, -1)),
        {"task": "spade"},
    ],
)
def test_anything_but_a_manifest_is_unchanged(stated: Any) -> None:
    assert upgraded(stated) == stated


def test_invalid_options_are_left_to_validation(tmp_path: Path) -> None:
    assert upgraded({"format": 1, "task": "spade", "options": 3})["options"] == 3
    stated = json.loads((BUNDLES[0] / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({**stated, "options": 3}))
    with pytest.raises(BundleError, match="options"):
        bundle.describe(tmp_path)


def test_a_current_manifest_is_unchanged() -> None:
    today = {"format": FORMAT, "task": "pix2pixhd", "options": {"critic": {"width": 2}}}
    assert upgraded(today) == today


ADVERSARY_1 = {
    "loss": "lsgan",
    "relativistic": False,
    "smoothing": 0.0,
    "penalty": "none",
    "augment": [],
    "spectral": False,
}


class HoldsAdversary(Config):
    """Options that contain an adversary."""

    adversary: Adversary = Adversary()


def adversary_from_1(**stated: Any) -> Any:
    options = {"adversary": {**ADVERSARY_1, **stated}}
    return upgraded({"format": 1, "task": "any", "options": options})["options"]["adversary"]


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ({}, Adversary(loss=Lsgan())),
        ({"loss": "wasserstein", "penalty": "wgan_gp"}, Adversary(loss=Wasserstein(), penalty=WganGp())),
        ({"loss": "vanilla", "smoothing": 0.1}, Adversary(loss=Vanilla(smoothing=0.1))),
        ({"loss": "hinge", "spectral": True}, Adversary(loss=Hinge(), spectral=True)),
        (
            {"relativistic": True, "smoothing": 0.2, "penalty": "r1", "augment": ["color"]},
            Adversary(loss=Relativistic(loss=Lsgan(smoothing=0.2)), penalty=R1(), augment=(Color(),)),
        ),
    ],
)
def test_an_adversary_of_format_1_keeps_its_meaning(stated: dict[str, Any], wanted: Adversary) -> None:
    read = HoldsAdversary.model_validate_json(HoldsAdversary(adversary=wanted).model_dump_json())
    now = HoldsAdversary.model_validate({"adversary": adversary_from_1(**stated)}, strict=False)
    assert (
        resolve(now, Catalog.installed({})) == resolve(read, Catalog.installed({})) == HoldsAdversary(adversary=wanted)
    )


def test_an_adversary_is_upgraded_at_any_depth() -> None:
    options = {"parts": [{"critics": {"coarse": ADVERSARY_1}}], "loss": "l1"}
    made = upgraded({"format": 1, "task": "any", "options": options})
    assert made["format"] == 2
    assert made["options"]["loss"] == "l1"
    assert made["options"]["parts"][0]["critics"]["coarse"]["penalty"] is None


def test_a_manifest_nested_too_deeply_is_damaged() -> None:
    deep = '{"more": ' * 600 + "{}" + "}" * 600
    with pytest.raises(BundleError, match=r"b\.json: nested too deeply"):
        read_description(Manifest, f'{{"format": 1, "task": "any", "options": {deep}}}', "b.json", 2, "bundle format")
