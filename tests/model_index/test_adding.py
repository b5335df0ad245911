"""Models are added to the user's folder completely or not at all, found there by name, checked and removed."""

import json
from importlib import import_module
from pathlib import Path

import pytest
from registry_server import entry, package, tarball_of

from img2imgkit import bundle, hookimpl
from img2imgkit.bundle import describe
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.errors import BundleError, FetchError, InteropError, LockError, NotInstalled
from img2imgkit.inference import find_model
from img2imgkit.locks import locked
from img2imgkit.model_index import (
    add_model,
    added_models,
    problems_of,
    remove_model,
    where,
)

FIXTURES = Path(__file__).parents[1] / "fixtures" / "ncnn"
DATA = b"numbers"
ADDING = import_module("img2imgkit.model_index.adding")


@pytest.fixture(autouse=True)
def no_forms(monkeypatch):
    """Engine forms take seconds to write and are tested elsewhere."""
    monkeypatch.setattr(ADDING, "add_engine_form", lambda own: "")


@pytest.fixture
def home(monkeypatch, places):
    """The user's folders, for this process."""
    monkeypatch.setenv("IMG2IMG_HOME", str(places.config))
    return places


@pytest.fixture
def tiny(registry, model_entry):
    """Parameters in one file on a server."""
    return model_entry(entry(package("web", DATA, {}, url=registry.put("/numbers.npz", DATA))))


@pytest.fixture
def network(registry, model_entry):
    """A small network in ncnn's two files, in an npm package, under a licence that does not allow every use."""
    files = {f"package/{name}": (FIXTURES / name).read_bytes() for name in ("srvgg_x2.param", "srvgg_x2.bin")}
    data = tarball_of({**files, "package/index.js": b"process.exit(1)"})
    registry.put_npm("kit-net", "1.0.0", data)
    source = package("npm", data, files, package="kit-net", version="1.0.0")
    return model_entry(
        entry(
            source,
            name="night",
            kind="model",
            about="Sees at night.",
            read=["srvgg_x2.param"],
            importer="ncnn",
            licence={"id": "CC-BY-NC-4.0", "stated_by": "its author"},
            attribution=["A. Author"],
            scores=[{"set": "Set5", "protocol": "sr-matlab", "metric": "psnr_y", "value": 12.5}],
        )
    )


@pytest.fixture
def catalog():
    return Catalog.installed()


def left(places):
    """What lies in the user's folder besides the lock."""
    return sorted(path.name for path in places.models.glob("*") if path.name != ".lock")


def test_a_model_becomes_a_bundle_that_is_used_by_its_name(network, home, catalog):
    added = add_model(network, catalog, home, accepted=["cc-by-nc-4.0"])
    assert (added.fresh, added.kept.folder) == (True, home.data / "models" / "night")
    found = find_model("night", Path("/"), Catalog.installed())
    assert (found.manifest.name, found.scale) == ("night", 2)
    assert bundle.load(added.kept.folder, catalog).manifest == found.manifest
    assert where("night", Catalog.installed(), home) == added.kept.folder


def test_the_bundle_records_licence_authors_scores_and_origin(network, home, catalog):
    manifest = describe(add_model(network, catalog, home, ["CC-BY-NC-4.0"]).kept.folder)
    assert (manifest.licence, manifest.attribution, manifest.description) == (
        "CC-BY-NC-4.0",
        ("A. Author",),
        "Sees at night.",
    )
    assert [score.value for score in manifest.scores] == [12.5]
    (package,) = manifest.training["index"]["packages"]
    assert package == {"package": "kit-net 1.0.0 (npm package)", "sha256": network.sources[0].sha256}
    assert manifest.training["imported"][0]["file"] == "srvgg_x2.param"


@pytest.mark.parametrize("accepted", [[], ["MIT"]])
def test_without_the_licence_nothing_is_fetched(network, home, catalog, registry, accepted):
    with pytest.raises(FetchError, match=r"CC-BY-NC-4\.0, which does not allow every use, as stated by its author"):
        add_model(network, catalog, home, accepted)
    assert registry.asked == []
    assert left(home) == []


def test_other_kinds_are_kept_as_files(tiny, home, catalog):
    kept = add_model(tiny, catalog, home).kept
    assert (kept.is_bundle, kept.entry()) == (False, tiny)
    assert (where("tiny", catalog, home) / "numbers.npz").read_bytes() == DATA
    assert "tiny" not in Catalog.installed().bundles


def test_a_second_addition_fetches_nothing(tiny, home, catalog, registry):
    add_model(tiny, catalog, home)
    asked = len(registry.asked)
    assert add_model(tiny, catalog, home).fresh is False
    assert len(registry.asked) == asked


@pytest.mark.parametrize("damage", ["numbers.npz", "entry.json"])
def test_a_damaged_model_is_found_and_replaced(tiny, home, catalog, damage):
    kept = add_model(tiny, catalog, home).kept
    assert problems_of(kept) == []
    (kept.folder / damage).write_bytes(b"damaged")
    assert len(problems_of(kept)) == 1
    assert add_model(tiny, catalog, home).fresh is True
    assert problems_of(kept) == []
    assert left(home) == ["tiny"]


def test_another_entry_of_that_name_replaces_the_model(tiny, home, catalog, registry, model_entry):
    add_model(tiny, catalog, home)
    other = model_entry(entry(package("web", b"others", {}, url=registry.put("/others.npz", b"others"))))
    kept = add_model(other, catalog, home).kept
    assert sorted(path.name for path in kept.folder.iterdir()) == ["entry.json", "others.npz"]


@pytest.mark.parametrize("moment", ["fetch", "given", "text_of"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, FetchError("no"), OSError(28, "No space left on device")])
def test_an_interrupted_addition_leaves_nothing(tiny, home, catalog, monkeypatch, moment, error, tmp_path):
    def fail(*_):
        raise error

    package = tmp_path / "numbers.npz"
    package.write_bytes(DATA)
    monkeypatch.setattr(ADDING, moment, fail)
    with pytest.raises((KeyboardInterrupt, FetchError, BundleError)):
        add_model(tiny, catalog, home, package=package if moment == "given" else None)
    assert left(home) == []


def test_files_that_cannot_be_imported_leave_nothing(network, home, catalog):
    wrong = network.model_copy(update={"importer": "safetensors"})
    with pytest.raises(InteropError):
        add_model(wrong, catalog, home, ["CC-BY-NC-4.0"])
    assert left(home) == []


def test_what_a_killed_process_left_is_removed(tiny, home, catalog):
    old = home.models / ".unfinished-abc"
    old.mkdir(parents=True)
    (old / "half.npz").write_bytes(b"half")
    assert added_models(home) == {}
    add_model(tiny, catalog, home)
    assert left(home) == ["tiny"]


def test_two_processes_do_not_change_the_folder_together(tiny, home, catalog):
    home.models.mkdir(parents=True)
    with locked(home.models / ".lock", "a test"), pytest.raises(LockError, match="adds or removes a model"):
        add_model(tiny, catalog, home)


def test_a_package_on_this_machine_is_used(tiny, home, catalog, registry, tmp_path):
    package = tmp_path / "elsewhere.npz"
    package.write_bytes(DATA)
    assert (add_model(tiny, catalog, home, package=package).kept.folder / "numbers.npz").read_bytes() == DATA
    assert registry.asked == []


def test_a_removed_model_is_gone_and_bundles_of_plugins_are_not_removed(tiny, home, catalog):
    add_model(tiny, catalog, home)
    remove_model("tiny", catalog, home)
    assert left(home) == []
    with pytest.raises(NotInstalled, match="'tiny' has not been added"):
        remove_model("tiny", catalog, home)
    with pytest.raises(NotInstalled, match="belongs to the plugin 'super-resolution'"):
        remove_model("sr-compact-x2", catalog, home)


def test_a_plugins_bundle_keeps_its_name(tiny, home, catalog):
    with pytest.raises(BundleError, match="the plugin 'super-resolution' provides a bundle named 'sr-compact-x2'"):
        add_model(tiny.model_copy(update={"name": "sr-compact-x2"}), catalog, home)


def test_a_model_that_was_not_added_is_announced_where_it_is_used(tiny, home, module):
    def register_model_index(register):
        register(tiny)

    plugin = module(register_model_index=hookimpl(register_model_index))
    known = Catalog((Plugin("mine", lambda: plugin, "mine"),))
    assert known.model_index == {"tiny": tiny}
    with pytest.raises(NotInstalled, match="'tiny' has not been added: 'img2img models add tiny'"):
        find_model("tiny", Path("/"), known)
    with pytest.raises(NotInstalled, match="has not been added"):
        where("tiny", known, home)


def test_the_projects_index_is_valid_and_names_no_machine():
    catalog = Catalog.installed()
    assert {"real-esrgan-x4plus", "real-esrgan-x4plus-anime", "real-esrgan-animevideov3-x4"} <= {*catalog.model_index}
    assert catalog.broken == ()
    text = json.dumps([entry.model_dump(mode="json") for entry in catalog.model_index.values()])
    assert "index-url" not in text
    assert all(source.kind in ("wheel", "npm") for entry in catalog.model_index.values() for source in entry.sources)
    assert all(len(names) == len(set(names)) for names in (entry.names for entry in catalog.model_index.values()))
