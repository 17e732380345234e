"""The tree of tags: branches have names, leaves have item IDs."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Tuple

import tagwire

from .common import wild2regex

__all__ = ["Entry", "Tree"]

#: A name or an item ID, and "Branch" or "Leaf".
Entry = Tuple[str, str]
_DEPTH = 64
_LIMIT = 1_000_000
_OBJECTS = "i=85"


class Tree:
    """What can be listed below the root, `OPC_ROOT` or else the Objects folder without the server's own nodes."""

    def __init__(self, client: tagwire.Client) -> None:
        self._client = client
        self._known: Dict[str, List[tagwire.Node]] = {}

    @property
    def root(self) -> str:
        """The node id of the root."""
        return os.environ.get("OPC_ROOT") or _OBJECTS

    def _children(self, node: str) -> List[tagwire.Node]:
        if node not in self._known:
            self._known[node] = [child for child in self._client.browse(node) if self._is_listed(child)]
        return self._known[node]

    def _load_all(self) -> None:
        """One walk over everything, instead of one question per branch."""
        found = self._client.browse(self.root, depth=_DEPTH, limit=_LIMIT)
        leaves = {node.id for node in found if node.is_variable}
        known: Dict[str, List[tagwire.Node]] = {self.root: []}
        for node in found:
            # What hangs below a variable describes it.
            if node.parent in known and node.parent not in leaves and self._is_listed(node):
                known[node.parent].append(node)
                known.setdefault(node.id, [])
        self._known.update(known)

    def _is_listed(self, node: tagwire.Node) -> bool:
        # What the server tells about itself, such as _System, can be read but is no part of the plant.
        return node.kind in ("object", "variable") and node.id.startswith("ns=") and not node.name.startswith("_")

    def list(self, paths: List[str], recursive: bool, flat: bool) -> Iterator[Entry]:
        """Names of branches and item IDs of leaves that fit, each once."""
        seen = set()
        if flat or recursive:
            self._load_all()
        for path in paths:
            entries = self._flat(path) if flat else self._matching(path, recursive)
            for entry in entries:
                if entry not in seen:
                    seen.add(entry)
                    yield entry

    def _flat(self, pattern: str) -> Iterator[Entry]:
        regex = wild2regex(pattern or "*")
        for item in self._leaves(self.root):
            if regex.fullmatch(item):
                yield item, "Leaf"

    def _leaves(self, node: str) -> Iterator[str]:
        for child in self._children(node):
            if child.is_variable:
                yield child.tag
            else:
                yield from self._leaves(child.id)

    def _matching(self, path: str, recursive: bool) -> Iterator[Entry]:
        steps = [step for step in re.split(r"[./]", path) if step] or ["*"]
        level: List[tagwire.Node] = []
        above = [self.root]
        for step in steps:
            regex = wild2regex(step)
            level = [node for parent in above for node in self._children(parent) if regex.fullmatch(node.name)]
            above = [node.id for node in level if not node.is_variable]
        has_wildcard = bool(re.search(r"[*?\[]", steps[-1]))
        # A path that names a branch lists what is in it; one with a wildcard lists what fits.
        shown = level if has_wildcard else [
            inner for node in level for inner in ([node] if node.is_variable else self._children(node.id))
        ]
        if recursive:
            for node in shown:
                if node.is_variable:
                    yield node.tag, "Leaf"
                else:
                    yield from ((item, "Leaf") for item in self._leaves(node.id))
            return
        yield from ((node.name, "Branch") for node in shown if not node.is_variable)
        yield from ((node.tag, "Leaf") for node in shown if node.is_variable)
