"""Becomes one function's process: the first program of each sandbox, on the standard library alone.

Started as `python -I -S launcher.py SETTINGS`, where SETTINGS is JSON from `function_process`.
Where the kernel allows mount namespaces, the process gets a root of its own that looks as it does
on Lambda: code in `/var/task`, layers in `/opt`, both read-only, an empty `/tmp` of limited size,
and no home of any user. Where it does not (many containers), the folders stay where they are, and
`TMPDIR` leads to a folder of the sandbox. Then it turns into AWS's runtime client.

Kept apart from the package, because nothing of the project may be importable in a sandbox.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000

HIDDEN = frozenset(
    {"boot", "home", "lost+found", "media", "mnt", "opt", "root", "srv", "tmp", "var"}
)
"""Folders of this machine that a function does not see; all else is the operating system's."""

TASK, LAYERS, TMP = "/var/task", "/opt", "/tmp"  # noqa: S108 - where Lambda has them


def main() -> None:
    """Prepare this process and replace its program."""
    settings: dict[str, Any] = json.loads(sys.argv[1])
    environment: dict[str, str] = settings["environment"]
    task, layers = settings["task"], settings["layers"]
    if settings["own_root"] and enter_namespace():
        build_root(settings)
        os.chroot(settings["root"])
        task, layers = TASK, LAYERS
    else:
        # Without a file system of its own, at least no single file outgrows what Lambda has.
        size = settings["storage_mb"] * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        environment["TMPDIR"] = settings["tmp"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(task)
    # The order of Lambda: the function's own code, then its layers, then the runtime.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = [task, f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"]
    environment |= {"LAMBDA_TASK_ROOT": task, "PYTHONPATH": os.pathsep.join(path)}
    # -B: what is unpacked is read-only on AWS. -u: a killed process loses no line of its log.
    arguments = ["-B", "-u", "-m", "awslambdaric", settings["handler"]]
    python = settings["python"]
    os.execve(python, [python, *arguments], environment)  # noqa: S606 - a program without a shell


def enter_namespace() -> bool:
    """Leave the mounts that all processes share; whether the kernel allows it."""
    user, group = os.getuid(), os.getgid()
    try:
        os.unshare(os.CLONE_NEWNS)
    except OSError:
        try:
            os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        except OSError:
            return False
    try:
        mount("none", "/", None, MS_REC | MS_PRIVATE)
    except OSError:
        return False
    return True


def build_root(settings: dict[str, Any]) -> None:
    """Mount in `settings["root"]`, an empty folder, what the function shall see."""
    root = settings["root"]
    mount("tmpfs", root, "tmpfs", options="size=1m,mode=755")
    for entry in os.scandir("/"):
        target = f"{root}/{entry.name}"
        if entry.name in HIDDEN:
            continue
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            show(entry.path, target)
    for name in ("tmp", "opt"):
        Path(root, name).mkdir()
    mount("tmpfs", root + TMP, "tmpfs", options=f"size={settings['storage_mb']}m,mode=1777")
    show(settings["task"], root + TASK, read_only=True)
    # One by one, so that an interpreter below /opt has its place beside the layers.
    for entry in os.scandir(settings["layers"]):
        if entry.is_dir():
            show(entry.path, f"{root}{LAYERS}/{entry.name}", read_only=True)
    for folder in interpreter_folders(settings["python"]):
        if folder.split("/")[1] in HIDDEN:
            show(folder, root + folder, read_only=True)


def interpreter_folders(python: str) -> list[str]:
    """Return the virtual environment and the installations behind it, each link on the way."""
    program = Path(python)
    folders = [str(program.parents[1]), sys.base_prefix]
    while program.is_symlink():
        program = program.parent / program.readlink()
        folders.append(os.path.normpath(program.parents[1]))
    return list(dict.fromkeys(folders))


def show(source: str, target: str, *, read_only: bool = False) -> None:
    """Let a folder appear at another path as well."""
    Path(target).mkdir(parents=True, exist_ok=True)
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def mount(source: str, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """Call mount(2).

    Raises
    ------
    OSError
        As the kernel says.
    """
    texts = [value.encode() if value else None for value in (source, target, kind, options)]
    if _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)


_libc = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main()
