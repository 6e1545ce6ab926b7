"""Unpacked functions and layers, each set of archives once."""

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
"""How long a set is kept that nobody uses."""


class CodeStore:
    """Unpacks archives below one folder, which may outlive this process.

    A set is named by the digests of its archives and appears in one step, so that what an
    interrupted run left is never taken for complete.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._used: dict[str, Path] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._remove_unused()

    def unpacked(self, archives: Mapping[str, bytes]) -> Path:
        """Return the folder with the archives unpacked into one another.

        Parameters
        ----------
        archives
            By their digests. Where two hold the same file, the later one wins, as in `/opt` on
            Lambda.
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
                # Another process was faster.
                if not target.exists():
                    raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _remove_unused(self) -> None:
        for folder in self._folder.iterdir():
            # Another process may have renamed or removed it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
