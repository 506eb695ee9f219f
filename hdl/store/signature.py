"""What every store offers: signs, inputs, rows that learn, and access for the host."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import ActivationWrite, CommitRequest, HostAccess, InputFetch, Job, SignFetch
from ..setup import NetworkSetup, RunSetup, layers_layout
from ..shape import LANES, Shape

COUNT_BITS = 24
"""Of the number of samples of a run."""


class StoreSignature(wiring.Signature):
    """The store, seen by itself.

    Interface attributes
    --------------------
    signs : In(SignFetch)
    inputs : In(InputFetch)
    activations : In(ActivationWrite)
        Only where the shape has several layers.
    commit : In(CommitRequest)
    jobs : In(stream.Signature(Job))
    samples : In(stream.Signature(64))
    host : In(HostAccess)
        Only spaces COUNTERS, SIGNS, CURRENT and GENERATOR come here.
    network : In(NetworkSetup)
    layers : In(ArrayLayout(LayerSetup))
    run : In(RunSetup)
    count : In(24)
        Samples of the run. Like ``run``, stands still from ``start`` on.
    start : In(1)
        A run begins: the next sample goes to column 0 of record 0.
    idle : Out(1)
        No job is in progress and every write is done; commits may be outstanding.
    busy : Out(1)
        A row is being updated.

    Parameters
    ----------
    shape : Shape
    """

    def __init__(self, shape: Shape) -> None:
        members = {
            "signs": In(SignFetch(shape)),
            "inputs": In(InputFetch(shape)),
            "commit": In(CommitRequest()),
            "jobs": In(stream.Signature(Job(shape))),
            "samples": In(stream.Signature(LANES)),
            "host": In(HostAccess(shape)),
            "network": In(NetworkSetup(shape)),
            "layers": In(layers_layout(shape)),
            "run": In(RunSetup()),
            "count": In(COUNT_BITS),
            "start": In(1),
            "idle": Out(1),
            "busy": Out(1),
        }
        if shape.layers > 1:
            members["activations"] = In(ActivationWrite(shape))
        super().__init__(members)
