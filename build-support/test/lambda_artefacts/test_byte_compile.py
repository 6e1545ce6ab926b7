from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import byte_compile
import pytest

MODULES = {
    "python/package/__init__.py": b"",
    # A set, because its order is the first thing to depend on the hash seed.
    "python/package/module.py": b"ANSWER = 42\nKNOWN = 'x' in {'a', 'b', 'c', 'd', 'x'}\n",
    "python/package/template.py": b"{% for %}",
    "python/package/data.json": b"{}",
}
CACHE = "python/package/__pycache__"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "layer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in MODULES.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


@pytest.fixture
def compiled(layer: Path, tmp_path: Path) -> Path:
    path = tmp_path / "compiled.zip"
    byte_compile.byte_compile(layer, path)
    return path


def test_keeps_everything_and_adds_bytecode_of_what_is_python(compiled: Path) -> None:
    with zipfile.ZipFile(compiled) as archive:
        for name, content in MODULES.items():
            assert archive.read(name) == content
        assert set(archive.namelist()) - set(MODULES) == {
            f"{CACHE}/__init__.cpython-312.pyc",
            f"{CACHE}/module.cpython-312.pyc",
        }


def test_added_files_have_no_time_and_can_be_read_by_all(compiled: Path) -> None:
    with zipfile.ZipFile(compiled) as archive:
        entry = archive.getinfo(f"{CACHE}/module.cpython-312.pyc")
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert oct(entry.external_attr >> 16) == "0o100644"


def test_python_loads_the_bytecode_without_a_look_at_the_source(
    compiled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "opt"
    with zipfile.ZipFile(compiled) as archive:
        archive.extractall(folder)
    (folder / "python/package/module.py").write_text("ANSWER = 'from the source'\n")
    script = "import package.module as module; print(module.ANSWER, module.__file__)"
    environment = {"PYTHONPATH": str(folder / "python")}
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["42", str(folder / "python/package/module.py")]


def test_the_same_layer_comes_out_the_same(layer: Path, compiled: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        again = tmp_path / f"again-{seed}.zip"
        subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, byte_compile.__file__, str(layer), str(again)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        assert again.read_bytes() == compiled.read_bytes()
