from __future__ import annotations

import json
import platform
import sys
import zipfile
from pathlib import Path

import check_artefacts
import pytest

ARCHITECTURE = check_artefacts.ARCHITECTURES[platform.machine()]
OTHER = ({"arm64", "x86_64"} - {ARCHITECTURE}).pop()


def write_zip(
    path: Path, files: dict[str, str], date: tuple[int, int, int, int, int, int] | None = None
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date or (1980, 1, 1, 0, 0, 0)), content)


class Dist:
    """What was built: one function `reader` with the layer `excel`."""

    def __init__(self, root: Path) -> None:
        self.root = root / "dist"
        self.settings = root / "functions.json"
        function = {"memory_mb": 512, "layers": ["excel"]}
        self.settings.write_text(json.dumps({"report": {"reader": function}}))
        self.function({"lambda_function.py": "import openpyxl\n"})
        for architecture in (ARCHITECTURE, OTHER):
            self.layer(architecture, {"python/openpyxl.py": ""})

    def function(self, files: dict[str, str]) -> None:
        write_zip(self.root / "functions/reader.zip", files)

    def layer(self, architecture: str, files: dict[str, str], name: str = "excel") -> None:
        write_zip(self.root / f"layers/{architecture}/{name}.zip", files)

    def check(self) -> int:
        # This interpreter takes the place of Lambda's runtime; the packages are fictional.
        return check_artefacts.main(
            [str(self.root), "--settings", str(self.settings), "--runtime", sys.executable]
        )


@pytest.fixture
def dist(tmp_path: Path) -> Dist:
    return Dist(tmp_path)


def test_weighs_every_artefact(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    dist.layer("x86_64", {"python/openpyxl.py": "#" * 2_340_000})
    dist.layer("arm64", {"python/openpyxl.py": "#" * 1_210_000})

    assert dist.check() == 0

    output = capsys.readouterr()
    assert output.err == ""
    rows = [line.split() for line in output.out.splitlines()]
    assert ["layers/x86_64/excel", "2,340", "kB", "2.3", "MB"] in rows
    assert ["layers/arm64/excel", "1,210", "kB", "1.2", "MB"] in rows
    assert ["functions/reader", "0", "kB", "0.0", "MB"] in rows
    assert ["with", "its", "layers,", "unzipped", "arm64", "x86_64"] in rows
    assert ["reader", "1.2", "MB", "2.3", "MB"] in rows


@pytest.mark.parametrize(("over", "code"), [(0, 0), (1, 1)])
def test_a_function_with_its_layers_must_fit(
    dist: Dist,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    over: int,
    code: int,
) -> None:
    monkeypatch.setattr(check_artefacts, "UNZIPPED_LIMIT", 1_000_000)
    dist.function({"lambda_function.py": "#" * 1_000})
    dist.layer(OTHER, {"python/openpyxl.py": "#" * (999_000 + over)})

    assert dist.check() == code
    fault = f"reader has 1.0 MB unzipped with its layers on {OTHER}; Lambda allows 1.0 MB\n"
    assert capsys.readouterr().err == fault * code


def test_packages_in_a_function(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    dist.function({"lambda_function.py": "", "polars.py": "#" * 1_000_000})

    assert dist.check() == 1
    assert "reader.zip has 1,000 kB; the limit is 1,000 kB" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["functions/reader.zip", f"layers/{OTHER}/excel.zip"])
def test_missing_artefacts(dist: Dist, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    (dist.root / missing).unlink()

    assert dist.check() == 1
    error = capsys.readouterr().err
    assert f"{dist.root / missing} is missing; build it with `bin/pants package lambda::`" in error


def test_nothing_was_built(dist: Dist, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dist.root = tmp_path / "nowhere"

    assert dist.check() == 1
    assert capsys.readouterr().err.count("is missing") == 3


def test_a_function_with_a_missing_package(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    dist.function({"lambda_function.py": "import openpyxl\nimport forgotten_package\n"})

    assert dist.check() == 1
    assert capsys.readouterr().err == (
        "the function reader cannot import lambda_function:"
        " ModuleNotFoundError: No module named 'forgotten_package'\n"
    )


def test_a_layer_that_needs_another(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    dist.layer(ARCHITECTURE, {"python/openpyxl.py": "import forgotten_package\n"})

    assert dist.check() == 1
    assert (
        "the layer excel alone cannot import openpyxl:"
        " ModuleNotFoundError: No module named 'forgotten_package'\n"
    ) in capsys.readouterr().err


def test_a_layer_without_known_modules(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    dist.settings.write_text(json.dumps({"report": {"reader": {"layers": ["excel", "new"]}}}))
    for architecture in (ARCHITECTURE, OTHER):
        dist.layer(architecture, {"python/new.py": ""}, name="new")

    assert dist.check() == 1
    assert capsys.readouterr().err == (
        "add the modules of layer new to LAYER_MODULES in check_artefacts.py\n"
    )


@pytest.mark.parametrize("package", ["boto3/__init__.py", "botocore/__init__.py"])
def test_runtime_packages_in_a_layer(
    dist: Dist, capsys: pytest.CaptureFixture[str], package: str
) -> None:
    dist.layer(OTHER, {"python/openpyxl.py": "", f"python/{package}": ""})

    assert dist.check() == 1
    error = capsys.readouterr().err
    assert (
        f"excel.zip contains {package.partition('/')[0]}, which the Lambda runtime provides"
        in error
    )


def test_times_in_a_zip(dist: Dist, capsys: pytest.CaptureFixture[str]) -> None:
    write_zip(
        dist.root / "functions/reader.zip", {"lambda_function.py": ""}, (2026, 11, 21, 1, 2, 4)
    )

    assert dist.check() == 1
    assert "reader.zip contains files with times" in capsys.readouterr().err
