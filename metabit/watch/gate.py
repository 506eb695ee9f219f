"""Who may see the page and give orders: whoever is on this machine, or knows the token."""

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PARAMETER = "token"
"""What the token is called in an address."""

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Gate:
    """What a request must have to be let in.

    Attributes
    ----------
    token : str or None
        None: none is needed.
    names : frozenset of str or None
        Names by which the page may be called, so that another site whose name leads here gets
        nothing; None: any.
    cookie : str
        Name of the cookie that keeps the token, different for each port.
    """

    token: str | None
    names: frozenset[str] | None
    cookie: str

    @classmethod
    def of(cls, host: str, port: int, token: str | None = None) -> "Gate":
        """Return the gate of a page.

        Parameters
        ----------
        host : str
            Address that it listens on.
        port : int
            Port.
        token : str, optional
            Needed if the address can be reached from elsewhere; None: a new one.
        """
        cookie = f"metabit-watch-{port}"
        if is_loopback(host):
            return cls(None, frozenset({"localhost", "127.0.0.1", "::1", host}), cookie)
        return cls(token or new_token(), None, cookie)

    def knows(self, *given: str | None) -> bool:
        """Return whether one of some texts is the token; takes as long whatever they are."""
        if self.token is None:
            return True
        right = self.token.encode()
        found = [secrets.compare_digest((text or "").encode(), right) for text in given]
        return any(found)

    def called_rightly(self, host: str) -> bool:
        """Return whether a request is for a name of the page."""
        return self.names is None or (urlsplit(f"//{host}").hostname or "") in self.names


class Guard:
    """Lets those requests through that a gate lets in; others get no answer but why.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    gate : Gate
        What is asked for.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        refusal = self._judge(scope, Headers(scope=scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _judge(self, scope: Scope, headers: Headers) -> Response | None:
        """Return why a request is not answered, or None."""
        gate, host = self._gate, headers.get("host", "")
        try:
            right = gate.called_rightly(host)
        except ValueError:
            right = False
        if not right:
            return PlainTextResponse(f"this page is not called {host}\n", 400)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get(PARAMETER, [None])[0]
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if not gate.knows(asked, bearer, _cookie(headers.getlist("cookie"), gate.cookie)):
            return PlainTextResponse(
                "this page needs its token: open the address that metabit watch has printed\n", 401
            )
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != host:
                return PlainTextResponse(f"no orders are taken from {origin}\n", 403)
        elif gate.token is not None and scope["path"] == "/" and gate.knows(asked):
            # Once it is known, it need not stand in the address, from where it gets copied.
            answer = RedirectResponse(scope["path"], 303)
            answer.set_cookie(gate.cookie, gate.token, httponly=True, samesite="strict")
            return answer
        return None


_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


def _cookie(lines: Iterable[str], name: str) -> str | None:
    for line in lines:
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return None
