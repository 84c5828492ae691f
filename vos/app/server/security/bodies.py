"""Bodies of requests, read up to a limit: JSON in memory, files on the disk."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NoReturn

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from vos.app.server.answers import RequestError, TooLargeError

JSON_BYTES = 1_000_000
"""The longest JSON body."""
UPLOAD_ROUTES = re.compile(r"/api/uploads|/api/sources/[^/]+/masks")
"""Where bodies are files."""
_WRITTEN_AT_ONCE = 1 << 20


def content_length(headers: Headers) -> int | None:
    """Return the length that a request states, -1 where it is no number, None without one."""
    stated = headers.get("content-length")
    if stated is None:
        return None
    return int(stated) if re.fullmatch(r"[0-9]{1,18}", stated) else -1


async def read_json(request: Request) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        TooLargeError: it has more than `JSON_BYTES`; what is beyond them is not read.
        RequestError: it is no JSON object, or holds numbers or letters that no JSON has.
    """
    data = bytearray()
    async for chunk in _chunks(request, JSON_BYTES):
        data += chunk
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # no half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is no JSON that can be used: {error}") from None
    if not isinstance(value, dict):
        raise RequestError("expected a JSON object as the body")
    return value


async def save_body(request: Request, path: Path, limit: int) -> None:
    """Write a body to a new file; it is removed where the body breaks off or is too long.

    Raises:
        TooLargeError: it has more than `limit` bytes.
        RequestError: it is empty, or the sender went away.
        OSError: the disk is full.
    """
    file = await run_in_threadpool(path.open, "xb")
    total, waiting = 0, bytearray()
    try:
        async for chunk in _chunks(request, limit):
            total += len(chunk)
            waiting += chunk
            if len(waiting) >= _WRITTEN_AT_ONCE:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(file.write, bytes(waiting))
        await run_in_threadpool(file.close)
        if not total:
            raise RequestError("the file is empty")
    except ClientDisconnect:
        _remove(file, path)
        raise RequestError("the upload was broken off; send the file again") from None
    except BaseException:
        _remove(file, path)
        raise


def _remove(file: Any, path: Path) -> None:
    try:
        file.close()
    except OSError:  # a full disk says so again
        pass
    finally:
        path.unlink(missing_ok=True)


async def _chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > limit:
            raise TooLargeError(f"the body has more than {limit:,} bytes")
        yield chunk


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
