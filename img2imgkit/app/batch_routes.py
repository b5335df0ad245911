"""The addresses of batches: their pipelines, what happens with them, and what they made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from img2imgkit.app import requests
from img2imgkit.app.archive import zipped
from img2imgkit.app.batch_store import Batch
from img2imgkit.app.desk import Desk
from img2imgkit.app.requests import answer, desk_of, done, number, stated
from img2imgkit.app.roots import INBOX, SAMPLES, reference_of, shown
from img2imgkit.app.routes import CACHED
from img2imgkit.app.surveys import DONE, FAILED, Picture
from img2imgkit.app.translation import default_output, pipeline_text
from img2imgkit.errors import RequestError

MAX_PICTURES = 500  # of a batch in one answer


async def new_batch(request: Request) -> Response:
    """Queue a batch."""
    given, desk = await stated(request, requests.BatchRequest), desk_of(request)
    batch = await run_in_threadpool(_planned, desk, given)
    return answer({"id": (await run_in_threadpool(desk.batches.add, batch)).id})


async def preview(request: Request) -> Response:
    """The pipeline that a batch would be, and its output folder."""
    given, desk = await stated(request, requests.BatchRequest), desk_of(request)
    batch = await run_in_threadpool(_planned, desk, given)
    return answer({"pipeline": batch.pipeline, "output": shown(batch.output)})


def pipeline(request: Request) -> Response:
    """The pipeline of a batch, as a file."""
    batch = desk_of(request).store.get(request.path_params["id"])
    headers = {"content-disposition": f'attachment; filename="img2img-{batch.id}.yaml"'}
    return PlainTextResponse(batch.pipeline, headers=headers)


async def change(request: Request) -> Response:
    """Pause, resume, cancel, move or remove a batch."""
    given, desk, id = await stated(request, requests.Change), desk_of(request), request.path_params["id"]
    if given.action == "remove":
        await run_in_threadpool(_remove, desk, id)
    else:
        action = {"first": desk.batches.move_first, "cancel": desk.batches.cancel, "resume": desk.batches.resume}
        await run_in_threadpool(action.get(given.action, desk.batches.pause), id)
    return done()


def pictures(request: Request) -> Response:
    """A part of the outputs of a batch."""
    desk, id = desk_of(request), request.path_params["id"]
    wanted = request.query_params.get("status", DONE)
    found = _outputs(desk, id, wanted)
    first, count = number(request, "first"), number(request, "count", 200, MAX_PICTURES)
    batch = desk.store.get(id)
    rows = [_row(each, batch) for each in found[first : first + count]]
    return answer({"count": len(found), "pictures": rows})


def picture(request: Request) -> Response:
    """The input or output of a batch: whole, or as a small version."""
    desk, side = desk_of(request), number(request, "side")
    found = _output(desk, request)
    path = Path(found.source if request.query_params.get("which") == "before" else found.output)
    _prove_open(desk, path)
    if side:
        return FileResponse(desk.thumbnails.of(path, side), media_type="image/jpeg", headers=CACHED)
    return FileResponse(path, media_type="application/octet-stream", filename=shown(path.name))


def archive(request: Request) -> Response:
    """All outputs of a batch as a zip file."""
    desk, id = desk_of(request), request.path_params["id"]
    batch = desk.store.get(id)
    made = [Path(each.output) for each in _outputs(desk, id, DONE)]
    for path in made:
        _prove_open(desk, path)
    headers = {"content-disposition": f'attachment; filename="img2img-{batch.id}.zip"'}
    return StreamingResponse(zipped(_entries(made, Path(batch.output))), media_type="application/zip", headers=headers)


def failures(request: Request) -> Response:
    """The failures of a batch, as a text that can be pasted into a report."""
    desk, id = desk_of(request), request.path_params["id"]
    batch = desk.store.get(id)
    lines = [f"{each.source}: {each.reason}" for each in _outputs(desk, id, FAILED)]
    text = "\n".join([f"{batch.name}: {len(lines)} failed", *lines, "", batch.pipeline])
    return PlainTextResponse(shown(text))


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        Route("/api/batches", new_batch, methods=["POST"]),
        Route("/api/preview", preview, methods=["POST"]),
        Route("/api/batches/{id}", change, methods=["POST"]),
        Route("/api/batches/{id}/pipeline.yaml", pipeline),
        Route("/api/batches/{id}/pictures", pictures),
        Route("/api/batches/{id}/pictures/{picture}", picture),
        Route("/api/batches/{id}/archive.zip", archive),
        Route("/api/batches/{id}/failures.txt", failures),
    ]


def _planned(desk: Desk, given: requests.BatchRequest) -> Batch:
    """The batch of a request. Raises RequestError: a folder is not open, or the model cannot be used."""
    source = desk.roots.path(given.source.root, given.source.path)
    desk.models.prove(given.translation.model)
    output = _output_folder(desk, given, source)
    inbox = source.relative_to(desk.inbox.folder).parts[0] if given.source.root == INBOX else ""
    text = pipeline_text(given.name, given.translation, source, output)
    return Batch("", given.name, given.translation.model, text, str(source), str(output), inbox)


def _output_folder(desk: Desk, given: requests.BatchRequest, source: Path) -> Path:
    if given.output is not None:
        output = desk.roots.new_path(given.output.root, given.output.path)
    else:
        elsewhere = given.source.root in (INBOX, SAMPLES)
        opened = desk.roots.root_of("0" if elsewhere else given.source.root)
        named = Path(given.name.replace("/", " ")) if elsewhere else source
        output = default_output(opened.folder, named, given.translation.model)
        output = desk.roots.new_path(opened.id, reference_of(output, opened.folder))
    if output.is_relative_to(desk.folder):
        raise RequestError("the page keeps its own files there: choose another folder for the outputs", 409)
    return output


def _remove(desk: Desk, id: str) -> None:
    """Forget a batch, and remove its uploads if no other batch reads them."""
    batch = desk.batches.remove(id)
    if batch.inbox and not any(other.inbox == batch.inbox for other in desk.store.all()):
        with suppress(RequestError):
            desk.inbox.remove(batch.inbox)
        desk.changed()


def _outputs(desk: Desk, id: str, status: str) -> Sequence[Picture]:
    """The pictures of a batch with that status."""
    desk.store.get(id)
    return [each for each in desk.batches.pictures(id).values() if each.status == status]


def _output(desk: Desk, request: Request) -> Picture:
    id = request.path_params["id"]
    desk.store.get(id)
    for found in desk.batches.pictures(id).values():
        if found.id == request.path_params["picture"]:
            return found
    raise RequestError("there is no such picture", 404)


def _row(found: Picture, batch: Batch) -> dict[str, Any]:
    path = found.output or found.source
    name = os.path.relpath(path, batch.output) if found.output else Path(path).name
    return {"id": found.id, "name": shown(name), "reason": found.reason}


def _prove_open(desk: Desk, path: Path) -> None:
    """Raise RequestError unless a file lies below an opened folder, with all links followed."""
    if not desk.roots.holds(path):
        raise RequestError("the folder of this picture is not open: start img2img app with it", 403)
    if not path.is_file():
        raise RequestError("this picture is gone", 404)


def _entries(made: Sequence[Path], output: Path) -> Iterator[tuple[str, Path]]:
    for path in made:
        yield shown(Path(os.path.relpath(path, output)).as_posix()), path
