from __future__ import annotations

import re
from pathlib import Path

import pytest
from scripts.script_clone import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
DECISIONS = sorted(set((DOCS / "decisions").glob("*.md")) - {DOCS / "decisions/README.md"})


def text_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        # Other files of the repository are not there when Pants runs this test.
        if "://" in link or not target.is_relative_to(DOCS) or target.suffix == ".png":
            continue
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda decision: str(decision.stem))
def test_a_decision_is_complete_and_in_the_index(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Alternatives considered",
    ]
    title, date = re.findall(r"\A# (.*)\n\nAccepted, (\d{4}-\d\d-\d\d)\.\n", text)[0]
    index = (DOCS / "decisions/README.md").read_text(encoding="utf-8")
    assert f"| [{title}]({decision.name}) | {date} |" in index


def test_there_are_decisions() -> None:
    assert len(DECISIONS) > 20
