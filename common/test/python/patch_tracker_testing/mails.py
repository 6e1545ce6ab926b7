"""Small generated mails, and Hypothesis strategies for conversations."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from patch_tracker.mail.message import Mail, parse_mail
from patch_tracker.models import MailKind

DIFF = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1,2 @@\n x\n+y\n"

_SUBJECTS = {
    MailKind.PATCH: "[PATCH 1/2] a: change b",
    MailKind.COVER: "[PATCH 0/2] a: change everything",
    MailKind.PULL: "[GIT PULL] a",
    MailKind.REPLY: "Re: something",
    MailKind.OTHER: "something",
}


def make_mail(
    message_id: str,
    *,
    parents: Sequence[str] = (),
    kind: MailKind = MailKind.REPLY,
    minute: int = 0,
    author: str = "Anna <anna@example.org>",
    text: str = "Some words.",
    subject: str = "",
) -> Mail:
    """Return a mail of a kind. `parents` are the message IDs that it answers, nearest first."""
    lines = [
        f"Received: by list.example; Thu, 21 Oct 2021 12:{minute:02d}:30 +0000",
        f"From: {author}",
        f"Subject: {subject or _SUBJECTS[kind]}",
        f"Date: Thu, 21 Oct 2021 12:{minute:02d}:00 +0000",
        f"Message-ID: <{message_id}>",
    ]
    if parents:
        lines.append(f"In-Reply-To: <{parents[0]}>")
        lines.append(f"References: {' '.join(f'<{parent}>' for parent in reversed(parents))}")
    body = f"{text}\n{DIFF if kind is MailKind.PATCH else ''}"
    mail = parse_mail("\n".join([*lines, "", body]).encode())
    assert mail.kind is kind, (mail.kind, kind)
    return mail


_IDS = [f"m{number}" for number in range(6)]


@st.composite
def _mails(draw: st.DrawFn) -> Mail:
    message_id = draw(st.sampled_from(_IDS))
    parents = draw(
        st.lists(
            st.sampled_from([other for other in _IDS if other != message_id]),
            max_size=2,
            unique=True,
        )
    )
    kinds = [MailKind.PATCH, MailKind.COVER]
    kinds += [MailKind.REPLY, MailKind.REPLY] if parents else [MailKind.OTHER]
    return make_mail(
        message_id,
        parents=parents,
        kind=draw(st.sampled_from(kinds)),
        minute=draw(st.integers(0, 2)),
        text=draw(st.sampled_from(["Looks good.", "Reviewed-by: Anna <anna@example.org>", "Why?"])),
    )


MAILS = st.lists(_mails(), min_size=1, max_size=7, unique_by=lambda mail: mail.digest)
"""Conversations with merging threads, replies to missing mails, circles and duplicate IDs."""
