"""Answers compared with what is written down, where "…" stands for a value that moves."""


def matches(wanted: object, given: object) -> bool:
    """Whether `given` is `wanted`, keys, lengths and order included."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return wanted.keys() == given.keys() and all(matches(wanted[key], given[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(matches(a, b) for a, b in zip(wanted, given, strict=True))
    return wanted == "…" or wanted == given
