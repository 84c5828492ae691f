"""Whether the hub of timm's weights can be reached, found out within seconds.

The hub's own client tries again for more than a minute where there is no network.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PATIENCE = 3.0  # seconds for the name and the connection together


def hub_address() -> str:
    """Return the hub's address, `HF_ENDPOINT` where it is set."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


@contextmanager
def offline_if_unreachable() -> Iterator[bool]:
    """Let the hub's client use its cache alone while the hub cannot be reached.

    Yields:
        Whether the hub can be reached; False too where `HF_HUB_OFFLINE` is set.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    reachable = not before and can_connect(hub_address())
    constants.HF_HUB_OFFLINE = not reachable
    try:
        yield reachable
    finally:
        constants.HF_HUB_OFFLINE = before


def can_connect(address: str, patience: float = _PATIENCE) -> bool:
    """Whether a connection to an address, or to the proxy for it, opens in time.

    Args:
        address: of a web server, with its scheme.
        patience: seconds, in which the name is looked up too.
    """
    target = urlsplit(address)
    proxies = getproxies()
    proxy = proxies.get(target.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(target.hostname or ""):
        target = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    port = target.port or (80 if target.scheme == "http" else 443)
    opened = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((target.hostname or "", port), patience):
                opened.set()
        except OSError:
            pass

    attempt = threading.Thread(target=connect, daemon=True)  # a look-up has no time limit
    attempt.start()
    attempt.join(patience)
    return opened.is_set()
