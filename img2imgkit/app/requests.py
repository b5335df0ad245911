"""What the page may ask, validated strictly, and the answers' common form."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import img2imgkit as kit
from img2imgkit.app.desk import Desk
from img2imgkit.app.guard import TooLong
from img2imgkit.app.translation import ModelSettings, Translation
from img2imgkit.errors import RequestError, ToolkitError

Stated = TypeVar("Stated", bound=kit.Config)


class Place(kit.Config):
    """A file or folder below an opened folder."""

    root: str = Field(max_length=20)
    path: str = Field("", max_length=12_000)


class BatchRequest(kit.Config):
    """A batch, or the pipeline that it would be."""

    name: str = Field(min_length=1, max_length=200)
    source: Place
    output: Place | None = None
    translation: Translation


class TryOut(kit.Config):
    """A crop through a model, or without one the crop itself."""

    source: Place
    box: tuple[int, int, int, int]
    settings: ModelSettings | None = None


class NewInbox(kit.Config):
    """What is about to be uploaded."""

    bytes: int = Field(ge=0)
    files: int = Field(ge=1)


class Change(kit.Config):
    """What is to happen with a batch."""

    action: Literal["pause", "resume", "cancel", "first", "remove"]


class Addition(kit.Config):
    """A model of the index, and the licence that the user accepts."""

    name: str = Field(min_length=1, max_length=100)
    accepted: str = Field("", max_length=200)


class Password(kit.Config):
    """What opens the page from another machine."""

    password: str = Field(max_length=1000)


def desk_of(request: Request) -> Desk:
    """What the server holds."""
    desk: Desk = request.app.state.desk
    return desk


async def stated(request: Request, model: type[Stated]) -> Stated:
    """The body of a request. Raises RequestError: it is not JSON, or not what is expected."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RequestError(f"{place}: {first['msg']}" if place else str(first["msg"]), 400) from None


def number(request: Request, name: str, default: int = 0, most: int = 1 << 31) -> int:
    """A whole number of the query, at least 0. Raises RequestError: it is none."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or int(text) > most:
        raise RequestError(f"{name}: expected a whole number up to {most}")
    return int(text)


def answer(value: Any, status: int = 200) -> JSONResponse:
    """An answer as JSON."""
    return JSONResponse(value, status)


def done() -> Response:
    """An answer that says nothing."""
    return Response(status_code=204)


def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that failed."""
    text = str(error).encode("utf-8", "backslashreplace").decode()
    if isinstance(error, RequestError):
        return answer({"error": text}, error.status)
    if isinstance(error, TooLong):
        return answer({"error": "too long a request"}, 413)
    return answer({"error": text}, 422 if isinstance(error, ToolkitError) else 500)
