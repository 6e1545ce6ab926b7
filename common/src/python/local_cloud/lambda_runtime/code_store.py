"""Unpacks functions and layers, each combination of archives once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

KEPT_SECONDS = 7 * 24 * 3600.0
"""How long an unused folder is kept."""


class CodeStore:
    """Unpacks archives into a folder that other processes can share and later ones can reuse.

    Each combination of archives has a subfolder, named after their digests. A finished subfolder is
    moved into place in a single step, so that an interrupted run leaves no incomplete one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._used: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._remove_unused()

    def unpacked(self, archives: Mapping[str, bytes]) -> Path:
        """Return a folder that contains the files of all archives.

        Parameters
        ----------
        archives
            Archives by digest. If several contain the same file, the last archive wins, as in
            `/opt` on Lambda.
        """
        name = hashlib.sha256("\n".join(archives).encode()).hexdigest()[:32]
        with self._lock:
            if name not in self._used:
                target = self._folder / name
                if target.exists():
                    target.touch()
                else:
                    self._unpack(archives, target)
                self._used[name] = target
        return self._used[name]

    def _unpack(self, archives: Mapping[str, bytes], target: Path) -> None:
        folder = Path(mkdtemp(prefix="unpacking-", dir=self._folder))
        try:
            for archive in archives.values():
                with zipfile.ZipFile(io.BytesIO(archive)) as content:
                    content.extractall(folder)
            folder.chmod(0o755)
            try:
                folder.rename(target)
            except OSError:
                # Another process unpacked the same archives first.
                if not target.exists():
                    raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _remove_unused(self) -> None:
        for folder in self._folder.iterdir():
            # Another process may rename or remove the folder at the same time.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
