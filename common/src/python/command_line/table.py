"""Tables with two columns for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    r"""Return names and values in two columns; a value may have several lines.

    Examples
    --------
    >>> print(table("Report", [("Source", "SSM"), ("Files", "a.csv\nb.csv")]))
    Report
    ------
    Source  SSM
    Files   a.csv
            b.csv
    """
    width = max(len(name) for name, _ in rows)
    lines = [title, "-" * len(title)]
    for name, value in rows:
        first, *more = value.splitlines() or [""]
        lines.append(f"{name:<{width}}  {first}")
        lines.extend(f"{'':<{width}}  {line}" for line in more)
    return "\n".join(lines)
