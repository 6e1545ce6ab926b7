"""Unpacked functions and layers, each set of archives once."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp


class CodeStore:
    """Unpacks archives below one folder, which may outlive this process.

    A set is named by the digest of its archives and appears in one step, so that what an
    interrupted run left is never taken for complete.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def unpacked(self, archives: Sequence[bytes]) -> Path:
        """Return the folder with the archives unpacked into one another.

        Where two hold the same file, the later one wins, as in `/opt` on Lambda.
        """
        digest = hashlib.sha256()
        for archive in archives:
            digest.update(hashlib.sha256(archive).digest())
        target = self._folder / digest.hexdigest()[:32]
        with self._lock:
            if not target.exists():
                self._unpack(archives, target)
        return target

    def _unpack(self, archives: Sequence[bytes], target: Path) -> None:
        folder = Path(mkdtemp(prefix="unpacking-", dir=self._folder))
        try:
            for archive in archives:
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
