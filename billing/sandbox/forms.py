"""Form encoding with brackets, as the SDK sends v1 parameters: ``items[0][price]=…``."""

from typing import Any
from urllib.parse import parse_qsl

from billing.sandbox.errors import invalid

DEEPEST = 12


def parse(encoded: str) -> dict[str, Any]:
    """A tree of dictionaries with text at the leaves; lists are dictionaries keyed "0", "1", … until typed.

    Raises ``ApiError`` 400 for a name that cannot be read or that is both a leaf and a branch.
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True, max_num_fields=10_000):
        node = tree
        path = _path(name)
        for step in path[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise invalid(f"Invalid parameter name: {name}", param=name)
        leaf = path[-1] or str(len(node))
        if isinstance(node.get(leaf), dict):
            raise invalid(f"Invalid parameter name: {name}", param=name)
        node[leaf] = value
    return tree


def _path(name: str) -> list[str]:
    head, *rest = name.split("[")
    if not head or len(rest) > DEEPEST or any(not part.endswith("]") for part in rest):
        raise invalid(f"Invalid parameter name: {name}", param=name)
    return [head, *(part[:-1] for part in rest)]
