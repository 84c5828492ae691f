"""The page's own files: a fixed list made at the start, so that no address leads elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from vos.app.server.answers import UnknownIdError

PAGE = Path(__file__).resolve().parent.parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".woff2": "font/woff2",
}


class PageFiles:
    """Answers with the files of a folder, whose names it reads once."""

    def __init__(self, folder: Path = PAGE) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES and path.is_file() and not path.is_symlink()
        }

    def answer(self, request: Request) -> Response:
        """Return the file that an address names; the empty one is index.html.

        Raises:
            UnknownIdError: it names none.
        """
        path = self._files.get(request.path_params.get("path") or "index.html")
        if path is None:
            raise UnknownIdError("there is no such page")
        data = path.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=_TYPES[path.suffix], headers=headers)
