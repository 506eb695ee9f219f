"""Requests one by one, each sent once: what a driver repairs is a fault here."""

from ..hdl.link.protocol import LAST_SEQUENCE, UNSOLICITED, Operation, Status
from ..host.errors import DeviceTimeoutError
from ..host.packets import DELIMITER, Reply, Request, decode_reply, encode_request
from ..host.requester import LinkCounts
from ..host.transport import Transport
from .outcome import FaultError


class Line:
    """The host's end of a line, without repeats.

    Parameters
    ----------
    transport : Transport
        Way to the device, which forgets all earlier replies.
    counts : LinkCounts
        Grows.
    """

    def __init__(self, transport: Transport, counts: LinkCounts) -> None:
        self._transport = transport
        self._counts = counts
        self._sequence = 0
        # The delimiters make room for it, whatever the device holds.
        transport.discard()
        self.ask(Request(Operation.IDENTIFY), front=2 * DELIMITER)

    def next_sequence(self) -> int:
        """Return the number of a request that is new to the device."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence

    def send(self, raw: bytes, what: str) -> Reply:
        """Send bytes that end a frame, and return the answer.

        Parameters
        ----------
        raw : bytes
            What is sent.
        what : str
            What it is, for messages.

        Raises
        ------
        FaultError
            If none comes.
        DamagedReplyError
            If what comes is none.
        """
        self._counts.sent += 1
        self._counts.sent_bytes += len(raw)
        self._transport.send(raw)
        try:
            reply = decode_reply(self._transport.receive())
        except DeviceTimeoutError as error:
            self._counts.silent += 1
            raise FaultError(f"no reply to {what}: it, or the reply, was lost ({error})") from error
        self._counts.answered += 1
        return reply

    def exchange(self, sequence: int, request: Request, front: bytes = b"") -> Reply:
        """Send a request with a number, and return its reply, whatever it says.

        Raises
        ------
        FaultError
            If none comes, or that of something else.
        """
        what = f"{request.operation.name} {sequence}"
        reply = self.send(front + encode_request(sequence, request), what)
        if (reply.sequence, reply.operation) != (sequence, request.operation.value):
            raise FaultError(
                f"{what} was answered as operation {reply.operation}, number {reply.sequence}, "
                f"status {reply.status.name}"
            )
        return reply

    def ask(self, request: Request, front: bytes = b"") -> bytes:
        """Have a request executed, and return its result.

        Raises
        ------
        FaultError
            If the device refuses it.
        """
        reply = self.exchange(self.next_sequence(), request, front)
        if reply.status is not Status.OK:
            raise FaultError(f"{request.operation.name} was refused with {reply.status.name}")
        return reply.result

    def expect_refusal(self, request: Request, status: Status, why: str) -> None:
        """Send a request that must be refused.

        Raises
        ------
        FaultError
            If it is not, or for another reason.
        """
        found = self.exchange(self.next_sequence(), request).status
        if found is not status:
            raise FaultError(
                f"{request.operation.name} {why} was answered with {found.name}, not {status.name}"
            )

    def expect_complaint(self, raw: bytes, statuses: set[Status], what: str) -> None:
        """Send a frame that is no sound request.

        Raises
        ------
        FaultError
            If the device does not complain as it should.
        """
        reply = self.send(raw, what)
        if reply.sequence != UNSOLICITED or reply.status not in statuses:
            names = " or ".join(sorted(status.name for status in statuses))
            raise FaultError(
                f"{what} was answered with {reply.status.name}, number {reply.sequence}, "
                f"instead of {names}, number {UNSOLICITED}"
            )
