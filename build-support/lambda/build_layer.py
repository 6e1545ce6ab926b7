"""Build a layer: install locked packages for Lambda's platform with uv, compile them, zip them.

    python3.12 build_layer.py --uv UV --platform x86_64-manylinux_2_34 --python-version 3.12 \
        layer.lock LAYER.zip

The same lockfile gives the same zip, byte for byte, on every machine with the same release of
CPython: files are in order and have no times, and files that describe the installation are left
out.

The layer contains bytecode, because Lambda cannot keep what it compiles: layers are read-only
there, so every cold start would compile all modules again. Python does not compare this bytecode
with its source (https://peps.python.org/pep-0552), so the times of files do not matter. Any later
3.12 reads it.
"""

from __future__ import annotations

import argparse
import importlib.util
import marshal
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

PREFIX = PurePosixPath("python")
"""Lambda unpacks layers below /opt, and Python imports from /opt/python:
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html"""

EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)
UNCHECKED_HASH = 0b01

INSTALLATION_RECORDS = frozenset({"INSTALLER", "RECORD", "REQUESTED"})
"""Files in `.dist-info` about how a package was installed."""


def install(uv: str, lockfile: Path, platform: str, python_version: str, folder: Path) -> None:
    """Install what a lockfile pins into a folder, from wheels with the pinned hashes only.

    Raises
    ------
    subprocess.CalledProcessError
        If uv fails; it has printed the cause to standard error.
    """
    command = [uv, "pip", "install", "--quiet", "--target", str(folder), "--link-mode", "copy"]
    command += ["--python", sys.executable]
    command += ["--python-platform", platform, "--python-version", python_version]
    command += ["--require-hashes", "--no-deps", "--no-build", "--requirements", str(lockfile)]
    subprocess.run(command, check=True)  # noqa: S603  # The pinned uv.


def bytecode(source: bytes, name: str) -> bytes:
    """Return the content of a source's .pyc file.

    Raises
    ------
    SyntaxError
        If the source is not for this version of Python.
    """
    return b"".join(
        (
            importlib.util.MAGIC_NUMBER,
            UNCHECKED_HASH.to_bytes(4, "little"),
            importlib.util.source_hash(source),
            marshal.dumps(compile(source, name, "exec", dont_inherit=True)),
        )
    )


def belongs_to_layer(path: PurePosixPath) -> bool:
    """Whether a function may need an installed file; `path` is relative to the target folder.

    Scripts contain the path of this machine's interpreter. Packages with those names do not exist.
    """
    if path.parts[0] in ("bin", ".lock"):
        return False
    return not (path.parent.suffix == ".dist-info" and path.name in INSTALLATION_RECORDS)


def members(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of the layer, in order."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for path in sorted(map(PurePosixPath, paths), key=str):
        if not belongs_to_layer(path):
            continue
        name = str(PREFIX / path)
        content = (folder / path).read_bytes()
        yield name, content
        if path.suffix == ".py":
            try:
                yield importlib.util.cache_from_source(name), bytecode(content, name)
            except SyntaxError:
                # A template or a sample of wrong code, which is never imported.
                continue


def write_zip(folder: Path, target: Path) -> None:
    """Write the packages in a folder, with bytecode, as a layer."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members(folder):
            entry = zipfile.ZipInfo(name, EARLIEST_TIME)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def main(arguments: Sequence[str]) -> None:
    """Build the layer that the arguments describe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lockfile", type=Path, help="requirements with hashes")
    parser.add_argument("target", type=Path, help="the zip to write")
    parser.add_argument("--uv", required=True, help="path of uv")
    parser.add_argument("--platform", required=True, help="platform of Lambda, as uv names it")
    parser.add_argument("--python-version", required=True, help="version of Python on Lambda")
    options = parser.parse_args(arguments)

    options.target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install(options.uv, options.lockfile, options.platform, options.python_version, folder)
        write_zip(folder, options.target)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"the packages of the layer could not be installed: {error}")
