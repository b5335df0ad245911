"""The process that tries models out: it reads requests, a JSON line each, and answers each with a line.

Models stay loaded, the least recently used are released first. The process ends when its input does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import img2imgkit as kit
from img2imgkit.errors import RequestError, ToolkitError
from img2imgkit.files import read_text
from img2imgkit.images import EncodeOptions, crop, decode, encode, to_rgb

MODELS = 4
MEMORY = 4 << 30  # bytes of the process, beyond which models are released
MAX_SIDE = 1024  # pixels of a crop
FAST_TO_WRITE = EncodeOptions(compression=1)


class Worker:
    """Loaded models, and the picture that was asked for last.

    Args:
        models: how many stay loaded
        memory: bytes of this process beyond which they do not
    """

    def __init__(self, models: int = MODELS, memory: int = MEMORY) -> None:
        self._most, self._memory = models, memory
        self._models: OrderedDict[tuple[Any, ...], kit.LoadedModel] = OrderedDict()
        self._picture: tuple[tuple[Any, ...], kit.Picture] | None = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a crop and write it as a PNG file; what goes wrong is part of the answer."""
        try:
            return {**self._made(request), "full": self._is_full()}
        except (ToolkitError, OSError, ValueError, MemoryError) as error:
            return {"error": f"{error}" or type(error).__name__, "full": self._is_full()}

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the loaded models, the least recently used first."""
        return tuple(str(key[0]) for key in self._models)

    def _made(self, request: Mapping[str, Any]) -> dict[str, Any]:
        part = self._part(Path(request["path"]), request["box"])
        name, scale, seconds = request.get("model"), 1, 0.0
        made = part
        if name is not None:
            model = self._model(str(name), request.get("precision", "float32"), request.get("engine", "auto"))
            began = time.perf_counter()
            made, scale = model(part), model.scale
            seconds = time.perf_counter() - began
        Path(request["target"]).write_bytes(encode(made, "PNG", FAST_TO_WRITE).data)  # read once the answer is there
        return {"width": made.width, "height": made.height, "scale": scale, "seconds": round(seconds, 4)}

    def _part(self, path: Path, box: Any) -> kit.Picture:
        found = path.stat()
        key = (str(path), found.st_mtime_ns, found.st_size)
        if self._picture is None or self._picture[0] != key:
            self._picture = None
            picture = decode(path)
            self._picture = (key, to_rgb(picture) if picture.space == "cmyk" else picture)
        return crop(self._picture[1], *fitted(box, self._picture[1].width, self._picture[1].height))

    def _model(self, name: str, precision: str, engine: str) -> kit.LoadedModel:
        key = (name, precision, engine)
        if key not in self._models:
            while len(self._models) >= self._most or (self._models and memory_used() > self._memory):
                self._models.popitem(last=False)[1].close()
            self._models[key] = kit.load(name, precision=precision, engine=engine)
        self._models.move_to_end(key)
        return self._models[key]

    def _is_full(self) -> bool:
        while memory_used() > self._memory and self._models:
            self._models.popitem(last=False)[1].close()
            if not self._models:
                return True
        return memory_used() > self._memory


def fitted(box: Any, width: int, height: int) -> tuple[int, int, int, int]:
    """A region inside a picture: left, top, width, height. Raises RequestError: it is none."""
    if not (isinstance(box, list) and len(box) == 4 and all(type(each) is int for each in box)):
        raise RequestError("a crop is four whole numbers")
    across, down = (min(max(1, box[2]), width, MAX_SIDE), min(max(1, box[3]), height, MAX_SIDE))
    return min(max(0, box[0]), width - across), min(max(0, box[1]), height - down), across, down


def memory_used() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    with suppress(OSError, ValueError):
        return int(read_text(Path("/proc/self/statm"), 4096).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    worker = Worker()
    for line in requests:
        answers.write(json.dumps(worker.answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def main() -> None:
    """Serve on the standard streams; what libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
