"""Archives are unpacked once, completely, and only into their folder."""

from __future__ import annotations

import os
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local_cloud.lambda_runtime.code_store import KEPT_SECONDS, CodeStore

type Archive = Callable[[Mapping[str, str]], bytes]


def test_the_last_archive_wins(archive: Archive, tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store")
    first = archive({"python/a.py": "1", "python/b.py": "1"})
    second = archive({"python/b.py": "2", "python/c.py": "2"})
    folder = store.unpacked({"1": first, "2": second})
    contents = {path.name: path.read_text() for path in (folder / "python").iterdir()}
    assert contents == {"a.py": "1", "b.py": "2", "c.py": "2"}
    assert store.unpacked({"2": second, "1": first}) != folder


def test_an_unpacked_folder_is_reused(archive: Archive, tmp_path: Path) -> None:
    code = archive({"a.py": "1"})
    folder = CodeStore(tmp_path / "store").unpacked({"1": code})
    before = (folder / "a.py").stat()
    assert CodeStore(tmp_path / "store").unpacked({"1": code}) == folder
    assert (folder / "a.py").stat() == before


def test_folders_that_were_unused_for_a_week_are_removed(archive: Archive, tmp_path: Path) -> None:
    old, new = (
        CodeStore(tmp_path / "store").unpacked({name: archive({"a.py": name})})
        for name in ("old", "new")
    )
    last_used = time.time() - KEPT_SECONDS - 60
    for folder in (old, new):
        os.utime(folder, (last_used, last_used))
    new.touch()
    CodeStore(tmp_path / "store")
    assert (old.exists(), new.exists()) == (False, True)


def test_a_damaged_archive_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store")
    with pytest.raises(zipfile.BadZipFile):
        store.unpacked({"1": archive({"a.py": "1"}), "2": b"not a zip file"})
    assert not list((tmp_path / "store").iterdir())


def test_files_are_never_written_outside_of_the_folder(archive: Archive, tmp_path: Path) -> None:
    folder = CodeStore(tmp_path / "store").unpacked({"1": archive({"../../escaped.py": "1"})})
    assert not (tmp_path / "escaped.py").exists()
    assert [path.name for path in folder.rglob("*.py")] == ["escaped.py"]


def test_several_processes_may_unpack_the_same_archive(archive: Archive, tmp_path: Path) -> None:
    code = archive({f"{i}.py": "x" * 1000 for i in range(200)})
    folders: list[Path] = []

    def unpack() -> None:
        # Each thread has its own store, as separate processes do.
        folders.append(CodeStore(tmp_path / "store").unpacked({"1": code}))

    threads = [threading.Thread(target=unpack) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 8
    assert len(set(folders)) == 1
    assert len(list(folders[0].iterdir())) == 200
    assert list((tmp_path / "store").iterdir()) == [folders[0]]
