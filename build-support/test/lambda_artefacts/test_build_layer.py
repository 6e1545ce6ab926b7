from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import build_layer
import pytest

MODULES = {
    "package/__init__.py": b"",
    # A set, because its order depends on the hash seed.
    "package/module.py": b"ANSWER = 42\nKNOWN = 'x' in {'a', 'b', 'c', 'd', 'x'}\n",
    "package/template.py": b"{% for %}",
    "package/data.json": b"{}",
    "package-1.dist-info/METADATA": b"Name: package\n",
    "package-1.dist-info/licenses/RECORD": b"not about the installation\n",
}
LEFT_OUT = {
    ".lock": b"",
    "bin/script": b"#!/home/someone/bin/python\n",
    "package-1.dist-info/INSTALLER": b"uv",
    "package-1.dist-info/RECORD": b"",
    "package-1.dist-info/REQUESTED": b"",
}
CACHE = "python/package/__pycache__"

FAKE_UV = """#!/usr/bin/env python3
import pathlib, sys
arguments = sys.argv[1:]
if "--require-hashes" not in arguments or "--no-build" not in arguments:
    sys.exit("hashes would not be compared, or code of a package would run")
print(arguments[arguments.index("--python-platform") + 1], file=sys.stderr)
lockfile = pathlib.Path(arguments[arguments.index("--requirements") + 1])
if lockfile.read_text() != "package==1":
    sys.exit("hash mismatch")
target = pathlib.Path(arguments[arguments.index("--target") + 1])
(target / "package.py").write_text("")
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "installed"
    for name, content in (MODULES | LEFT_OUT).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def layer(installed: Path, tmp_path: Path) -> Path:
    path = tmp_path / "layer.zip"
    build_layer.write_zip(installed, path)
    return path


def test_contains_the_packages_and_the_bytecode_of_what_is_python(layer: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        for name, content in MODULES.items():
            assert archive.read(f"python/{name}") == content
        assert set(archive.namelist()) - {f"python/{name}" for name in MODULES} == {
            f"{CACHE}/__init__.cpython-312.pyc",
            f"{CACHE}/module.cpython-312.pyc",
        }


def test_files_are_in_order_have_no_time_and_can_be_read_by_all(layer: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        sources = [name for name in archive.namelist() if not name.endswith(".pyc")]
        assert sources == sorted(sources)
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert oct(entry.external_attr >> 16) == "0o100644"


def test_python_loads_the_bytecode_without_reading_the_source(layer: Path, tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(folder)
    (folder / "python/package/module.py").write_text("ANSWER = 'from the source'\n")
    script = "import package.module as module; print(module.ANSWER, module.__file__)"
    environment = {"PYTHONPATH": str(folder / "python")}
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["42", str(folder / "python/package/module.py")]


def test_the_same_packages_give_the_same_layer(
    installed: Path, layer: Path, tmp_path: Path
) -> None:
    write = "import sys; from pathlib import Path; from build_layer import write_zip; "
    write += "write_zip(Path(sys.argv[1]), Path(sys.argv[2]))"
    for seed in ("1", "2"):
        again = tmp_path / f"again-{seed}.zip"
        for path in installed.rglob("*"):
            os.utime(path, (int(seed), int(seed)))
        subprocess.run(  # noqa: S603 - this interpreter
            [sys.executable, "-c", write, str(installed), str(again)],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": str(Path(build_layer.__file__).parent),
            },
            check=True,
        )
        assert again.read_bytes() == layer.read_bytes()


def run(tmp_path: Path, requirements: str) -> subprocess.CompletedProcess[str]:
    uv = tmp_path / "uv"
    uv.write_text(FAKE_UV)
    uv.chmod(0o755)
    lockfile = tmp_path / "layer.lock"
    lockfile.write_text(requirements)
    return subprocess.run(  # noqa: S603 - this interpreter
        [
            *(sys.executable, build_layer.__file__, str(lockfile), str(tmp_path / "out/layer.zip")),
            *("--uv", str(uv), "--platform", "aarch64-manylinux_2_34", "--python-version", "3.12"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_uv_installs_for_the_platform_with_hashes(tmp_path: Path) -> None:
    done = run(tmp_path, "package==1")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "aarch64-manylinux_2_34\n"
    with zipfile.ZipFile(tmp_path / "out/layer.zip") as archive:
        assert "python/package.py" in archive.namelist()


def test_a_failed_installation_gives_no_layer_and_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "package==2")
    assert done.returncode == 1
    _, cause, line = done.stderr.splitlines()
    assert cause == "hash mismatch"
    assert line.startswith("the packages of the layer could not be installed: ")
    assert not (tmp_path / "out/layer.zip").exists()
