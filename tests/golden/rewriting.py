"""Checkpoints made wrong, or old, on purpose."""

import json

import numpy as np


def rewrite(path, change):
    """Change a checkpoint's record and arrays in place."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    record = json.loads(str(arrays["record"]))
    change(record, arrays)
    arrays["record"] = np.array(json.dumps(record))
    np.savez(path, **arrays)


def without_observations(record, arrays):
    """Make a checkpoint of version 1, which recorded nothing of epochs."""
    record["version"] = 1
    del record["observations"], record["opening"]
    for name in [name for name in arrays if name.startswith("opening_")]:
        del arrays[name]


def as_version_3(record, arrays):
    """Make a checkpoint of version 3, of the rule that knew no lag, and said what trained it."""
    record["version"] = 3
    record["config"]["array"] = {"rows": 4, "lanes": 16}
    assert record["config"].pop("lag") == 0


def as_version_2(record, arrays):
    """Make a checkpoint of version 2, which recorded nothing of the epochs of paper mode."""
    if "mode" in record:
        without_observations(record, arrays)
    for observation in record.get("observations", ()):
        for layer in observation["layers"]:
            del layer["zeros"], layer["bin_width"]
    record["version"] = 2
