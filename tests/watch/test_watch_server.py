"""The page through HTTP: what it shows, what it is told, who is let in, and who holds up nobody."""

import io
import json
import re
import socket
import time

import numpy as np
import pytest
from PIL import Image

from metabit.errors import MetabitError
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.report.collect import collect
from metabit.report.render import report
from metabit.watch import gate as gate_module
from metabit.watch import server as server_module
from metabit.watch.gate import Gate, is_loopback
from metabit.watch.session import State
from tests.watch.watching import SAMPLES, SPAN, TILE, run_of, served, session_of, wait

PAGES = ("watch.js", "charts.js", "watch.css", "style.css")


def test_the_page_needs_nothing_from_elsewhere():
    with served(session_of()) as client:
        text = client.get("/").decode()
        files = {name: client.get(f"/static/{name}").decode() for name in PAGES}
        _, _, headers = client.ask("/")
        assert client.ask("/static/server.py")[0] == 404
        assert client.ask("/no")[0] == 404
    assert {"static/watch.js", "static/watch.css", "static/style.css"} <= set(
        re.findall(r'(?:src|href)="(static/[^"]+)"', text)
    )
    # A name space is no address that is asked for anything.
    for content in (text, *files.values()):
        assert re.findall(r"https?://[^\"' )]+", content) in ([], ["http://www.w3.org/2000/svg"])
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert '<html lang="en">' in text
    assert "viewport" in text


def test_every_variable_of_the_style_is_there_in_light_and_in_dark():
    with served(session_of()) as client:
        files = {name: client.get(f"/static/{name}").decode() for name in PAGES}
    for name in ("style.css", "watch.css"):
        light, _, dark = files[name].partition("prefers-color-scheme: dark")
        declared = set(re.findall(r"(--[a-z0-9-]+):", light.partition("}")[0]))
        assert declared == set(re.findall(r"(--[a-z0-9-]+):", dark.partition("}\n}")[0]))
    known = set(re.findall(r"(--[a-z0-9-]+):", files["style.css"] + files["watch.css"]))
    known |= set(re.findall(r'"(--[a-z0-9-]+)"', files["watch.js"]))
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", "".join(files.values())))
    assert used <= known


@pytest.mark.usefixtures("often")
def test_events_tell_all_at_first_and_then_what_is_new(start):
    session = session_of(run_of(epochs=4), paused=True)
    with served(session) as client, client.events() as events:
        name, known = next(events)
        assert name == "all"
        assert known["runs"][0]["network"] == "72-12-8-3"
        [now] = known["now"]
        start(session)
        session.resume()
        points, epochs, versions = list(now["points"]), list(now["after"]), [now["seen"]["version"]]
        for name, news in events:
            assert name == "news"
            assert news["run"] == 0
            points += news["points"]
            epochs += news["after"]
            versions.append(news["seen"]["version"])
            if news["seen"]["state"] == "finished":
                break
    assert points == session.points.since(0)
    assert epochs == session.epochs.since(0)
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4]
    assert versions == sorted(set(versions))
    assert versions[-1] == session.seen.version


def test_orders_are_taken(start, tmp_path):
    session = session_of(run_of(epochs=1000), paused=True)
    with served(session) as client:
        start(session)
        wait(lambda: session.state is State.PAUSED)
        client.order("step-tile")
        wait(lambda: client.json("/state")["now"][0]["seen"]["trained"] == TILE)
        client.order("step-span")
        wait(lambda: client.json("/state")["now"][0]["seen"]["trained"] == SPAN * TILE)
        assert client.ask("/runs/0/checkpoint.npz")[0] == 404
        client.order("save")
        wait(lambda: client.json("/state")["now"][0]["seen"]["saved"])
        (tmp_path / "run.npz").write_bytes(client.get("/runs/0/checkpoint.npz"))
        assert load_checkpoint(tmp_path / "run.npz").record.sample == SPAN * TILE
        client.order("resume")
        wait(lambda: session.state is State.RUNNING)
        client.order("pause")
        wait(lambda: session.state is State.PAUSED)
        trained = session.seen.facts["trained"]
        time.sleep(0.05)
        assert client.json("/state")["now"][0]["seen"]["trained"] == trained > SPAN * TILE
        client.order("stop")
        wait(lambda: session.state is State.STOPPED)
        status, content, _ = client.ask("/runs/0/resume", "POST")
        assert (status, content) == (409, b"small-custom, seed 3 is over: stopped\n")


def test_other_orders_are_refused():
    with served(session_of(paused=True)) as client:
        status, content, _ = client.ask("/runs/0/jump", "POST")
        assert status == 404
        assert b"order must be one of pause, resume, save, stop, step-tile" in content
        # An address alone, which any page may contain, gives no order.
        assert client.ask("/runs/0/pause")[0] == 405
        assert client.ask("/runs/1/pause", "POST")[0] == 404


def test_several_trainings_side_by_side(start):
    sessions = [session_of(run_of(seed=seed), paused=seed == 2) for seed in range(3)]
    with served(*sessions) as client, client.events() as events:
        for session in sessions:
            start(session)
        client.order("step-epoch", 2)
        ended = set()
        for name, content in events:
            for news in content["now"] if name == "all" else [content]:
                if news["seen"]["state"] == "finished":
                    ended.add(news["run"])
            if ended == {0, 1} and sessions[2].state is State.PAUSED:
                break
        known = client.json("/state")
    assert [run["name"] for run in known["runs"]] == [
        f"small-custom, seed {seed}" for seed in range(3)
    ]
    assert [news["seen"]["done"] for news in known["now"]] == [3, 3, 1]


def test_who_goes_away_is_forgotten_and_ends_nothing(start):
    session = session_of(run_of(epochs=2000))
    with served(session) as client:
        start(session)
        with client.events() as events:
            next(events)
            next(events)
            wait(lambda: client.page.clients == 1)
        wait(lambda: client.page.clients == 0)
        trained = session.seen.facts["trained"]
        wait(lambda: session.seen.facts["trained"] > trained)
        assert client.json("/state")["now"][0]["seen"]["state"] == "running"


@pytest.mark.usefixtures("often")
def test_who_is_slow_holds_up_neither_training_nor_others(start, monkeypatch):
    """A client that reads nothing, of events that would fill every buffer on the way to it."""
    monkeypatch.setattr(server_module, "POLL", 0.001)
    session, known = session_of(run_of(epochs=20), paused=True), 0
    session.source.place = 200_000 * "x"
    facts = session._looker.look

    def large(result, **options):
        look, point = facts(result, **options)
        return look.told(ballast=200_000 * "x"), point

    monkeypatch.setattr(session._looker, "look", large)
    with (
        served(session) as client,
        socket.create_connection(("127.0.0.1", client.serving.port)) as s,
    ):
        s.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait(lambda: client.page.clients == 1)
        thread = start(session)
        session.resume()
        with client.events() as events:
            for _, content in events:
                known += 1
                if content.get("seen", {}).get("state") == "finished":
                    break
        thread.join()
        looks = session.seen.version
        s.settimeout(5)
        received = b""
        while b'"state": "finished"' not in received[-500_000:]:
            received += s.recv(1 << 20)
    assert looks > 100
    # What was on its way when nobody read it, and then at once the newest.
    assert received.count(b"event: news") < looks / 2
    assert known <= looks + 1


def test_what_neurons_look_for_as_a_picture(start):
    run = run_of()
    session = session_of(run)
    with served(session) as client:
        start(session).join()
        about = client.json("/runs/0/fields/1?first=2")
        picture = Image.open(io.BytesIO(client.get("/runs/0/fields/1.png?first=2")))
        assert client.ask("/runs/0/fields/2")[0] == 404
        assert client.ask("/runs/0/fields/0?first=x")[0] == 400
    assert (about["layer"], about["neurons"], about["first"]) == (1, 8, 2)
    assert len(about["titles"]) == 6
    assert about["titles"][0].startswith("2 for ")
    assert picture.size == (about["width"], 6 * about["height"])
    assert len(about["maps"]) == 2


def test_samples_as_pictures():
    run = run_of()
    with served(session_of(run)) as client:
        found = np.asarray(Image.open(io.BytesIO(client.get("/runs/0/samples/train/5.png"))))
        assert client.ask(f"/runs/0/samples/train/{SAMPLES}.png")[0] == 404
        assert client.ask("/runs/0/samples/new/1.png")[0] == 404
    image = run.data.split.images[5].astype(float)
    expected = 255 * (1 - (image - image.min()) / np.ptp(image))
    np.testing.assert_array_equal(found, np.round(expected).astype(np.uint8))


def sections_of(html):
    """The sections of a page, by their headings."""
    found = {}
    for section in re.findall(r"<section>.*?</section>", html, re.S):
        heading = re.search(r"<h2>(.*?)</h2>", section)
        assert heading is not None
        found[heading[1]] = section
    return found


def test_the_page_is_a_report_and_its_export_is_what_metabit_report_makes(start, tmp_path):
    session = session_of(out=tmp_path / "run.npz")
    with served(session) as client:
        start(session).join()
        status, live, headers = client.ask("/runs/0/sections")
        exported = client.get("/runs/0/report.html").decode()
    assert status == 200
    assert headers["metabit-epochs"] == str(session.after.version)
    (tmp_path / "train.json").write_text(json.dumps(session.after.results))
    # The data are no file that could be read again: what is of the checkpoint is not looked for.
    (tmp_path / "run.npz").unlink()
    reported = sections_of(report(collect(tmp_path)))
    exported_sections = sections_of(exported)
    assert exported_sections["Learning curve"] == reported["Learning curve"]
    assert exported_sections["Configuration"] == reported["Configuration"]
    watched = sections_of(live.decode())
    assert list(watched) == [
        "Learning curve",
        "Predictions",
        "Hard samples",
        "What moved in each epoch",
        "What neurons look for",
        "Configuration",
    ]
    assert all(exported_sections[name] == section for name, section in watched.items())
    assert exported.startswith("<!doctype html>")


def test_the_report_is_not_drawn_all_the_time(start, monkeypatch):
    session = session_of(run_of(epochs=2), paused=True)
    with served(session) as client:
        start(session)
        session.step("epoch")
        wait(lambda: session.after.version == 1 and session.state is State.PAUSED)
        first = client.ask("/runs/0/sections")
        drawn = []
        monkeypatch.setattr("metabit.watch.report.sections", lambda _: drawn.append(1) or "new")
        assert client.ask("/runs/0/sections")[1] == first[1]
        session.resume()
        wait(lambda: session.state.over)
        assert client.get("/runs/0/sections") == b"new"
        assert client.get("/runs/0/sections") == b"new"
    assert drawn == [1]


# Who is let in


def test_on_this_machine_there_is_no_token_but_a_name():
    """A page of another site whose name leads here is told nothing, and gives no orders."""
    with served(session_of(paused=True)) as client:
        port = client.serving.port
        assert client.serving.address == f"http://127.0.0.1:{port}/"
        assert client.ask("/state", Host=f"localhost:{port}")[0] == 200
        for name in (f"evil.example:{port}", "127.0.0.1.evil.example", "[", ""):
            assert client.ask("/state", Host=name)[0] == 400
        own = f"http://127.0.0.1:{port}"
        assert client.ask("/runs/0/pause", "POST", Origin=own)[0] == 202
        for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
            status, content, _ = client.ask("/runs/0/pause", "POST", Origin=origin)
            assert (status, content) == (403, f"no orders are taken from {origin}\n".encode())


def test_from_elsewhere_a_token_is_needed():
    session = session_of(paused=True)
    with served(session, host="0.0.0.0") as client:
        token = client.serving.gate.token
        assert len(token) >= 32
        address = f":{client.serving.port}/?token={token}"
        assert client.serving.address == f"http://{socket.gethostname()}{address}"
        everything = ("/", "/state", "/events", "/static/watch.js", "/runs/0/report.html")
        for path in everything:
            for asked in (path, f"{path}?token=", f"{path}?token={token[:-1]}"):
                status, content, _ = client.ask(asked)
                assert status == 401
                assert b"needs its token" in content
                assert token.encode() not in content
        assert client.ask("/runs/0/stop", "POST", Cookie=f"metabit-watch-1={token}")[0] == 401
        assert client.ask("/state", Cookie="metabit-watch=\x01; =;")[0] == 401
        assert not session._stop
        # It is taken out of the address, and kept where scripts cannot read it.
        status, _, headers = client.ask(f"/?token={token}")
        assert (status, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        own = cookie.partition(";")[0]
        assert client.ask("/", Cookie=own)[0] == 200
        assert client.ask("/state", Cookie=f"other=1; {own}")[0] == 200
        assert client.ask("/state", Authorization=f"Bearer {token}")[0] == 200
        assert client.ask(f"/state?token={token}")[0] == 200
        assert client.ask("/runs/0/pause", "POST", Cookie=own, Host="a.example")[0] == 202
        assert (
            client.ask("/runs/0/pause", "POST", Cookie=own, Origin="http://evil.example")[0] == 403
        )


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(gate_module.secrets, "compare_digest", compare)
    gate = Gate.of("192.0.2.7", 80, "right")
    assert gate.knows(None, "wrong", "right")
    assert not gate.knows(None, "ríght")
    assert [b for _, b in compared] == 5 * [b"right"]
    assert Gate.of("192.0.2.7", 80).token != Gate.of("192.0.2.7", 80).token


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((name, True) for name in ("127.0.0.1", "127.8.9.1", "::1", "localhost")),
        *((name, False) for name in ("0.0.0.0", "::", "192.168.1.3", "example.org", "localhost.a")),
    ],
)
def test_what_is_this_machine_alone(host, loopback):
    assert is_loopback(host) == loopback
    assert (Gate.of(host, 1).token is None) == loopback


def test_a_port_that_is_taken_and_an_address_of_others():
    with (
        served(session_of()) as client,
        pytest.raises(
            MetabitError, match=f"cannot listen on 127.0.0.1, port {client.serving.port}"
        ),
    ):
        server_and_port(client.serving.port)
    with pytest.raises(MetabitError, match=r"cannot listen on 192\.0\.2\.1"):
        server_and_port(0, "192.0.2.1")


def server_and_port(port, host="127.0.0.1"):
    from metabit.watch.serving import Serving

    return Serving(server_module.Page([]), host, port)
