"""A web server in a thread beside the trainings."""

import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from ..errors import MetabitError
from .gate import PARAMETER, Gate
from .server import Page

_EVERYWHERE = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}
_PATIENCE = 10.0
"""Seconds in which the server must be there."""


class Serving:
    """Serves a page, within a ``with`` statement.

    Parameters
    ----------
    page : Page
        What is served.
    host : str
        Address to listen on.
    port : int
        0: one that is free.

    Attributes
    ----------
    gate : Gate
        Who is let in.
    port : int
        On which it listens.

    Raises
    ------
    MetabitError
        If the address is none of this machine, or the port is taken.
    """

    def __init__(self, page: Page, host: str, port: int) -> None:
        self._page = page
        self._host = host
        self._socket = _listen(host, port)
        self.port = int(self._socket.getsockname()[1])
        self.gate = Gate.of(host, self.port)
        app: ASGIApp = page.app(self.gate)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="metabit-watch", daemon=True
        )

    @property
    def address(self) -> str:
        """What to open, with the token if one is needed."""
        host = socket.gethostname() if self._host in _EVERYWHERE else self._host
        if ":" in host:
            host = f"[{host}]"
        address = f"http://{host}:{self.port}/"
        return address if self.gate.token is None else f"{address}?{PARAMETER}={self.gate.token}"

    def __enter__(self) -> "Serving":
        self._thread.start()
        end = time.monotonic() + _PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise MetabitError(f"the web server at port {self.port} has not started")
            time.sleep(0.01)
        return self

    def __exit__(self, *error: object) -> None:
        self._page.closing = True
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OverflowError as error:
        raise MetabitError(f"--web-port must be 0 to 65535, not {port}") from error
    except OSError as error:
        raise MetabitError(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another --web-port, "
            "0 for one that is free, and as --host an address of this machine"
        ) from error
