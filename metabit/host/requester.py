"""Requests to a device: sent, repeated if need be, executed once."""

from collections import deque
from collections.abc import Iterable, Iterator

from ..hdl.link.protocol import (
    LAST_SEQUENCE,
    MAX_PREDICTIONS,
    PROGRESS_BYTES,
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
    RequestRefusedError,
)
from .packets import DELIMITER, Reply, Request, decode_reply, encode_request
from .transport import Transport

TRIES = 3
"""Times that a request is sent before it is given up."""

_MAX_STALE = 16
"""Late replies to earlier requests that are passed over in one exchange."""

_ALONE = (Operation.IDENTIFY, Operation.RESET)
"""Requests before which the device may hold anything, even another request that waits."""

_Sent = tuple[int, Request]


class Requester:
    """The host's end of the protocol.

    Parameters
    ----------
    transport : Transport
        Way to the device.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._sequence = 0

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

        The next one is on its way while one is executed, so that the line is never idle. None of
        them may be IDENTIFY or RESET. A request is asked for only when it can be sent.

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
            self.transport.send(self._frame(under_way[-1]))
            if len(under_way) == WINDOW:
                yield self._first(under_way)
        while under_way:
            yield self._first(under_way)

    def _first(self, under_way: deque[_Sent]) -> bytes:
        """Take the oldest request under way out, and return its result."""
        sent = under_way.popleft()
        try:
            reply = self._receive(sent)
        except (DeviceTimeoutError, DamagedReplyError):
            reply = None
        if reply is not None and reply.sequence != UNSOLICITED:
            return self._result(sent, reply)
        # What was sent behind it may have been lost, too, or refused: all of it is sent again.
        result = self._settle(sent, TRIES - 1)
        for number, later in enumerate(under_way):
            if number == 0:
                self.transport.discard()
            self.transport.send(self._frame(later))
        return result

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
                self.transport.send(2 * DELIMITER + frame if resynchronise else frame)
                reply = self._receive(sent)
            except DeviceTimeoutError:
                continue
            except DamagedReplyError as error:
                problem = str(error)
                continue
            if reply.sequence == UNSOLICITED:
                problem = f"the request arrived damaged ({reply.status.name})"
                continue
            return self._result(sent, reply)
        name, patience = self.transport.name, self.transport.patience
        if problem is None:
            advice = f": {self.transport.advice}" if self.transport.advice else ""
            raise DeviceTimeoutError(
                f"no answer from {name} in {patience} after {TRIES} tries{advice}"
            )
        raise DeviceError(f"no sound answer from {name} after {TRIES} tries: {problem}")

    def _receive(self, sent: _Sent) -> Reply:
        """Return the reply to a request, or one to something unintelligible."""
        sequence, request = sent
        reply = decode_reply(self.transport.receive())
        for _ in range(_MAX_STALE):
            if reply.sequence == UNSOLICITED:
                return reply
            if (reply.sequence, reply.operation) == (sequence, request.operation.value):
                return reply
            reply = decode_reply(self.transport.receive())
        raise DamagedReplyError(f"replies have sequence number {reply.sequence}, a stale one")

    def _result(self, sent: _Sent, reply: Reply) -> bytes:
        """Return the result of a reply, after a look at it."""
        request = sent[1]
        name = self.transport.name
        if reply.status is not Status.OK:
            raise RequestRefusedError(name, request.operation, reply.status)
        least = most = 0
        if request.operation is Operation.READ:
            least = most = request.count * WORD_BYTES
        elif request.operation in (Operation.FEED, Operation.COLLECT):
            least, most = PROGRESS_BYTES, min(request.count, MAX_PREDICTIONS) + PROGRESS_BYTES
        elif request.operation is Operation.IDENTIFY:
            return reply.result
        if not least <= len(reply.result) <= most:
            expected = f"{least}" if least == most else f"{least} to {most}"
            raise DeviceError(
                f"{name} must answer {request.operation.name} with {expected} bytes, "
                f"not {len(reply.result)}"
            )
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
