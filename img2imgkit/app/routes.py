"""The addresses of the page: its files, folders and pictures, uploads, models and try-outs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from html import escape
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

import img2imgkit as kit
from img2imgkit.app import requests
from img2imgkit.app.guard import cookie_of
from img2imgkit.app.requests import answer, desk_of, done, number, stated
from img2imgkit.app.roots import listing, name_reference, shown
from img2imgkit.app.sessions import Sessions
from img2imgkit.app.thumbnails import size_shown
from img2imgkit.errors import RequestError

STATIC = Path(__file__).with_name("static")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
TYPES |= {".svg": "image/svg+xml"}
OPEN_PATHS = frozenset({"/launch"})
OPEN_WITH_PASSWORD = frozenset(
    {"/launch", "/login", "/static/login.html", "/static/login.js", "/static/page.css", "/static/icon.svg"}
)
CACHED = {"cache-control": "private, max-age=3600"}
MAX_ENTRIES = 500  # of a folder in one answer
TICK = 0.25  # seconds between looks for changes
_LAUNCHED = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=./"><title>img2img</title>'


async def launch(request: Request) -> Response:
    """Turn the one-time token into a session. The page follows by itself: a redirect would not send the cookie."""
    sessions: Sessions = request.app.state.sessions
    try:
        session = sessions.redeem(request.query_params.get("token", ""))
    except RequestError as error:
        return HTMLResponse(f'<!doctype html><meta charset="utf-8"><p>{escape(str(error))}', error.status)
    return HTMLResponse(_LAUNCHED, headers=_session_header(request, session))


async def log_in(request: Request) -> Response:
    """Turn the password into a session."""
    given = await stated(request, requests.Password)
    sessions: Sessions = request.app.state.sessions
    session = sessions.log_in(given.password)
    return Response(status_code=204, headers=_session_header(request, session))


async def index(request: Request) -> Response:
    """The page."""
    return _static("page.html")


async def static(request: Request) -> Response:
    """A file of the page."""
    return _static(request.path_params["path"])


def state(request: Request) -> Response:
    """What the page needs to start."""
    desk = desk_of(request)
    return answer(
        {
            "version": kit.__version__,
            "roots": [{"id": each.id, "name": each.title, "path": shown(each.folder)} for each in desk.roots.opened],
            "languages": languages(),
            "upload": desk.inbox.free,
            "quota": desk.inbox.quota,
            "disk": shutil.disk_usage(desk.folder).free,
        }
    )


def folder(request: Request) -> Response:
    """A part of what a folder holds."""
    desk, query = desk_of(request), request.query_params
    path = desk.roots.path(query.get("root"), query.get("path", ""))
    if not path.is_dir():
        raise RequestError("this is not a folder", 409)
    found = listing(path)
    first, count = number(request, "first"), number(request, "count", 200, MAX_ENTRIES)
    return answer(
        {
            "folders": [_named(name) for name in found.folders[:MAX_ENTRIES]],
            "pictures": [_named(name) for name in found.pictures[first : first + count]],
            "count": len(found.pictures),
            "others": found.others,
        }
    )


def thumbnail(request: Request) -> Response:
    """A small version of a picture."""
    desk, query = desk_of(request), request.query_params
    path = desk.roots.path(query.get("root"), query.get("path"))
    made = desk.thumbnails.of(path, number(request, "side", 320))
    return FileResponse(made, media_type="image/jpeg", headers=CACHED)


def picture_size(request: Request) -> Response:
    """Width and height of a picture."""
    desk, query = desk_of(request), request.query_params
    size = size_shown(desk.roots.path(query.get("root"), query.get("path")))
    if size is None:
        raise RequestError("this picture cannot be read", 422)
    return answer({"width": size[0], "height": size[1]})


async def new_inbox(request: Request) -> Response:
    """A folder for what is about to be uploaded."""
    given = await stated(request, requests.NewInbox)
    return answer({"id": desk_of(request).inbox.open(given.bytes, given.files)})


async def upload(request: Request) -> Response:
    """One file of an upload."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise RequestError("an upload states its length", 411)
    id, name = request.path_params["id"], request.query_params.get("name", "")
    await desk_of(request).inbox.put(id, name, int(length), request.stream())
    return done()


async def remove_inbox(request: Request) -> Response:
    """Remove an upload that no batch reads."""
    desk, id = desk_of(request), request.path_params["id"]
    if any(batch.inbox == id for batch in desk.store.all()):
        raise RequestError("a batch reads this upload: remove the batch", 409)
    await run_in_threadpool(desk.inbox.remove, id)
    return done()


def models(request: Request) -> Response:
    """The cards of all models."""
    return answer(desk_of(request).models.cards())


async def add_model(request: Request) -> Response:
    """Fetch a model of the index."""
    given = await stated(request, requests.Addition)
    await run_in_threadpool(desk_of(request).models.add, given.name, given.accepted)
    return done()


async def try_out(request: Request) -> Response:
    """Translate a crop, and wait for the result."""
    given, desk = await stated(request, requests.TryOut), desk_of(request)
    path = desk.roots.path(given.source.root, given.source.path)
    asked = {"path": str(path), "box": list(given.box)}
    if given.settings is not None:
        await run_in_threadpool(desk.models.prove, given.settings.model)
        asked |= given.settings.model_dump()
    return answer(await run_in_threadpool(desk.try_outs.ask, asked))


def try_out_result(request: Request) -> Response:
    """The picture of a result."""
    path = desk_of(request).try_outs.result(request.path_params["id"])
    return FileResponse(path, media_type="image/png", headers=CACHED)


async def events(request: Request) -> Response:
    """A stream: the batches after each change, and the end of the server."""
    desk = desk_of(request)

    async def stream() -> AsyncIterator[str]:
        seen = -1
        while not desk.ending.is_set():
            if seen != desk.version:
                seen = desk.version
                yield f"event: batches\ndata: {json.dumps(await run_in_threadpool(desk.batches.view))}\n\n"
            await asyncio.sleep(TICK)
        yield "event: end\ndata: {}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")


def languages() -> Sequence[str]:
    """The languages of which there are texts."""
    return sorted(path.stem for path in (STATIC / "strings").glob("*.json"))


def routes() -> list[BaseRoute]:
    """The routes of this module."""
    return [
        Route("/", index),
        Route("/launch", launch),
        Route("/login", log_in, methods=["POST"]),
        Route("/static/{path:path}", static),
        Route("/api/state", state),
        Route("/api/folder", folder),
        Route("/api/thumbnail", thumbnail),
        Route("/api/size", picture_size),
        Route("/api/inboxes", new_inbox, methods=["POST"]),
        Route("/api/inboxes/{id}", remove_inbox, methods=["DELETE"]),
        Route("/api/inboxes/{id}/files", upload, methods=["PUT"]),
        Route("/api/models", models),
        Route("/api/models", add_model, methods=["POST"]),
        Route("/api/try-outs", try_out, methods=["POST"]),
        Route("/api/try-outs/{id}.png", try_out_result),
        Route("/api/events", events),
    ]


def _named(name: str) -> dict[str, str]:
    return {"name": shown(name), "path": name_reference(name)}


def _session_header(request: Request, session: str) -> dict[str, str]:
    sessions: Sessions = request.app.state.sessions
    return {"set-cookie": cookie_of(session, sessions.area, request.url.scheme == "https")}


def _static(name: str) -> Response:
    path = (STATIC / name.replace("\0", "")).resolve()
    if not path.is_relative_to(STATIC.resolve()) or not path.is_file() or path.suffix not in TYPES:
        raise RequestError("there is no such file", 404)
    return FileResponse(path, media_type=TYPES[path.suffix], headers={"cache-control": "no-cache"})
