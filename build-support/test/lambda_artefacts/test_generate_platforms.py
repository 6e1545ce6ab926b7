from __future__ import annotations

from pathlib import Path

import generate_platforms
import pytest

MACHINES = sorted(generate_platforms.OLDEST_GLIBC_MINOR)


def tags_of(machine: str) -> list[str]:
    tags = generate_platforms.complete_platform(machine)["compatible_tags"]
    assert isinstance(tags, list)
    return tags


@pytest.mark.parametrize("machine", MACHINES)
def test_the_files_are_those_that_the_generator_writes(machine: str) -> None:
    written = Path(f"build-support/lambda/python312-{machine}.json").read_text(encoding="utf-8")
    assert written == generate_platforms.content(machine)


def test_writes_one_file_for_each_machine(tmp_path: Path) -> None:
    generate_platforms.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "python312-aarch64.json",
        "python312-x86_64.json",
    ]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "tag",
    [
        # Tags of the wheels of pydantic-core, polars, cryptography and of pure Python packages.
        "cp312-cp312-manylinux_2_17_{machine}",
        "cp310-abi3-manylinux_2_24_{machine}",
        "cp311-abi3-manylinux_2_34_{machine}",
        "cp312-cp312-manylinux2014_{machine}",
        "py3-none-any",
    ],
)
def test_takes_what_the_runtime_can_load(machine: str, tag: str) -> None:
    assert tag.format(machine=machine) in tags_of(machine)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-manylinux_2_35_{machine}",
        "cp312-cp312-musllinux_1_2_{machine}",
        "cp313-cp313-manylinux_2_17_{machine}",
        "cp313-abi3-manylinux_2_17_{machine}",
        "cp311-cp311-manylinux_2_17_{machine}",
        "cp312-cp312-macosx_11_0_arm64",
    ],
)
def test_refuses_what_the_runtime_cannot_load(machine: str, tag: str) -> None:
    assert tag.format(machine=machine) not in tags_of(machine)


@pytest.mark.parametrize("machine", MACHINES)
def test_prefers_the_newest_glibc_and_native_code(machine: str) -> None:
    tags = tags_of(machine)
    assert tags[0] == f"cp312-cp312-manylinux_2_34_{machine}"
    assert tags.index("py3-none-any") > tags.index(f"cp38-abi3-manylinux_2_17_{machine}")
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(("machine", "other"), [("x86_64", "aarch64"), ("aarch64", "x86_64")])
def test_mixes_no_machines(machine: str, other: str) -> None:
    assert not [tag for tag in tags_of(machine) if other in tag]
