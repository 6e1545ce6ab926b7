"""Patches of kernel mailing lists: which wait, who said what, what changed between revisions."""

from __future__ import annotations

__version__ = "0.2.0"
