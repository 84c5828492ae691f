"""Failures as answers: every one is JSON, {"error": sentence}, with the status that fits it."""

from __future__ import annotations

import errno
import sys
import traceback
from contextlib import suppress
from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vos.errors import InputError


class RequestError(InputError):
    """A request that cannot be met, with the HTTP status that says why."""

    status: ClassVar[int] = 400


class UnknownIdError(RequestError):
    """There is nothing of that id."""

    status = 404


class ConflictError(RequestError):
    """It cannot be done in the present state."""

    status = 409


class TooLargeError(RequestError):
    """A body is longer than its limit."""

    status = 413


class ContentTypeError(RequestError):
    """A body is of another type than the route takes."""

    status = 415


def error_response(error: BaseException) -> Response:
    """Return the answer to a failure; one that can only be a bug is written to stderr as well."""
    text, status = _described(error)
    return JSONResponse({"error": text}, status)


def _described(error: BaseException) -> tuple[str, int]:
    if isinstance(error, InputError):
        return str(error), error.status if isinstance(error, RequestError) else 400
    if isinstance(error, HTTPException):
        return f"{error.detail}.", error.status_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({error}); make room and try again; nothing saved is lost", 507
    with suppress(OSError):  # where it goes may be full too
        traceback.print_exception(error, file=sys.stderr)
    return _of_bug(error), 500


def _of_bug(error: BaseException) -> str:
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "not enough memory for this; close other sources, or use smaller frames"
    if isinstance(error, OSError):
        return f"a file could not be read or written: {error}"
    return f"the server failed ({type(error).__name__}: {error}); the terminal has the details"


async def answer_http_exception(_request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown address, another method."""
    return error_response(error)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a JSON answer that nobody keeps."""
    return JSONResponse(value, status, headers={"Cache-Control": "no-store"})
