"""The page as a web application: what it shows, what it is told, and what it may order.

A client is sent the newest look whenever it is ready for one, never a queue of older ones: one that
is slow misses looks, and holds up nobody.
"""

import asyncio
import io
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp

from .. import __version__
from ..report.figures import grey_of
from ..report.looks import Look
from .gate import Gate, Guard
from .report import SessionReport
from .session import Session, State, Unit

POLL = 0.1
"""Seconds after which it is seen whether there is anything new to be sent."""

_ALIVE = 15.0
"""Seconds without news after which a sign of life is sent."""

VERSION = "metabit-epochs"
"""Header that says what sections are of: ``epochs_known`` of the look that they belong to."""

_FILES = {
    "watch.js": "text/javascript",
    "charts.js": "text/javascript",
    "watch.css": "text/css",
    "style.css": "text/css",
}

_KEEP = {"cache-control": "max-age=3600"}
_NEVER = {"cache-control": "no-store"}


class Page:
    """What is watched, and answers to requests for it.

    Parameters
    ----------
    sessions : sequence of Session
        All trainings, in the order in which they are shown.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = list(sessions)
        self.reports = [SessionReport(session) for session in sessions]
        self.clients = 0
        self.closing = False

    def app(self, gate: Gate) -> ASGIApp:
        """Return the application, behind its gate."""
        run = "/runs/{run:int}"
        routes = [
            Route("/", self.page),
            Route("/static/{name}", self.file),
            Route("/state", self.state),
            Route("/events", self.events),
            Route(f"{run}/sections", self.sections),
            Route(f"{run}/fields/{{layer:int}}", self.fields),
            Route(f"{run}/fields/{{layer:int}}.png", self.sheet),
            Route(f"{run}/samples/{{part}}/{{number:int}}.png", self.sample),
            Route(f"{run}/report.html", self.export),
            Route(f"{run}/checkpoint.npz", self.checkpoint),
            Route(f"{run}/{{order}}", self.order, methods=["POST"]),
        ]
        return Guard(Starlette(routes=routes), gate)

    # The page and its files

    async def page(self, request: Request) -> Response:
        """Return the page, which asks for all else itself."""
        return HTMLResponse(_text("watch.html"), headers=_NEVER)

    async def file(self, request: Request) -> Response:
        """Return a file of the page."""
        name = request.path_params["name"]
        if name not in _FILES:
            raise HTTPException(404, f"there is no file {name}")
        return Response(_text(name), media_type=_FILES[name], headers=_NEVER)

    # What there is to see

    def known(self, since: dict[int, tuple[int, int]] | None = None) -> dict[str, Any]:
        """Return all that is known of all trainings.

        Parameters
        ----------
        since : dict, optional
            Numbers of the first points, and of the first epochs, that are wanted of each.
        """
        return {
            "version": __version__,
            "runs": [self._introduce(number) for number in range(len(self.sessions))],
            "now": [self._news(number, *(since or {}).get(number, (0, 0))) for number in self._all],
        }

    @property
    def _all(self) -> range:
        return range(len(self.sessions))

    def _introduce(self, number: int) -> dict[str, Any]:
        """Return what does not change of a training."""
        session = self.sessions[number]
        run = session.source.run
        config, data = run.network.config, run.data
        return {
            "name": session.name,
            "place": session.source.place,
            "network": "-".join(map(str, (config.inputs, *config.hidden, config.classes))),
            "encoder": config.encoder,
            "dataset": data.dataset,
            "split": data.split.name,
            "classes": session.names,
            "layers": config.layers,
            "tile": run.schedule.config.tile,
            "views": data.views,
            "test_samples": len(data.test),
            "out": None if session.out is None else str(session.out),
        }

    def _news(self, number: int, points: int, epochs: int) -> dict[str, Any]:
        """Return what has been seen of a training, of its points only the newer ones."""
        session = self.sessions[number]
        return {
            "run": number,
            "seen": session.seen.facts,
            "points": session.points.since(points),
            "after": session.epochs.since(epochs),
        }

    async def state(self, request: Request) -> Response:
        """Return all that is known, for programs."""
        return JSONResponse(self.known(), headers=_NEVER)

    async def events(self, request: Request) -> Response:
        """Send all that is known, and then what is new, as server-sent events."""
        return StreamingResponse(
            self._events(), media_type="text/event-stream", headers={"cache-control": "no-cache"}
        )

    async def _events(self) -> AsyncIterator[str]:
        known = self.known()
        sent = [(news["seen"]["version"], *_next(news)) for news in known["now"]]
        self.clients += 1
        try:
            yield f"event: all\ndata: {json.dumps(known)}\n\n"
            quiet = 0.0
            while not self.closing:
                for number, session in enumerate(self.sessions):
                    version, points, epochs = sent[number]
                    if session.seen.version == version:
                        continue
                    news = self._news(number, points, epochs)
                    more = _next(news)
                    sent[number] = (
                        news["seen"]["version"],
                        max(points, more[0]),
                        max(epochs, more[1]),
                    )
                    quiet = 0.0
                    yield f"event: news\ndata: {json.dumps(news)}\n\n"
                await asyncio.sleep(POLL)
                quiet += POLL
                if quiet >= _ALIVE:
                    quiet = 0.0
                    yield ": still here\n\n"
        finally:
            self.clients -= 1

    async def sections(self, request: Request) -> Response:
        """Return the sections of the report, as HTML for the page."""
        text, version = await run_in_threadpool(self._report(request).sections)
        return HTMLResponse(text, headers={VERSION: str(version), **_NEVER})

    async def fields(self, request: Request) -> Response:
        """Return what neurons look for, in words; the picture is a request of its own."""
        look = await self._look(request)
        return JSONResponse(
            {
                "layer": look.layer,
                "neurons": look.neurons,
                "first": look.first,
                "titles": look.titles,
                "maps": look.maps,
                "width": look.sheet.width,
                "height": look.sheet.height,
            },
            headers=_NEVER,
        )

    async def sheet(self, request: Request) -> Response:
        """Return the picture of what neurons look for."""
        look = await self._look(request)
        return Response(look.sheet.png, media_type="image/png", headers=_NEVER)

    async def _look(self, request: Request) -> Look:
        try:
            first = int(request.query_params.get("first", "0"))
        except ValueError as error:
            raise HTTPException(400, "first must be the number of a neuron") from error
        layer = request.path_params["layer"]
        try:
            return await run_in_threadpool(self._report(request).look, layer, first)
        except IndexError as error:
            raise HTTPException(404, f"there is no layer {layer}") from error

    async def sample(self, request: Request) -> Response:
        """Return the picture of a sample."""
        part, number = request.path_params["part"], request.path_params["number"]
        if part not in ("train", "test"):
            raise HTTPException(404, f"samples are train or test, not {part}")
        try:
            grey = grey_of(self._report(request).image(part, number))
        except IndexError as error:
            raise HTTPException(404, str(error)) from error
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, "PNG")
        return Response(buffer.getvalue(), media_type="image/png", headers=_KEEP)

    async def export(self, request: Request) -> Response:
        """Return the report as a file."""
        page = await run_in_threadpool(self._report(request).page)
        return HTMLResponse(page, headers=_as_file("report.html"))

    async def checkpoint(self, request: Request) -> Response:
        """Return the last checkpoint as a file."""
        session = self._session(request)
        if session.saved is None:
            raise HTTPException(404, "there is no checkpoint yet; save one first")
        config = session.source.run.network.config
        content = await run_in_threadpool(_bytes_of, session)
        headers = _as_file(f"{config.name}-{config.seed}.npz")
        return Response(content, media_type="application/octet-stream", headers=headers)

    # Orders

    async def order(self, request: Request) -> Response:
        """Do what is ordered, or say why that is not possible."""
        session, order = self._session(request), request.path_params["order"]
        orders: dict[str, Callable[[], None]] = {
            "pause": session.pause,
            "resume": session.resume,
            "save": session.save,
            "stop": session.stop,
            **{f"step-{unit}": partial(session.step, unit) for unit in Unit},
        }
        if order not in orders:
            known = ", ".join(orders)
            return PlainTextResponse(f"order must be one of {known}, not {order}\n", 404)
        if session.state.over:
            return PlainTextResponse(f"{session.name} is over: {session.state}\n", 409)
        orders[order]()
        return JSONResponse({"ordered": order, "state": session.state}, 202, headers=_NEVER)

    def _session(self, request: Request) -> Session:
        return self.sessions[self._number(request)]

    def _report(self, request: Request) -> SessionReport:
        return self.reports[self._number(request)]

    def _number(self, request: Request) -> int:
        number = int(request.path_params["run"])
        if number >= len(self.sessions):
            raise HTTPException(404, f"there is no run {number}")
        return number


def finished(sessions: Sequence[Session]) -> bool:
    """Return whether all trainings are over."""
    return all(session.state.over for session in sessions)


def failed(sessions: Sequence[Session]) -> list[Session]:
    """Return the trainings that have failed."""
    return [session for session in sessions if session.state is State.FAILED]


def _next(news: dict[str, Any]) -> tuple[int, int]:
    """Return the numbers of the points and epochs behind those that news have."""
    points, epochs = news["points"], news["after"]
    return (points[-1]["n"] + 1 if points else 0, epochs[-1]["n"] + 1 if epochs else 0)


def _text(name: str) -> str:
    folder = "templates" if name == "style.css" else "watch/page"
    return resources.files("metabit").joinpath(folder, name).read_text(encoding="utf-8")


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', **_NEVER}


def _bytes_of(session: Session) -> bytes:
    """Return the last checkpoint of a session as the content of a file."""
    assert session.saved is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.npz"
        session.saved.save(file)
        return file.read_bytes()
