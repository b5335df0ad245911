from collections.abc import Iterator

import pytest
from registry_server import Registry, serving

from img2imgkit.model_entry import ModelEntry
from img2imgkit.places import Places


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Registry]:
    """A registry that pip, npm's settings and the hub's library are pointed at."""
    with serving() as running:
        settings = {
            "PIP_INDEX_URL": f"{running.url}/simple/",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_RETRIES": "0",
            "PIP_NO_CACHE_DIR": "1",
            "NPM_CONFIG_REGISTRY": running.url,
            "NPM_CONFIG_USERCONFIG": str(tmp_path / "npmrc"),
            "HF_ENDPOINT": running.url,
            "HF_HOME": str(tmp_path / "hub"),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "npm_config_registry", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield running


@pytest.fixture
def places(tmp_path) -> Places:
    return Places.of_user({"IMG2IMG_HOME": str(tmp_path / "home")})


@pytest.fixture
def folders(tmp_path):
    """An empty folder for packages, and one for files."""
    made = tmp_path / "fetched", tmp_path / "read"
    for each in made:
        each.mkdir()
    return made


@pytest.fixture
def model_entry():
    """An entry from its plain data."""
    return lambda data: ModelEntry.model_validate(data, strict=False)
