"""The server's life: an address is bound and printed, the browser opened, signals end it."""

from __future__ import annotations

import socket
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

import uvicorn

from vos.app.server.application import Application, AppSettings
from vos.app.server.parts import Emit, Parts
from vos.app.server.security.access import Access
from vos.errors import InputError

HOST = "127.0.0.1"
_ENDING_SECONDS = 3
"""How long requests under way may take at the end."""


class _Server(uvicorn.Server):
    """A server whose event streams end when it does."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the event streams first, which would not end by themselves."""
        self._application.hub.close()
        await super().shutdown(sockets)


def serve(
    settings: AppSettings,
    make_parts: Callable[[Emit], Parts],
    *,
    host: str = HOST,
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        settings: sources, roots and limits.
        make_parts: makes the parts of sources; it gets what takes the engine's events.
        host: the address of this machine to listen on.
        port: 0 for a free one.
        open_browser: whether to show the page in the user's browser.

    Raises:
        InputError: the address cannot be had.
    """
    listening = _listening(host, port)
    with listening:
        access = Access(host, listening.getsockname()[1])
        application = Application(settings, access, make_parts)
        try:
            print(f"vos app: open {access.address}", flush=True)
            if access.listens_on_all:
                print("from other machines, with this one's name for 127.0.0.1", flush=True)
            if open_browser:
                Thread(target=_show, args=(access.launch_address(),), daemon=True).start()
            for source in application.table.rows()[:1]:
                Thread(target=_prepare, args=(source.opened,), daemon=True).start()
            _Server(_config(application), application).run(sockets=[listening])
        finally:
            application.close()


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application.asgi,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,  # addresses hold the token
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(f"--host {host}: {error}; expected an address of this machine") from None
    try:
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        listening.close()
        raise InputError(
            f"{host}:{port} cannot be listened on ({error.strerror}); give another --port, or none"
        ) from None
    return listening


def _show(address: str) -> None:
    with suppress(webbrowser.Error, OSError):  # the address is printed as well
        webbrowser.open(address)


def _prepare(opened: Callable[[], object]) -> None:
    with suppress(Exception):  # the page asks again and gets the reason
        opened()
