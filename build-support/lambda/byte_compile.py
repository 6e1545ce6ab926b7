"""Add bytecode to a layer, which a function would otherwise work out at each cold start.

Lambda cannot keep it: what a layer holds is read-only there. The bytecode says of itself that it
need not be compared with its source (https://peps.python.org/pep-0552), so neither the time of a
file nor an unpacking changes anything, and the same layer comes out the same, byte for byte, on
every machine with the same release of CPython. Any later 3.12 reads it.

    python3.12 byte_compile.py LAYER.zip WITH_BYTECODE.zip
"""

from __future__ import annotations

import importlib.util
import marshal
import shutil
import stat
import sys
import zipfile
from pathlib import Path

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
UNCHECKED_HASH = 0b01


def bytecode(source: bytes, name: str) -> bytes:
    """Return the content of a source's .pyc file.

    Raises
    ------
    SyntaxError
        When the source is not of this version of Python.
    """
    return b"".join(
        (
            importlib.util.MAGIC_NUMBER,
            UNCHECKED_HASH.to_bytes(4, "little"),
            importlib.util.source_hash(source),
            marshal.dumps(compile(source, name, "exec", dont_inherit=True)),
        )
    )


def byte_compile(layer: Path, target: Path) -> None:
    """Write a layer that holds what another does, and the bytecode of its modules."""
    shutil.copyfile(layer, target)
    with zipfile.ZipFile(target, "a") as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".py"):
                continue
            try:
                content = bytecode(archive.read(name), name)
            except SyntaxError:
                # A template, or a sample of what is wrong: nothing that is ever imported.
                continue
            entry = zipfile.ZipInfo(importlib.util.cache_from_source(name), EARLIEST_TIME)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


if __name__ == "__main__":
    byte_compile(Path(sys.argv[1]), Path(sys.argv[2]))
