"""The first program of each sandbox: it sets up the process and becomes AWS's runtime client.

Started as `python -I -S launcher.py SETTINGS`; SETTINGS is JSON from `function_process`. If the
kernel allows mount namespaces, the process gets its own root file system, as on Lambda: code in
`/var/task` and layers in `/opt`, both read-only, an empty `/tmp` of limited size, and no home
folders. Otherwise, as in many containers, the folders stay at their paths, and `TMPDIR` is a folder
of the sandbox.

It uses only the standard library, because a sandbox must not be able to import the project's code.
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
"""Folders that functions do not see; the others belong to the operating system."""

TASK, LAYERS, TMP = "/var/task", "/opt", "/tmp"  # noqa: S108 - the paths on Lambda


def main() -> None:
    """Set up this process and replace its program with the runtime client."""
    settings: dict[str, Any] = json.loads(sys.argv[1])
    environment: dict[str, str] = settings["environment"]
    task, layers = settings["task"], settings["layers"]
    if settings["own_root"] and enter_namespace():
        build_root(settings)
        os.chroot(settings["root"])
        task, layers = TASK, LAYERS
    else:
        # Without its own file system, at least the size of each file can be limited.
        size = settings["storage_mb"] * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        environment["TMPDIR"] = settings["tmp"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(task)
    # In Lambda's order: the function's code, its layers, the runtime.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    path = [task, f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"]
    environment |= {"LAMBDA_TASK_ROOT": task, "PYTHONPATH": os.pathsep.join(path)}
    # -B: write no bytecode, because code is read-only on AWS. -u: lose no output when killed.
    arguments = ["-B", "-u", "-m", "awslambdaric", settings["handler"]]
    python = settings["python"]
    os.execve(python, [python, *arguments], environment)  # noqa: S606 - no shell is needed


def enter_namespace() -> bool:
    """Enter a separate mount namespace, and return whether the kernel allows it."""
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
    """Mount everything that the function may see in `settings["root"]`, an empty folder."""
    root = settings["root"]
    mount("tmpfs", root, "tmpfs", options="size=1m,mode=755")
    for entry in os.scandir("/"):
        target = f"{root}/{entry.name}"
        if entry.name in HIDDEN:
            continue
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            bind(entry.path, target)
    for name in ("tmp", "opt"):
        Path(root, name).mkdir()
    mount("tmpfs", root + TMP, "tmpfs", options=f"size={settings['storage_mb']}m,mode=1777")
    bind(settings["task"], root + TASK, read_only=True)
    # Each folder separately, because the interpreter may also be in /opt.
    for entry in os.scandir(settings["layers"]):
        if entry.is_dir():
            bind(entry.path, f"{root}{LAYERS}/{entry.name}", read_only=True)
    for folder in interpreter_folders(settings["python"]):
        if folder.split("/")[1] in HIDDEN:
            bind(folder, root + folder, read_only=True)


def interpreter_folders(python: str) -> list[str]:
    """Return the folders of the virtual environment and of each interpreter that it links to."""
    program = Path(python)
    folders = [str(program.parents[1]), sys.base_prefix]
    while program.is_symlink():
        program = program.parent / program.readlink()
        folders.append(os.path.normpath(program.parents[1]))
    return list(dict.fromkeys(folders))


def bind(source: str, target: str, *, read_only: bool = False) -> None:
    """Mount a folder at a second path (bind mount)."""
    Path(target).mkdir(parents=True, exist_ok=True)
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def mount(source: str, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    """Call mount(2).

    Raises
    ------
    OSError
        The call failed.
    """
    encoded = [value.encode() if value else None for value in (source, target, kind, options)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)


_libc = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main()
