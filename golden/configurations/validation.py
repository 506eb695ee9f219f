"""Pydantic's errors as one line a user can act on: field, permitted values, value."""

from typing import Any

from pydantic import BaseModel, ValidationError

_KINDS = {"int": "an integer", "float": "a number", "bool": "true or false", "string": "a text"}


_ENDS = ("minimum", "maximum")


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """Return what is wrong, e.g. ``"margin must be 0 to 1, not 7"``.

    Parameters
    ----------
    error : ValidationError
        What validation raised.
    model : type of BaseModel
        What was validated; its constraints give the permitted ranges.
    """
    schema = model.model_json_schema()
    return "; ".join(_describe_one(dict(details), schema) for details in error.errors())


def permitted(model: type[BaseModel], name: str) -> str | None:
    """Return the permitted range of a field that is a number with two ends; None: it has none.

    Parameters
    ----------
    model : type of BaseModel
        Whose field.
    name : str
        Name of the field.
    """
    limits = _find(model.model_json_schema(), (name,))
    both = all(end in limits or f"exclusive{end.capitalize()}" in limits for end in _ENDS)
    return _range(limits) if both else None


def _describe_one(details: dict[str, Any], schema: dict[str, Any]) -> str:
    location, kind, value = details["loc"], details["type"], details["input"]
    name = ".".join(str(part) for part in location)
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "missing":
        return f"{name} is missing"
    if kind == "extra_forbidden":
        known = ", ".join(_find(schema, location[:-1]).get("properties", {}))
        return f"unknown field {name!r}; known: {known}"
    limits = _find(schema, location)
    # One of several types has no limits of its own.
    numeric = "type" in limits and "anyOf" not in limits
    if numeric and kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"{name} must be {_range(limits)}, not {value}"
    if kind in ("too_short", "too_long"):
        low, high = limits.get("minItems", 0), limits.get("maxItems", "any number of")
        return f"{name} must have {low} to {high} entries, not {details['ctx']['actual_length']}"
    if kind == "literal_error":
        return f"{name} must be {details['ctx']['expected']}, not {value!r}"
    for prefix, wanted in _KINDS.items():
        if kind.startswith(f"{prefix}_"):
            return f"{name} must be {wanted}, not {value!r}"
    return f"{name}: {details['msg'][:1].lower()}{details['msg'][1:]}, not {value!r}"


def _find(schema: dict[str, Any], location: tuple[int | str, ...]) -> dict[str, Any]:
    """Return the part of a JSON schema that describes a field."""
    node = schema
    for part in location:
        # Of what may be one of several things, no part is described.
        inner = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        node = inner if isinstance(inner, dict) else {}
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _range(limits: dict[str, Any]) -> str:
    """Return the permitted range of a number in words."""
    whole = limits.get("type") == "integer"
    low, high = limits.get("minimum"), limits.get("maximum")
    if whole:
        low = limits["exclusiveMinimum"] + 1 if "exclusiveMinimum" in limits else low
        high = limits["exclusiveMaximum"] - 1 if "exclusiveMaximum" in limits else high
    if low is not None and high is not None:
        return f"{low:.15g} to {high:.15g}"
    if low is not None:
        return f"at least {low:.15g}"
    if high is not None:
        return f"at most {high:.15g}"
    if "exclusiveMaximum" not in limits:
        return f"more than {limits['exclusiveMinimum']:g}"
    if "exclusiveMinimum" not in limits:
        return f"less than {limits['exclusiveMaximum']:g}"
    return f"more than {limits['exclusiveMinimum']:g} and less than {limits['exclusiveMaximum']:g}"
