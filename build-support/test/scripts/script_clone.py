"""A clone to run the project's scripts in, with a PATH that holds what a test puts there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[3]

# What the scripts call of the system.
SYSTEM_COMMANDS = (
    *("basename", "bash", "cat", "cmp", "cp", "cut", "dirname", "env", "git", "head", "mkdir"),
    *("mv", "readlink", "rm", "sed", "sh", "timeout"),
)


@dataclass
class Clone:
    """A copy of the scripts, a home and a PATH of its own."""

    root: Path
    home: Path
    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, name: str, script: str) -> Path:
        """Put a bash script on the PATH."""
        return executable(self.path / name, f"#!{shutil.which('bash')}\n{script}")

    def start(
        self,
        script: str,
        *arguments: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start one of the scripts in `bin/`."""
        environment = {"HOME": str(self.home), "PATH": str(self.path)}
        return subprocess.Popen(  # noqa: S603  # The project's own scripts.
            [str(self.root / "bin" / script), *arguments],
            cwd=cwd or self.root,
            env=environment | self.environment | dict(env or {}),
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
        """Run one of the scripts in `bin/` to its end."""
        process = self.start(script, *arguments, cwd=cwd, env=env)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def executable(path: Path, content: str) -> Path:
    """Write a file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(0o755)
    return path
