"""Whether the link carries every byte, refuses what is wrong, and does nothing twice."""

import statistics
import time
from collections.abc import Iterator

from cobs import cobs

from ..hdl.bundles import Space
from ..hdl.link.protocol import (
    MAX_READ,
    MAX_REQUEST,
    MAX_WORDS,
    WORD_BYTES,
    Operation,
    Status,
    limit,
)
from ..host.packets import DELIMITER, Request, crc, encode_request, frame
from ..planning.plan import LINK_BITS
from .bench import Bench
from .line import Line
from .outcome import FaultError

_CHUNK = 8 * WORD_BYTES
"""Bytes of the words that carry every value of a byte, a few at a time."""

_DAMAGED = {Status.BAD_CRC, Status.BAD_FRAME}

_ROUND_TRIPS = 20


def _write(data: bytes, address: int = 0) -> Request:
    words = len(data) // WORD_BYTES
    return Request(Operation.WRITE, words, Space.COUNTERS, address=address, data=data)


def _read(words: int, address: int = 0) -> Request:
    return Request(Operation.READ, words, Space.COUNTERS, address=address)


def every_byte(bench: Bench) -> str:
    """Have every value of a byte carried there and back, beside zeros and without."""
    line = bench.reset_line()
    values = bytes(range(256))
    texts = [values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK)]
    texts += [bytes(MAX_READ * WORD_BYTES), b"\xff" * MAX_READ * WORD_BYTES]
    texts += [bytes([0, 255]) * (MAX_READ * WORD_BYTES // 2)]
    for text in texts:
        line.ask(_write(text))
        found = line.ask(_read(len(text) // WORD_BYTES))
        if found != text:
            place = next(n for n, (a, b) in enumerate(zip(found, text, strict=True)) if a != b)
            raise FaultError(
                f"byte {place} of {len(text)} was sent as {text[place]:#04x} and came back as "
                f"{found[place]:#04x}"
            )
    return f"all 256 values, in {len(texts)} frames each way"


def damaged_frames(bench: Bench) -> str:
    """Damage a request in every byte, cut it anywhere, and see that none is executed."""
    line = bench.reset_line()
    text = bytes(range(16, 16 + 2 * WORD_BYTES))
    line.ask(_write(text))
    sound = encode_request(line.next_sequence(), _write(bytes(len(text))))[:-1]
    tried = 0
    for what, spoilt in _spoilt(sound):
        line.expect_complaint(spoilt + DELIMITER, _DAMAGED, what)
        tried += 1
    _expect(line, text, "after damaged frames")
    return f"{tried} damaged frames refused, and nothing written"


def _spoilt(sound: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield frames of which no receiver can take one for sound, and what is wrong with each."""
    for place, byte in enumerate(sound):
        for mask in (1, 0x80):
            spoilt = bytes([*sound[:place], byte ^ mask, *sound[place + 1 :]])
            if DELIMITER not in spoilt and not _is_sound(spoilt):
                yield f"a request with bit {mask.bit_length() - 1} of byte {place} flipped", spoilt
    for length in range(1, len(sound)):
        if not _is_sound(sound[:length]):
            yield f"a request that ends after {length} of {len(sound)} bytes", sound[:length]
    body = bytes([1, Operation.WRITE.value, *bytes(MAX_REQUEST)])
    yield "a request that is too long", frame(body).removesuffix(DELIMITER)


def _is_sound(encoded: bytes) -> bool:
    try:
        body = cobs.decode(encoded)
    except cobs.DecodeError:
        return False
    return crc(body[:-2]) == body[-2:]


def _expect(line: Line, text: bytes, when: str) -> None:
    """Compare the first words of the counters."""
    found = line.ask(_read(len(text) // WORD_BYTES))
    if found != text:
        raise FaultError(f"{when} the memory holds {found.hex()} instead of {text.hex()}")


def refusals(bench: Bench) -> str:
    """Ask for what there is not, at the end of every space, and see that nothing changes."""
    line, shape = bench.reset_line(), bench.shape
    text = bytes(range(32, 32 + 2 * WORD_BYTES))
    line.ask(_write(text))
    wrong = [
        (_read(0), Status.BAD_RANGE, "of no word"),
        (_read(MAX_READ + 1), Status.BAD_RANGE, "of too many words"),
        (Request(Operation.READ, 1, len(Space)), Status.BAD_RANGE, "of a space that is not there"),  # type: ignore[arg-type]
        (Request(Operation.WRITE, 2, Space.COUNTERS, data=text[:8]), Status.BAD_LENGTH, "cut"),
        (Request(Operation.WRITE, 1, Space.COUNTERS, data=text[:7]), Status.BAD_LENGTH, "cut"),
        (Request(Operation.RUN), Status.BAD_LENGTH, "without its word"),
        (Request(Operation.READ, 1, Space.COUNTERS, element=255), Status.BAD_RANGE, "far out"),
    ]
    for space in Space:  # type: ignore[attr-defined]
        end = limit(space, shape)
        if not end:
            continue  # the device has no such space
        parts = shape.parts if space is Space.COUNTERS else 1
        last = Request(Operation.READ, parts + 1, space, address=end - 1)
        wrong.append((last, Status.BAD_RANGE, f"beyond the end of {space.name}"))
    for request, status, why in wrong:
        line.expect_refusal(request, status, why)
    for number in (0, 99):
        body = bytes([line.next_sequence(), number, *bytes(6)])
        reply = line.send(frame(body), f"operation {number}")
        if reply.status is not Status.UNKNOWN_OPERATION:
            raise FaultError(f"operation {number} was answered with {reply.status.name}")
    _expect(line, text, "after refused requests")
    return f"{len(wrong) + 2} impossible requests refused, and nothing changed"


def repeats(bench: Bench) -> str:
    """Repeat requests that were answered: the kept reply comes, and nothing is done again."""
    line = bench.reset_line()
    old, new = b"\x55" * WORD_BYTES, b"\xaa" * WORD_BYTES
    rounds = 2 * MAX_WORDS
    for _ in range(rounds):
        write, read, again = (line.next_sequence() for _ in range(3))
        line.exchange(write, _write(old))
        before = line.exchange(read, _read(1))
        line.exchange(again, _write(new))
        if line.exchange(write, _write(old)).status is not Status.OK:
            raise FaultError(f"WRITE {write} was answered with OK first, and refused when repeated")
        _expect(line, new, f"WRITE {write} was executed again when it was repeated:")
        if line.exchange(read, _read(1)) != before:
            raise FaultError(f"READ {read} was executed again when it was repeated")
    return f"{2 * rounds} repeated requests answered as the first time, none executed again"


def rate(bench: Bench) -> str:
    """Measure how fast requests are answered; what the line spoils is for another check."""
    line = bench.reset_line()
    trips = []
    for _ in range(_ROUND_TRIPS):
        start = time.perf_counter()
        line.ask(Request(Operation.IDENTIFY))
        trips.append(time.perf_counter() - start)
    with bench.driver() as driver:
        words = bench.random().integers(0, 1 << 63, 64 * MAX_WORDS).astype("u8")
        words = words[: bench.shape.depth * bench.shape.parts]
        sent, start = driver.link.sent_bytes, time.perf_counter()
        driver.write_space(Space.COUNTERS, words)
        speed = (driver.link.sent_bytes - sent) / (time.perf_counter() - start)
    found = f"{speed / 1000:,.1f} kB/s"
    if bench.baud is not None:
        found += f" of {bench.baud / LINK_BITS / 1000:,.1f}"
    return f"{found}, an answer after {1000 * statistics.median(trips):.2f} ms"


def errors(bench: Bench) -> str:
    """Look at what has been repaired on the way: a sound line needs none of it."""
    counts = bench.counts
    if counts.errors:
        raise FaultError(
            f"of {counts.sent:,} frames, {counts.damaged:,} were damaged, {counts.silent:,} were "
            f"not answered in time, {counts.overtaken:,} were lost; {counts.resent:,} were sent "
            "again. Check cable and supply, and try a lower --baud"
        )
    return f"{counts.sent:,} frames, {counts.sent_bytes:,} bytes: none damaged, lost or repeated"
