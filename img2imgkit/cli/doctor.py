"""``img2img doctor``: the versions, devices, engines and codecs of this machine, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import click

from img2imgkit import backend
from img2imgkit.catalog import Catalog
from img2imgkit.cli import EXIT_DONE, EXIT_FAILED_ITEMS, printable, say, show_json
from img2imgkit.cli.config import apply_user_settings, limits_option
from img2imgkit.cli.console import json_option
from img2imgkit.exporting import cache_size
from img2imgkit.formats import openvino_runner
from img2imgkit.images.formats import OTHER_DECODERS
from img2imgkit.pipeline.threads import codec_threads, processors
from img2imgkit.places import Places
from img2imgkit.plugin_kinds import KINDS

# distribution -> module to import
_NEEDED = {
    "tensorflow": "tensorflow",
    "keras": "keras",
    "numpy": "numpy",
    "pillow": "PIL.Image",
    "simplejpeg": "simplejpeg",
    "imagecodecs": "imagecodecs",
    "tifffile": "tifffile",
    "pi-heif": "pi_heif",
    "h5py": "h5py",
    "safetensors": "safetensors",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tf2onnx": "tf2onnx",
    "ai-edge-litert": "ai_edge_litert",
    "click": "click",
    "pathspec": "pathspec",
    "platformdirs": "platformdirs",
    "pluggy": "pluggy",
    "pydantic": "pydantic",
    "PyYAML": "yaml",
    "rich": "rich",
}
_ONLY_SOMEWHERE = ("openvino",)  # not a dependency on every system; the engines tell what they lack
_ABSENT = "not installed"
_PILLOW = ("jpg", "zlib", "libtiff", "webp", "avif", "jpg_2000", "littlecms2")
_IMAGECODECS = ("PNG", "DEFLATE", "LZW", "ZSTD", "JPEG")
_ESSENTIAL_CODECS = ("pillow jpg", "pillow zlib", "imagecodecs PNG")


@click.command()
@limits_option
@json_option
def command(as_json: bool) -> int:
    """Report versions, devices, engines, codecs and limits of this machine; exit with 1 if something is missing."""
    problems: list[str] = []
    limits = apply_user_settings().limits
    report = {
        "machine": _machine(problems),
        "versions": _versions(problems),
        "devices": _devices(problems),
        "engines": _engines(),
        "codecs": _codecs(problems),
        "limits": limits.model_dump(mode="json"),
        "cache": _cache(),
        "plugins": _plugins(),
    }
    if as_json:
        show_json({"ok": not problems, "problems": problems, **report})
    else:
        _show(report, problems)
    return EXIT_FAILED_ITEMS if problems else EXIT_DONE


def _machine(problems: list[str]) -> dict[str, Any]:
    folder = tempfile.gettempdir() if _temp_works(problems) else ""
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "cpus": processors(),
        "codec_threads": codec_threads(),
        "memory_bytes": _memory(),
        "temporary_folder": folder,
        "temporary_free_bytes": shutil.disk_usage(folder).free if folder else 0,
    }


def _cache() -> dict[str, Any]:
    places = Places.of_user()
    count, size = cache_size(places)
    return {"folder": str(places.cache), "engine_forms": count, "bytes": size}


def _temp_works(problems: list[str]) -> bool:
    try:
        with tempfile.NamedTemporaryFile() as handle:
            handle.write(b"x")
            handle.flush()
    except OSError as error:
        problems.append(f"the temporary folder is not writable: {error}; set TMPDIR to a writable folder")
        return False
    return True


def _memory() -> int | None:
    """The memory available to this process; None if unknown."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no control group, or "max"
        return total


def _versions(problems: list[str]) -> dict[str, str]:
    found = {"img2imgkit": _version("img2imgkit")}
    for distribution, module in _NEEDED.items():
        found[distribution] = _version(distribution)
        if distribution in _ONLY_SOMEWHERE and found[distribution] == _ABSENT:
            continue
        try:
            _import(module)
        except Exception as error:  # a broken installation can raise anything; report it
            problems.append(f"{distribution} cannot be imported: {type(error).__name__}: {error}")
    return found


def _import(module: str) -> None:
    if module in ("tensorflow", "keras"):
        backend.load()
    elif module == "openvino":
        openvino_runner.imported()  # an import of it that opens no connection
    else:
        import_module(module)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return _ABSENT


def _devices(problems: list[str]) -> list[dict[str, Any]]:
    if any(problem.startswith("tensorflow") for problem in problems):
        return []
    found: list[dict[str, Any]] = [{"name": "cpu", "about": platform.processor() or platform.machine()}]
    memory = _gpu_memory()
    for number, name in enumerate(backend.gpus()):
        found.append({"name": f"gpu:{number}", "about": name, "memory_bytes": memory.get(name)})
    return found


def _engines() -> list[dict[str, Any]]:
    """What each engine could use here, or why it is not usable."""
    found: list[dict[str, Any]] = []
    for name, engine_class in Catalog.installed().engines.items():
        engine = engine_class()
        about: dict[str, Any] = {"name": name, "version": engine.version(), "devices": [], "problem": ""}
        try:
            if about["version"] is not None:
                about["devices"] = [asdict(device) for device in engine.devices()]
            about["problem"] = "" if about["version"] is not None else f"{engine.distribution} is not installed"
        except Exception as error:  # a damaged installation can raise anything
            about["problem"] = f"{type(error).__name__}: {error}"
        found.append(about)
    return found


def _gpu_memory() -> dict[str, int]:
    """Bytes by GPU name, from the driver: TensorFlow would have to allocate the memory to measure it."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
        lines = [line.rpartition(",") for line in answer.splitlines() if line.strip()]
        return {name.strip(): int(mebibytes) << 20 for name, _, mebibytes in lines}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def _codecs(problems: list[str]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    try:
        import imagecodecs
        from PIL import features
    except ImportError:
        return found  # already reported among the versions
    found |= {f"pillow {name}": bool(features.check(name)) for name in _PILLOW}
    found |= {f"read {name}": decoder.installed for name, decoder in OTHER_DECODERS.items()}
    found |= {f"imagecodecs {name}": bool(getattr(imagecodecs, name).available) for name in _IMAGECODECS}
    problems += [f"the codec {name} is missing: reinstall it" for name in _ESSENTIAL_CODECS if not found[name]]
    return found


def _plugins() -> dict[str, Any]:
    catalog = Catalog.installed()
    for kind in KINDS:
        try:
            getattr(catalog, kind)
        except Exception:  # TensorFlow itself; reported among the versions
            continue
    return {
        "installed": [plugin.name for plugin in catalog.plugins],
        "broken": [{"plugin": broken.plugin, "reason": broken.sentence} for broken in catalog.broken],
    }


def _show(report: dict[str, Any], problems: list[str]) -> None:
    machine = report["machine"]
    say(f"python     {machine['python']}  {machine['executable']}")
    say(f"system     {machine['system']}")
    say(f"cpus       {machine['cpus']}")
    say(f"threads    {machine['codec_threads']} of decoding and encoding, {machine['cpus']} of a model on the CPU")
    say(f"memory     {_gib(machine['memory_bytes'])}")
    say(f"temporary  {machine['temporary_folder']}  {_gib(machine['temporary_free_bytes'])} free")
    for name, version in report["versions"].items():
        say(f"version    {name} {version}")
    for device in report["devices"]:
        memory = f"  {_gib(device['memory_bytes'])}" if "memory_bytes" in device else ""
        say(f"device     {device['name']}  {device['about']}{memory}")
    for engine in report["engines"]:
        say(f"engine     {engine['name']}  {engine['version'] or 'none'}{_why(engine)}")
        for device in engine["devices"]:
            native = ", ".join(device["precisions"])
            say(f"           {device['kind']}:{device['number']}  {device['name']}  {device['description']}  {native}")
    for name, present in report["codecs"].items():
        say(f"codec      {name}  {'yes' if present else 'no'}")
    for name, value in report["limits"].items():
        say(f"limit      {name}  {_limit(value)}")
    cache = report["cache"]
    say(
        f"cache      {printable(cache['folder'])}  engine forms: {cache['engine_forms']}, {cache['bytes'] / 1e6:.1f} MB"
    )
    say(f"plugins    {', '.join(report['plugins']['installed'])}")
    for broken in report["plugins"]["broken"]:
        say(f"broken     {broken['plugin']}: {broken['reason']}")
    for problem in problems:
        say(f"PROBLEM    {problem}")
    say("something essential is missing" if problems else "everything needed is installed")


def _why(engine: dict[str, Any]) -> str:
    return f"  not usable: {' '.join(engine['problem'].split())}" if engine["problem"] else ""


def _limit(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "all"
    return "as stated by each pipeline" if value is None else f"{value:,}"


def _gib(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**30:.1f} GiB"
