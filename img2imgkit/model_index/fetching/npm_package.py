"""npm packages: the registry that the user's ``.npmrc`` names is asked, without npm.

The user's own file and the system's count, not one in the current folder: it could lead the values of variables
elsewhere. Format: https://docs.npmjs.com/cli/configuring-npm/npmrc
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from img2imgkit.errors import FetchError
from img2imgkit.files import read_text
from img2imgkit.model_entry import NpmPackage
from img2imgkit.model_index.fetching.web import download, fetch_json

DEFAULT = "https://registry.npmjs.org/"
MAX_SETTINGS = 1 << 20
SYSTEM = ("/etc/npmrc", "/usr/local/etc/npmrc")
VARIABLE = re.compile(r"\$\{([^}]+)\}")


@dataclass(frozen=True)
class Registry:
    """Where packages are fetched from, and the headers that prove who asks."""

    url: str
    headers: Mapping[str, str]

    @property
    def insecure(self) -> bool:
        """Whether the user has chosen an address without https, such as a proxy in the local network."""
        return urlsplit(self.url).scheme == "http"


def fetch_npm_package(package: NpmPackage, folder: Path) -> Path:
    """Fetch the tarball of a package into a folder.

    Raises:
        FetchError: the registry cannot be reached, or lacks the package.
    """
    registry = registry_of(package.package, os.environ, Path.home())
    name = quote(package.package, safe="@")
    about = fetch_json(
        f"{registry.url}{name}/{quote(package.version)}", package.title, registry.headers, registry.insecure
    )
    dist = about.get("dist") if isinstance(about, dict) else None
    tarball = dist.get("tarball") if isinstance(dist, dict) else None
    if not isinstance(tarball, str):
        raise FetchError(f"{package.title}: the registry states no tarball")
    url = _at(registry, tarball)
    own = urlsplit(url).netloc == urlsplit(registry.url).netloc
    headers = registry.headers if own else {}
    insecure = registry.insecure and own
    return download(url, folder / package.file_name, package.bytes, package.title, headers, insecure)


def registry_of(package: str, environ: Mapping[str, str], home: Path) -> Registry:
    """The registry of a package: that of its scope, or the general one.

    Args:
        environ: variables, of which ``npm_config_registry`` decides first
        home: the user's folder
    """
    settings = _settings(environ, home)
    scope = package.partition("/")[0] if package.startswith("@") else ""
    stated = settings.get(f"{scope}:registry") if scope else None
    url = (stated or settings.get("registry") or DEFAULT).rstrip("/") + "/"
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"the npm registry {url!r} is no web address: correct it in .npmrc")
    place = "//" + url.partition("//")[2]
    if token := settings.get(f"{place}:_authToken"):
        return Registry(url, {"Authorization": f"Bearer {token}"})
    if token := settings.get(f"{place}:_auth"):
        return Registry(url, {"Authorization": f"Basic {token}"})
    return Registry(url, {})


def _settings(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """npm's settings: of the system, of the user, and of variables, of which later ones win."""
    variables = {name.lower(): value for name, value in environ.items() if name.lower().startswith("npm_config_")}
    own = variables.get("npm_config_userconfig") or str(home / ".npmrc")
    shared = variables.get("npm_config_globalconfig")
    found: dict[str, str] = {}
    for path in (*((shared,) if shared else SYSTEM), own):
        found |= _read(Path(path), environ)
    if registry := variables.get("npm_config_registry"):
        found["registry"] = registry
    return found


def _read(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    try:
        lines = read_text(path, MAX_SETTINGS).splitlines()
    except (OSError, UnicodeDecodeError):  # most users have none
        return {}
    pairs = (line.partition("=") for line in map(str.strip, lines) if line and line[0] not in "#;")
    return {
        key.strip(): VARIABLE.sub(lambda name: environ.get(name[1], ""), value.strip().strip("\"'"))
        for key, equals, value in pairs
        if equals
    }


def _at(registry: Registry, tarball: str) -> str:
    """A tarball's address. npm's public registry stands for the user's own, which may be a mirror of it."""
    parts, own = urlsplit(tarball), urlsplit(registry.url)
    if parts.netloc != urlsplit(DEFAULT).netloc:
        return tarball
    return urlunsplit((own.scheme, own.netloc, own.path.rstrip("/") + parts.path, parts.query, ""))
