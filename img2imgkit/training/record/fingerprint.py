"""A fingerprint of the pictures of a training: names, sizes and times of its files, by the option that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from img2imgkit.config import Config
from img2imgkit.data.picture_files import find_pictures
from img2imgkit.training.plan.training_file import TrainingPlan

Fingerprint = Mapping[str, Mapping[str, Any]]
PROBE = "probe"
_DIFFERENCES = {"names": "other names", "sizes": "other sizes", "times": "other times, but the same names and sizes"}
_MEANING = (
    "The training goes on from its checkpoint with the pictures that are there now. Their order and crops depend on "
    "their number and names, so the result is not that of an uninterrupted run"
)
_ONLY_TIMES = (
    "If the files were only copied, the training goes on exactly; if they were edited, the result is not that of an "
    "uninterrupted run"
)
_PROBE_MEANING = "Scores of the probe before and after this step cannot be compared, nor the best one be trusted"


def fingerprint(plan: TrainingPlan) -> dict[str, dict[str, Any]]:
    """Digest the files below every path of the data's options, and those of the probe.

    Returns:
        by option, such as "data.source": the number of files, and digests of their names, sizes and times
    """
    places = dict(_paths(plan.data.options, "data"))
    if plan.file.probe:
        places[PROBE] = plan.file.probe
    return {option: _digests(path) for option, path in places.items()}


def difference(before: Fingerprint, now: Fingerprint) -> str:
    """Say how the pictures differ and what that means for a resumed run; "" if they are the same."""
    found = {option: _difference(before.get(option, {}), each) for option, each in now.items()}
    changed = {option: kind for option, kind in found.items() if kind}
    if not changed:
        return ""
    texts = [_text(option, kind, before.get(option, {}), now[option]) for option, kind in changed.items()]
    kinds = {kind for option, kind in changed.items() if option != PROBE}
    meanings = [_ONLY_TIMES if kinds == {"times"} else _MEANING] if kinds else []
    meanings += [_PROBE_MEANING] if changed.get(PROBE, "times") != "times" else []
    meanings = meanings or [_ONLY_TIMES]
    return f"the pictures differ from those that this run was trained on: {'; '.join(texts)}. {'. '.join(meanings)}"


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    return next((kind for kind in _DIFFERENCES if before.get(kind) != now.get(kind)), "")


def _text(option: str, kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if before.get("files") != now["files"]:
        return f"{option} has {now['files']} files, and had {before.get('files', 0)}"
    return f"{option} has files with {_DIFFERENCES[kind]}"


def _paths(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    """Every path in the options, with the name of its option."""
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _paths(each, f"{key}.{number}")
    elif isinstance(value, Config):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name), f"{key}.{name}")


def _digests(path: Path) -> dict[str, Any]:
    files = find_pictures([path], []) if path.is_dir() else [path]
    digests = {name: hashlib.sha256() for name in _DIFFERENCES}
    count = 0
    for file in files:
        try:
            found = file.stat()
        except OSError:  # gone since it was listed; the reader reports it
            continue
        name = (str(file.relative_to(path)) if file != path else path.name).encode("utf-8", "surrogateescape") + b"\n"
        digests["names"].update(name)
        digests["sizes"].update(name + f"{found.st_size}\n".encode())
        digests["times"].update(name + f"{found.st_mtime_ns}\n".encode())
        count += 1
    return {"files": count, **{name: digest.hexdigest() for name, digest in digests.items()}}
