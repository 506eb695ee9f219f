import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import serial

from metabit.golden.config import Config
from metabit.golden.network import Network
from metabit.hdl.shape import SHAPES
from metabit.host.driver import Driver
from metabit.host.errors import DeviceTimeoutError, PortError
from metabit.host.transport import SerialTransport
from tests.host.model_device import ModelDevice

SHAPE = SHAPES["small"]
CONFIG = Config(inputs=70, hidden=(9,), classes=5, group=5, counter_bits=4, tile=3)


class Line:
    """A pseudo-terminal with a function at its far end."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        self.port = os.ttyname(self._near)
        self.answer: Callable[[bytes], bytes] = lambda raw: b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                raw = os.read(self.far, 4096)
            except OSError:
                return
            if raw == b"\x04":
                return
            if reply := self.answer(raw):
                os.write(self.far, reply)

    def close(self) -> None:
        os.write(self._near, b"\x04")
        self._thread.join(5)
        os.close(self.far)
        os.close(self._near)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def test_frames_pass_and_stale_ones_are_forgotten(line: Line) -> None:
    line.answer = lambda raw: b"\0\0" + raw[::-1].strip(b"\0") + b"\0more\0"
    with closing(SerialTransport(line.port, timeout=2.0)) as transport:
        transport.send(b"abc\0")
        assert transport.receive() == b"cba"
        assert transport.receive() == b"more"
        transport.send(b"stale\0")
        time.sleep(0.1)
        transport.discard()
        transport.send(b"xyz\0")
        assert transport.receive() == b"zyx"


def test_a_model_behind_a_port(line: Line) -> None:
    device = ModelDevice(SHAPE, CONFIG)
    buffer = b""

    def answer(raw: bytes) -> bytes:
        nonlocal buffer
        *frames, buffer = (buffer + raw).split(b"\0")
        for encoded in frames:
            device.send(encoded + b"\0")
        replies = b"".join(reply + b"\0" for reply in device._replies)
        device._replies.clear()
        return replies

    line.answer = answer
    network = Network(CONFIG)
    samples = np.random.default_rng(1).random((100, CONFIG.inputs)) < 0.5
    with Driver(SerialTransport(line.port, timeout=2.0), SHAPE) as driver:
        driver.load(network)
        assert driver.generator_state == network.generator.state
        np.testing.assert_array_equal(driver.predict(samples), network.predict(samples))


def test_silence_and_half_a_frame_are_time_outs(line: Line) -> None:
    with closing(SerialTransport(line.port, 115_200, timeout=0.1)) as transport:
        with pytest.raises(DeviceTimeoutError, match=rf"^no answer from {line.port} in 0.1 s$"):
            transport.receive()
        line.answer = lambda raw: b"half"
        transport.send(b"abc\0")
        with pytest.raises(DeviceTimeoutError):
            transport.receive()
        assert "115200 baud" in transport.advice


def test_ports_that_cannot_be_opened(line: Line) -> None:
    with pytest.raises(PortError, match=r"^cannot open /dev/ttyNONE: it does not exist; is the bo"):
        SerialTransport("/dev/ttyNONE")
    with (
        closing(SerialTransport(line.port)),
        pytest.raises(PortError, match="another program uses it"),
    ):
        SerialTransport(line.port)


def test_a_rate_that_cannot_be_had_is_told_from_other_trouble(monkeypatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise ValueError("Failed to set custom baud rate (123456): [Errno 22] Invalid argument")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(PortError) as error:
        SerialTransport("/dev/ttyUSB1", 123_456)
    assert str(error.value) == (
        "cannot open /dev/ttyUSB1: it cannot be set to 123456 baud; the nearest usual rates are "
        "115200 and 230400, and bitstreams are built for 1000000"
    )


def test_a_port_that_goes_away(line: Line) -> None:
    transport = SerialTransport(line.port, timeout=0.2)
    transport.close()
    with pytest.raises(PortError, match=rf"^{line.port} failed: "):
        transport.send(b"abc\0")
    with pytest.raises(PortError, match=r" failed: "):
        transport.receive()
    transport.close()
