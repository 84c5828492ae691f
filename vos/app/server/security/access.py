"""Which addresses the server answers to, the token in its address, and the cookie it becomes."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from threading import Lock

_TOKEN_BYTES = 32
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})
_HTTP_PORT = 80


class Access:
    """The secrets of one server and the names it goes by.

    Three secrets: the token in the printed address; a code that opens the page once, for the
    browser that is started here, as command lines can be seen by other users of the machine; and
    the cookie's value. None is stored on the disk.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.cookie_name = f"vos-app-{port}"
        self._cookie = secrets.token_urlsafe(_TOKEN_BYTES)
        self._launch_code: str | None = None
        self._lock = Lock()
        self._hosts = frozenset(
            authority for name in _names(host) for authority in _authorities(name, port)
        )

    @property
    def listens_on_all(self) -> bool:
        """Whether the server listens on all addresses of this machine."""
        return self.host in _WILDCARDS

    @property
    def address(self) -> str:
        """The page's address with the token, as it is printed."""
        return f"{self._origin()}/?token={self.token}"

    def launch_address(self) -> str:
        """Return an address that opens the page once."""
        with self._lock:
            self._launch_code = secrets.token_urlsafe(_TOKEN_BYTES)
            return f"{self._origin()}/?token={self._launch_code}"

    def set_cookie(self) -> str:
        """Return the value of the Set-Cookie header that lets a browser in."""
        return f"{self.cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"

    def accepts_token(self, given: str) -> bool:
        """Say whether a token is the server's, in a time that does not depend on it."""
        data = given.encode("utf-8", "surrogatepass")
        is_token = secrets.compare_digest(data, self.token.encode())
        with self._lock:
            code = self._launch_code
            is_code = code is not None and secrets.compare_digest(data, code.encode())
            if is_code:
                self._launch_code = None
        return is_token or is_code

    def accepts_cookies(self, header: str) -> bool:
        """Say whether the Cookie header holds the server's own cookie."""
        cookies = SimpleCookie()
        with suppress(CookieError):
            cookies.load(header)
        value = cookies[self.cookie_name].value if self.cookie_name in cookies else ""
        return secrets.compare_digest(value.encode("utf-8", "surrogatepass"), self._cookie.encode())

    def accepts_host(self, host: str, own_address: str | None) -> bool:
        """Say whether a Host header names this server.

        Args:
            host: the header's value.
            own_address: the address of this machine that the connection came to. It counts where
                the server listens on all of them: a page that gives another name to this machine
                (DNS rebinding) sends that name, never the address.
        """
        host = host.lower()
        if host in self._hosts:
            return True
        if not self.listens_on_all or own_address is None:
            return False
        own = own_address.lower().removeprefix("::ffff:")  # how a socket of both kinds writes it
        return host in _authorities(own, self.port)

    def _origin(self) -> str:
        name = "127.0.0.1" if self.host in _WILDCARDS else self.host
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"


def _names(host: str) -> set[str]:
    names = {"127.0.0.1", "localhost", "::1"}
    if host not in _WILDCARDS:
        return names | {host.lower()}
    with suppress(OSError):
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return names


def _authorities(name: str, port: int) -> set[str]:
    written = f"[{name}]" if ":" in name else name
    return {f"{written}:{port}"} | ({written} if port == _HTTP_PORT else set())
