"""What can go wrong between host and device."""

from ..errors import MetabitError
from ..hdl.link.protocol import Operation, Status

__all__ = [
    "DamagedReplyError",
    "DeviceError",
    "DeviceMismatchError",
    "DeviceTimeoutError",
    "LoopbackError",
    "OvertakenError",
    "PortError",
    "RequestRefusedError",
]


class DamagedReplyError(MetabitError):
    """What came from the device is no reply."""


class OvertakenError(DamagedReplyError):
    """A later request was answered, and an earlier one was not."""


class DeviceError(MetabitError):
    """Something is wrong with a device or the way to it."""


class PortError(DeviceError):
    """A port cannot be opened, or fails."""


class DeviceTimeoutError(DeviceError):
    """No complete frame came in time."""


class LoopbackError(DeviceError):
    """What is sent comes back: there is a port, but no device behind it."""


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
            fix = ": it has lost its state since it was last loaded; start or resume the run again"
        super().__init__(f"{name} has refused {operation.name} with {status.name}{fix}")
