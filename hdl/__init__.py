"""Amaranth hardware of a device that trains networks: array, learning, store and link.

A device is built once, as :class:`~metabit.hdl.shape.Shape` describes it; networks are loaded into
it, as :class:`~metabit.hdl.placement.Placement` places them. ``docs/architecture.md`` shows how the
rooms work together, and ``docs/machine`` has a page for each.
"""
