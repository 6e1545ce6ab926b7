"""A clone in which to run the project's scripts, with a PATH that a test controls."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]

# The commands of the system that the scripts call.
SYSTEM_COMMANDS = (
    *("basename", "bash", "cat", "cp", "cut", "dirname", "env", "git", "head", "ln", "mkdir", "mv"),
    *("readlink", "rm", "sed", "sh", "timeout"),
)


UNSET = "\0unset"
"""Value of a variable that a script does not get."""


@dataclass
class Clone:
    """A copy of the scripts with its own home folder and PATH."""

    root: Path
    home: Path
    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, name: str, script: str) -> Path:
        """Put a bash script on the PATH."""
        return executable(self.path / name, f"#!{shutil.which('bash')}\n{script}")

    def install(self, lockfile: str) -> Path:
        """Create the files of a finished installation of a lockfile; return its folder.

        Its interpreter is the one that runs this test.
        """
        path = self.root / lockfile
        content = path.read_bytes()
        digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324  # As git.
        home = self.home / ".cache/pants-from-pypi" / f"{path.stem}-{digest[:16]}"
        executable(home / "venv/bin/python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (home / "venv/pyvenv.cfg").write_text(f"home = /where/python/of/{path.stem}/is\n")
        (home / "ready").write_text("/where/python/is\n")
        return home

    def start(
        self,
        script: str,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start one of the scripts in `bin/`."""
        environment = {"HOME": str(self.home), "PATH": str(self.path)} | self.environment
        environment |= dict(env or {})
        return subprocess.Popen(  # noqa: S603  # The project's own scripts.
            [str(self.root / "bin" / script), *arguments],
            cwd=cwd or self.root,
            env={name: value for name, value in environment.items() if value != UNSET},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        script: str,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts in `bin/`, and wait until it ends."""
        process = self.start(script, *arguments, cwd=cwd, env=env)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def executable(path: Path, content: str) -> Path:
    """Write a file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(0o755)
    return path
