"""Requests to a device: sent, repeated if need be, executed once."""

import numpy as np

from ..golden.config import Config
from ..hdl.v1.layout import Layout
from ..hdl.v1.protocol import UNSOLICITED, VERSION, Operation, Status, count_limit, result_unit
from . import packing
from .packets import DELIMITER, DamagedReplyError, Reply, decode_reply, encode_request
from .transport import DeviceError, DeviceTimeoutError, Transport

TRIES = 3
"""Times that a request is sent before it is given up."""

_MAX_STALE = 16
"""Late replies to earlier requests that are passed over in one exchange."""


class DeviceMismatchError(DeviceError):
    """The device was built for something else."""


class RequestRefusedError(DeviceError):
    """The device has refused a request, which changed nothing.

    Attributes
    ----------
    operation : Operation
        What was asked.
    status : Status
        What the device answered.
    """

    def __init__(self, name: str, operation: Operation, status: Status) -> None:
        self.operation = operation
        self.status = status
        fix = ""
        if status is Status.NOT_INITIALISED:
            fix = ": it has lost its state since it was last reset; start or resume the run again"
        super().__init__(f"{name} has refused {operation.name} with {status.name}{fix}")


class Requester:
    """The host's end of the protocol.

    Parameters
    ----------
    transport : Transport
        Way to the device.
    config : Config
        What the device was built for, see :meth:`check_identity`.
    """

    def __init__(self, transport: Transport, config: Config) -> None:
        self.transport = transport
        self.config = config
        self.layout = Layout(config)
        self._sequence = 0

    def request(
        self,
        operation: Operation,
        *,
        sample: int = 0,
        count: int = 0,
        address: int = 0,
        data: bytes = b"",
    ) -> bytes:
        """Have one request executed exactly once, and return its result.

        If no sound reply comes, the request is sent again with the same sequence number, so that
        a device that has executed it just repeats its reply.

        Parameters
        ----------
        operation, sample, count, address, data
            See :func:`metabit.boards.packets.encode_request`.

        Raises
        ------
        DeviceTimeoutError
            If nothing was answered to any try.
        DeviceError
            If what was answered was damaged, or said that the request was.
        RequestRefusedError
            If the device will not do it.
        """
        self._sequence = self._sequence % 255 + 1
        frame = encode_request(
            self._sequence, operation, sample=sample, count=count, address=address, data=data
        )
        problem: str | None = None
        for attempt in range(TRIES):
            # A delimiter in front ends whatever the device holds of a broken frame. After the
            # port was opened that may be anything.
            resynchronise = attempt or operation is Operation.IDENTIFY
            try:
                reply = self._reply(DELIMITER + frame if resynchronise else frame)
            except DeviceTimeoutError:
                continue
            except DamagedReplyError as error:
                problem = str(error)
                continue
            if reply.sequence == UNSOLICITED:
                problem = f"the request arrived damaged ({reply.status.name})"
                continue
            if reply.status is not Status.OK:
                raise RequestRefusedError(self.transport.name, operation, reply.status)
            expected = count * result_unit(operation, self.config)
            if operation is not Operation.IDENTIFY and len(reply.result) != expected:
                raise DeviceError(
                    f"{self.transport.name} must answer {operation.name} with {expected} bytes, "
                    f"not {len(reply.result)}"
                )
            return reply.result
        name, patience = self.transport.name, self.transport.patience
        if problem is None:
            advice = f": {self.transport.advice}" if self.transport.advice else ""
            raise DeviceTimeoutError(
                f"no answer from {name} in {patience} after {TRIES} tries{advice}"
            )
        raise DeviceError(f"no sound answer from {name} after {TRIES} tries: {problem}")

    def _reply(self, frame: bytes) -> Reply:
        """Send a frame and return the reply to it, or one to something unintelligible."""
        reply = decode_reply(self.transport.exchange(frame))
        for _ in range(_MAX_STALE):
            if reply.sequence in (self._sequence, UNSOLICITED):
                return reply
            reply = decode_reply(self.transport.receive())
        raise DamagedReplyError(f"replies have sequence number {reply.sequence}, a stale one")

    def check_identity(self) -> None:
        """Check that the device was built for the configuration.

        Raises
        ------
        DeviceMismatchError
            If it was not, or speaks another protocol.
        """
        identity = self.request(Operation.IDENTIFY)
        name, digest = self.transport.name, self.config.digest
        if len(identity) != len(digest) + 1:
            raise DeviceMismatchError(f"{name} speaks no protocol of Metabit")
        found, version = identity[:-1], identity[-1]
        if version != VERSION:
            raise DeviceMismatchError(
                f"{name} speaks protocol version {version}, and this Metabit {VERSION}; "
                "build and program a bitstream with this Metabit"
            )
        if found != digest:
            raise DeviceMismatchError(
                f"{name} was built for the configuration with digest {found.hex()}, and "
                f"{self.config.name!r} has {digest.hex()}; give the configuration that it was "
                "built for, or build and program a bitstream for this one"
            )

    def read(self, operation: Operation, start: int, count: int, sample: int = 0) -> packing.Bytes:
        """Read units from consecutive addresses with as few requests as possible."""
        step = count_limit(operation, self.layout)
        parts = [
            self.request(
                operation, sample=sample, address=address, count=min(step, start + count - address)
            )
            for address in range(start, start + count, step)
        ]
        return np.frombuffer(b"".join(parts), np.uint8)
