"""HTML made of nodes, in which every text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

type Content = Node | str | int | Iterable[Content] | None
"""What a node can hold; None is nothing."""

_VOID = frozenset({"br", "meta"})


class Node:
    """An element: `Node("a", "text", href="/", class_="x")`."""

    def __init__(self, name: str, /, *content: Content, **attributes: str | None) -> None:
        self._name = name
        self._content = content
        self._attributes = attributes

    def __str__(self) -> str:
        """Return the element as HTML."""
        attributes = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
            for name, value in self._attributes.items()
            if value is not None
        )
        begin = f"<{self._name}{attributes}>"
        if self._name in _VOID:
            return begin
        return f"{begin}{_text(self._content)}</{self._name}>"


class Style(Node):
    """A style sheet of our own, whose text must stay as it is for its digest."""

    def __init__(self, sheet: str) -> None:
        super().__init__("style")
        self._sheet = sheet

    def __str__(self) -> str:
        """Return the element as HTML."""
        return f"<style>{self._sheet}</style>"


def _text(content: Content) -> str:
    match content:
        case None:
            return ""
        case Node():
            return str(content)
        case str() | int():
            return html.escape(str(content))
        case _:
            return "".join(map(_text, content))
