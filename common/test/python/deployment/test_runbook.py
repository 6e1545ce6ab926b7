from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_each_alarm_leads_to_its_part_of_the_runbook() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    parts = set(re.findall(r"^### ([a-z-]+)$", page, re.MULTILINE))
    named: set[str] = set()
    for file in (ROOT / "terraform").rglob("*.tf"):
        text = file.read_text(encoding="utf-8")
        anchors = re.findall(r"docs/operations\.md#((?:[a-z-]|\$\{each\.key\})+)", text)
        keys = re.findall(r"^    ([a-z-]+) = \{$", text, re.MULTILINE)
        for anchor in anchors:
            names = [anchor.replace("${each.key}", key) for key in keys]
            named |= set(names if "${" in anchor else [anchor])
        named |= set(re.findall(r'^  runbook += "([a-z-]+)"$', text, re.MULTILINE))
        anchors += re.findall(r"docs/operations\.md#\$\{var\.runbook\}", text)
        # Nobody acts on an alarm without instructions.
        assert text.count('resource "aws_cloudwatch_metric_alarm"') == len(anchors), file
    assert named == parts
