"""Planning a deployment to production loads little code, and nothing of the local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambda_testing.fault_proxy import FaultProxy

MOST_MODULES = 60

FORBIDDEN = {
    "aws_ssm_fetcher",
    "event_log",
    "lambda_testing",
    "local_cloud",
    "patch_tracker",
    "polars",
    "run_local",
}

PLAN = """
import json, sys
from pathlib import Path

import deployment
from deployment import cli, command

root = Path(sys.argv[1])
cli.repository_root = command.repository_root = lambda: root
code = cli.main(["some", "prod", "--plan", "--region", "us-east-1"])
sources = str(Path(deployment.__file__).parents[1])
paths = {
    name: [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    for name, module in sys.modules.items()
}
first_party = [name for name, found in paths.items() if any(sources in path for path in found)]
print(json.dumps({"code": code, "all": sorted(sys.modules), "first_party": sorted(first_party)}))
"""

TERRAFORM = """#!/bin/sh
case "$*" in
  "version -json") echo '{"terraform_version": "1.11.4"}' ;;
  *" plan "*) exit 2 ;;
  *" show -json "*) cat "$(dirname "$0")/../changes.json" ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Create a repository with a stack that has a packaged function, and a Terraform that plans."""
    files = {
        "changes.json": json.dumps({"resource_changes": [created("some-bucket")]}),
        "bin/exec-in-devcontainer.sh": '#!/bin/sh\nexec "$@"\n',
        "bin/pants": "#!/bin/sh\nmkdir -p dist/functions && cp reader.zip dist/functions\n",
        "bin/terraform": TERRAFORM,
        "lambda/functions.json": json.dumps(
            {"some": {"reader": {"memory_mb": 128, "timeout_seconds": 3}}}
        ),
        "lambda/reader/src/python/reader_lambda/lambda_function.py": "",
        "terraform/environments/prod/some.tfvars": "",
        "terraform/modules/any/main.tf": "",
        "terraform/stacks/some/main.tf": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.parent.name == "bin":
            path.chmod(0o755)
    zipfile.ZipFile(tmp_path / "reader.zip", "w").close()
    return tmp_path


def created(bucket: str) -> dict[str, object]:
    return {
        "address": "aws_s3_bucket.this",
        "mode": "managed",
        "type": "aws_s3_bucket",
        "change": {"actions": ["create"], "before": None, "after": {"bucket": bucket}},
    }


def test_a_plan_for_production_imports_little(repository: Path, aws_environment: str) -> None:
    with FaultProxy(aws_environment) as proxy:
        done = subprocess.run(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-c", PLAN, str(repository)],
            env={
                **os.environ,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_ENDPOINT_URL": proxy.url,
                "AWS_SECRET_ACCESS_KEY": "test",
                "PATH": f"{repository}/bin{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["code"] == 0, done.stderr
        # The plan was completed: it checked the caller, the state bucket and the new bucket's name.
        assert proxy.calls == {"POST": 1, "HEAD": 2}
    assert {name.partition(".")[0] for name in result["all"]} & FORBIDDEN == set()
    assert not [name for name in result["all"] if name.startswith("deployment.proof")]
    assert "deployment.terraform" in result["first_party"]
    assert len(result["first_party"]) <= MOST_MODULES, result["first_party"]
