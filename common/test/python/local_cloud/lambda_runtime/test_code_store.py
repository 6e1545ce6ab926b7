"""Archives are unpacked once, whole, and never beside their folder."""

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


def test_the_later_archive_wins(archive: Archive, tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store")
    one = archive({"python/a.py": "1", "python/b.py": "1"})
    other = archive({"python/b.py": "2", "python/c.py": "2"})
    folder = store.unpacked({"1": one, "2": other})
    contents = {p.name: p.read_text() for p in (folder / "python").iterdir()}
    assert contents == {"a.py": "1", "b.py": "2", "c.py": "2"}
    assert store.unpacked({"2": other, "1": one}) != folder


def test_what_is_unpacked_already_is_used_again(archive: Archive, tmp_path: Path) -> None:
    code = archive({"a.py": "1"})
    folder = CodeStore(tmp_path / "store").unpacked({"1": code})
    before = (folder / "a.py").stat()
    assert CodeStore(tmp_path / "store").unpacked({"1": code}) == folder
    assert (folder / "a.py").stat() == before


def test_what_nobody_used_for_a_week_is_removed(archive: Archive, tmp_path: Path) -> None:
    old, new = (
        CodeStore(tmp_path / "store").unpacked({name: archive({"a.py": name})})
        for name in ("old", "new")
    )
    last_used = time.time() - KEPT_SECONDS - 60
    for folder in (old, new):
        os.utime(folder, (last_used, last_used))
    # Used again in time, and only then.
    new.touch()
    CodeStore(tmp_path / "store")
    assert (old.exists(), new.exists()) == (False, True)


def test_a_damaged_archive_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "store")
    with pytest.raises(zipfile.BadZipFile):
        store.unpacked({"1": archive({"a.py": "1"}), "2": b"no zip"})
    assert not list((tmp_path / "store").iterdir())


def test_no_file_leaves_the_folder(archive: Archive, tmp_path: Path) -> None:
    folder = CodeStore(tmp_path / "store").unpacked({"1": archive({"../../escaped.py": "1"})})
    assert not (tmp_path / "escaped.py").exists()
    assert [p.name for p in folder.rglob("*.py")] == ["escaped.py"]


def test_many_may_ask_at_once(archive: Archive, tmp_path: Path) -> None:
    code = archive({f"{i}.py": "x" * 1000 for i in range(200)})
    folders: list[Path] = []

    def ask() -> None:
        # Stores of their own, as two processes have.
        folders.append(CodeStore(tmp_path / "store").unpacked({"1": code}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 8
    assert len(set(folders)) == 1
    assert len(list(folders[0].iterdir())) == 200
    assert list((tmp_path / "store").iterdir()) == [folders[0]]
