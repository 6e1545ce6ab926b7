from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from patch_tracker.mail.diff import has_diff, paths_of

GIT = """\
diff --git a/drivers/x.c b/drivers/x.c
--- a/drivers/x.c
+++ b/drivers/x.c
@@ -1,3 +1,3 @@
 int a;
--- a/not/a/path
-int b;
+++ b/nor/this
+
diff --git a/old name.c b/new name.c
rename from old name.c
rename to new name.c
diff --git a/tool.sh b/tool.sh
old mode 100644
new mode 100755
diff --git a/gone.c b/gone.c
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git "a/stra\\303\\237e.txt" "b/stra\\303\\237e.txt"
--- "a/stra\\303\\237e.txt"
+++ "b/stra\\303\\237e.txt"
@@ -1 +1 @@
-a
+b
--
2.40
"""


def test_all_touched_files_are_found() -> None:
    assert paths_of(GIT.splitlines()) == (
        "drivers/x.c",
        "gone.c",
        "new name.c",
        "old name.c",
        "straße.txt",
        "tool.sh",
    )


def test_a_diff_without_git_is_recognized() -> None:
    lines = [
        "--- linux-5.0/a/b.c\t2021-01-01",
        "+++ linux/a/b.c\t2021-01-02",
        "@@ -1 +1 @@",
        "-a",
        "+b",
    ]
    assert has_diff(lines)
    assert paths_of(lines) == ("a/b.c",)


def test_quoted_and_incomplete_diffs_are_not_diffs() -> None:
    lines = ["> diff --git a/x b/x", "--- ", "text", "+++ text"]
    assert not has_diff(lines)
    assert paths_of(lines) == ()


@given(st.lists(st.sampled_from([*GIT.splitlines(), "@@ -9,9 +9,9 @@", '--- "a', "+++ b/"])))
def test_any_lines_are_accepted(lines: list[str]) -> None:
    assert all(paths_of(lines))


def test_each_of_the_two_names_can_be_quoted() -> None:
    lines = ['diff --git "a/\\303\\244.c" b/x.c', 'diff --git a/y.c "b/\\303\\266.c"']
    assert paths_of(lines) == ("x.c", "y.c", "ä.c", "ö.c")
