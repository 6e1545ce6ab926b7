"""Patches of mailing lists: which are waiting, who said what, and what a revision changed."""

from __future__ import annotations

__version__ = "0.2.0"
