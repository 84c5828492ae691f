"""The gate before every route: hosts, token and cookie, origins, methods, types, headers.

It stands outside of all other code, so no answer leaves without its headers and no request comes
in without its checks.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vos.app.server.security.access import Access
from vos.app.server.security.bodies import JSON_BYTES, UPLOAD_ROUTES, content_length

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_READING = frozenset({"GET", "HEAD"})
_ENTRY = (
    "<!doctype html><meta charset=utf-8><title>vos app</title><p>{text}</p>"
    "<p>Open the address that <code>vos app</code> printed in the terminal.</p>"
)


class Guard:
    """An ASGI application around another one, which sees only requests of this server's page."""

    def __init__(self, app: ASGIApp, access: Access, *, max_upload: int) -> None:
        self._app, self._access, self._max_upload = app, access, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and hand it on, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_read = scope["method"] != "POST"

        async def receive_body() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
                if not is_read:
                    headers["Connection"] = "close"  # what of a body still comes is not read
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive_body, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not handed on."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        own_address = (scope.get("server") or (None,))[0]
        if len(hosts) != 1 or not self._access.accepts_host(hosts[0], own_address):
            return _error("this server does not go by that name; open the printed address", 403)
        if "upgrade" in headers:
            return _error("this server has no WebSockets", 403)
        if scope["method"] not in _READING | {"POST"}:
            return _error("only GET and POST are answered", 405)
        if scope["path"] == "/" and scope["method"] in _READING and scope["query_string"]:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            if "token" in query:
                return self._entrance(query["token"])
        if not self._access.accepts_cookies("; ".join(headers.getlist("cookie"))):
            return _stranger(scope)
        return _foreign(scope, headers, hosts[0]) or self._unfit_body(scope, headers)

    def _entrance(self, tokens: list[str]) -> Response:
        if len(tokens) != 1 or not self._access.accepts_token(tokens[0]):
            text = "The token in this address is not this server's, or was good for one use."
            return HTMLResponse(_ENTRY.format(text=text), 403)
        return Response(
            status_code=303, headers={"Location": "/", "Set-Cookie": self._access.set_cookie()}
        )

    def _unfit_body(self, scope: Scope, headers: Headers) -> Response | None:
        if scope["method"] != "POST":
            return None
        is_upload = UPLOAD_ROUTES.fullmatch(scope["path"]) is not None
        expected = "application/octet-stream" if is_upload else "application/json"
        given = headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != expected:
            return _error(f"expected a body of type {expected}", 415)
        limit = self._max_upload if is_upload else JSON_BYTES
        length = content_length(headers)
        if length is not None and not 0 <= length <= limit:
            return _error(f"the body has more than {limit:,} bytes", 413)
        return None


def _foreign(scope: Scope, headers: Headers, host: str) -> Response | None:
    """Refuse what another page asks for, though the browser sent the cookie along."""
    site = headers.get("sec-fetch-site", "same-origin")
    if scope["method"] in _READING:
        is_visit = headers.get("sec-fetch-mode") == "navigate" and scope["path"] == "/"
        if site not in ("same-origin", "none") and not is_visit:
            return _error("only this server's own page is answered", 403)
        return None
    origins = headers.getlist("origin")
    own = f"http://{host}".lower()
    if len(origins) != 1 or origins[0].lower() != own or site != "same-origin":
        return _error("changes come from this server's own page alone", 403)
    return None


def _stranger(scope: Scope) -> Response:
    text = "This page needs the token of its address."
    if scope["path"] == "/":
        return HTMLResponse(_ENTRY.format(text=text), 401)
    return _error(f"{text} Open the address that vos app printed.", 401)


def _error(text: str, status: int) -> Response:
    return JSONResponse({"error": text}, status)
