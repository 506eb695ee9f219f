"""Requests to a device: sent, repeated if need be, executed once."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import MetabitError
from ..hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_PREDICTIONS,
    PROGRESS_BYTES,
    READ_WINDOW,
    UNSOLICITED,
    VERSION,
    WINDOW,
    WORD_BYTES,
    Operation,
    Status,
)
from ..hdl.shape import DIGEST_BYTES, Shape
from .errors import (
    DamagedReplyError,
    DeviceError,
    DeviceMismatchError,
    DeviceTimeoutError,
    LoopbackError,
    OvertakenError,
    RequestRefusedError,
)
from .packets import DELIMITER, Reply, Request, decode_reply, encode_request
from .transport import Transport

TRIES = 3
"""Times that a request is sent before it is given up."""

_MAX_STALE = 16
"""Late replies to earlier requests that are passed over in one exchange."""

_DAMAGED = (Status.BAD_CRC, Status.BAD_FRAME, Status.BAD_LENGTH)
"""Refusals of what was never sent: requests are whole when they leave."""

_ALONE = (Operation.IDENTIFY, Operation.RESET)
"""Requests before which the device may hold anything, even another request that waits."""

_Sent = tuple[int, Request]


@dataclass
class LinkCounts:
    """What has happened on the line.

    Attributes
    ----------
    answered : int
        Requests that were answered.
    sent, sent_bytes : int
        Frames of requests, repeated ones among them, and their bytes.
    resent : int
        Frames that were sent again: those that failed, and those that were under way behind them.
    damaged : int
        Answers that were damaged, or said that the request was.
    silent : int
        Times that no answer came in time.
    overtaken : int
        Times that a later request was answered first: the one before, or its answer, was lost.
    """

    answered: int = 0
    sent: int = 0
    sent_bytes: int = 0
    resent: int = 0
    damaged: int = 0
    silent: int = 0
    overtaken: int = 0

    @property
    def errors(self) -> int:
        """Failures of the line that were noticed, all of which were repaired or reported."""
        return self.damaged + self.silent + self.overtaken


class Requester:
    """The host's end of the protocol.

    Parameters
    ----------
    transport : Transport
        Way to the device.
    window : int
        Requests that may be under way in :meth:`stream`, 1 to
        :data:`~metabit.hdl.link.protocol.WINDOW`.

    Attributes
    ----------
    repeated : int
        Requests that had to be sent again before they were answered.
    counts : LinkCounts

    Raises
    ------
    ValueError
        If the device has no room for such a window.
    """

    def __init__(self, transport: Transport, window: int = WINDOW) -> None:
        if not 1 <= window <= WINDOW:
            raise ValueError(f"window must be 1 to {WINDOW} requests, not {window}")
        self.transport = transport
        self.repeated = 0
        self.counts = LinkCounts()
        self._window = window
        self._sequence = 0

    @property
    def answered(self) -> int:
        """Requests that were answered."""
        return self.counts.answered

    def request(self, request: Request) -> bytes:
        """Have one request executed exactly once, and return its result.

        If no sound reply comes, the request is sent again with the same sequence number, so that
        a device that has executed it just repeats its reply.

        Raises
        ------
        DeviceTimeoutError
            If nothing was answered to any try.
        DeviceError
            If what was answered was damaged, or said that the request was.
        RequestRefusedError
            If the device will not do it.
        """
        return self._settle(self._numbered(request))

    def stream(self, requests: Iterable[Request]) -> Iterator[bytes]:
        """Have requests executed one after the other, and yield their results.

        The next ones are on their way while one is executed and its answer comes back, so that the
        line is never idle. A request is asked for only when it can be sent.

        The device may execute one although the one before it was lost, unless both are FEEDs. So
        none may be IDENTIFY, RESET, RUN or COLLECT, and what they do must not depend on the order.

        Raises
        ------
        DeviceError
            As :meth:`request`.
        """
        under_way: deque[_Sent] = deque()
        for request in requests:
            if not under_way:
                self.transport.discard()
            under_way.append(self._numbered(request))
            self._send(self._frame(under_way[-1]))
            reads = request.operation is Operation.READ
            if len(under_way) >= (min(READ_WINDOW, self._window) if reads else self._window):
                yield self._first(under_way)
        while under_way:
            yield self._first(under_way)

    def _first(self, under_way: deque[_Sent]) -> bytes:
        """Take the oldest request under way out, and return its result."""
        sent = under_way.popleft()
        later = frozenset(sequence for sequence, _ in under_way)
        try:
            return self._result(sent, self._receive(sent, later))
        except (DeviceTimeoutError, DamagedReplyError) as error:
            self._count(error)
        # What was sent behind it may have been lost, too, or refused: all of it is sent again.
        result = self._settle(sent, TRIES - 1)
        for number, behind in enumerate(under_way):
            if number == 0:
                self.transport.discard()
            self._send(self._frame(behind), again=True)
        return result

    def _send(self, frame: bytes, *, again: bool = False) -> None:
        self.counts.sent += 1
        self.counts.sent_bytes += len(frame)
        self.counts.resent += again
        self.transport.send(frame)

    def _count(self, error: MetabitError) -> None:
        """Count a failure of the line."""
        if isinstance(error, OvertakenError):
            self.counts.overtaken += 1
        elif isinstance(error, DamagedReplyError):
            self.counts.damaged += 1
        else:
            self.counts.silent += 1

    def _numbered(self, request: Request) -> _Sent:
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence, request

    def _frame(self, sent: _Sent) -> bytes:
        return encode_request(*sent)

    def _settle(self, sent: _Sent, tries: int = TRIES) -> bytes:
        """Send a request until it is answered, with nothing else under way."""
        frame = self._frame(sent)
        problem: str | None = None
        for attempt in range(TRIES - tries, TRIES):
            # A delimiter in front ends whatever the device holds of a broken frame; the second
            # makes it forget a request that waits, and the report about the broken frame.
            resynchronise = attempt or sent[1].operation in _ALONE
            self.transport.discard()
            try:
                front = 2 * DELIMITER if resynchronise else b""
                self._send(front + frame, again=bool(attempt))
                result = self._result(sent, self._receive(sent))
            except DeviceTimeoutError as error:
                self._count(error)
                continue
            except DamagedReplyError as error:
                self._count(error)
                problem = str(error)
                continue
            self.repeated += bool(attempt)
            return result
        raise self._given_up(problem)

    def _given_up(self, problem: str | None) -> DeviceError:
        """Return what to say when all tries have failed.

        Parameters
        ----------
        problem : str or None
            What was wrong with the last answer; None: none came to any try.
        """
        name, patience = self.transport.name, self.transport.patience
        if problem is not None:
            return DeviceError(
                f"no sound answer from {name} after {TRIES} tries: {problem}{self._so_far()}"
            )
        silence = f"no answer from {name} in {patience} after {TRIES} tries"
        if self.answered:
            return DeviceTimeoutError(
                f"{silence}{self._so_far()}; is the board still plugged in and supplied?"
            )
        advice = f": {self.transport.advice}" if self.transport.advice else ""
        return DeviceTimeoutError(f"{silence}{advice}")

    def _so_far(self) -> str:
        """Say how well the line has served before."""
        if not self.answered:
            return ""
        return (
            f"; before, it has answered {self.answered} requests, {self.repeated} of which had to "
            "be sent again"
        )

    def _receive(self, sent: _Sent, later: frozenset[int] = frozenset()) -> Reply:
        """Return the reply to a request.

        Parameters
        ----------
        sent : tuple of int and Request
        later : frozenset of int
            Sequence numbers of requests that were sent behind it.

        Raises
        ------
        OvertakenError
            If one of those is answered first: none will be answered to this one.
        DamagedReplyError
            If it was damaged, or says that the request was.
        LoopbackError
            If what was sent comes back.
        """
        sequence, request = sent
        own = self._frame(sent).removesuffix(DELIMITER)
        for _ in range(_MAX_STALE + 1):
            received = self.transport.receive()
            if received == own:
                raise LoopbackError(
                    f"{self.transport.name} sends back what it is sent: no device answers there; "
                    "are transmit and receive connected with each other, or is it the port of "
                    "something else that echoes?"
                )
            reply = decode_reply(received)
            if reply.sequence == UNSOLICITED:
                raise DamagedReplyError(f"the request arrived damaged ({reply.status.name})")
            if (reply.sequence, reply.operation) == (sequence, request.operation.value):
                return reply
            if reply.sequence in later:
                raise OvertakenError(
                    f"request {reply.sequence} was answered, and {sequence} before it was not"
                )
        raise DamagedReplyError(f"replies have sequence number {reply.sequence}, a stale one")

    def _result(self, sent: _Sent, reply: Reply) -> bytes:
        """Return the result of a reply, after a look at it.

        The CRC does not notice zero bytes that a line adds behind it, nor one that it takes away:
        what has another length than it must have was damaged, request or reply.
        """
        request = sent[1]
        name = self.transport.name
        if reply.status in _DAMAGED:
            raise DamagedReplyError(f"the request arrived damaged ({reply.status.name})")
        if reply.status is not Status.OK:
            raise RequestRefusedError(name, request.operation, reply.status)
        least = most = 0
        if request.operation is Operation.READ:
            least = most = request.count * WORD_BYTES
        elif request.operation in (Operation.FEED, Operation.COLLECT):
            least, most = PROGRESS_BYTES, min(request.count, MAX_PREDICTIONS) + PROGRESS_BYTES
        elif request.operation is Operation.IDENTIFY:
            self.counts.answered += 1
            return reply.result
        if not least <= len(reply.result) <= most:
            expected = f"{least}" if least == most else f"{least} to {most}"
            raise DamagedReplyError(
                f"{name} must answer {request.operation.name} with {expected} bytes, "
                f"not {len(reply.result)}"
            )
        self.counts.answered += 1
        return reply.result

    def identify(self) -> bytes:
        """Return the digest of the shape that the device was built as.

        Raises
        ------
        DeviceMismatchError
            If it speaks another protocol.
        """
        identity, name = self.request(Request(Operation.IDENTIFY)), self.transport.name
        if len(identity) != DIGEST_BYTES + 1:
            raise DeviceMismatchError(f"{name} speaks no protocol of Metabit")
        found, version = identity[:-1], identity[-1]
        if version != VERSION:
            raise DeviceMismatchError(
                f"{name} speaks protocol version {version}, and this Metabit {VERSION}; "
                "build and program a bitstream with this Metabit"
            )
        return found

    def check_identity(self, shape: Shape) -> None:
        """Check that the device was built as a shape says.

        Raises
        ------
        DeviceMismatchError
            If it was not, or speaks another protocol.
        """
        found, digest, name = self.identify(), shape.digest, self.transport.name
        if found != digest:
            raise DeviceMismatchError(
                f"{name} was built as a device with digest {found.hex()}, and {shape.name!r} has "
                f"{digest.hex()}; name the device that it was built as, or build and program a "
                "bitstream of this one"
            )
