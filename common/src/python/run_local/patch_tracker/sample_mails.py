"""Sample mails: a few days of a mailing list that does not exist, by people who do not exist.

They contain a series in two revisions, a reviewed series, a series that is waiting, a patch that a
robot rejects, a pull request, and a reply that arrives before the mail it answers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

from patch_tracker.mail.message import Mail, parse_mail

PROJECT: Final = "example-driver"

_PEOPLE: Final = {
    "mira": "Mira Sole <mira@wolkenbruch.example>",
    "jonas": "Jonas Ek <jonas@fjallstuga.example>",
    "ada": "Ada Quill <ada@papermill.example>",
    "tomas": "Tomáš Říha <tomas@potok.example>",
    "robot": "build robot <build-bot@farm.example>",
    "keeper": "Sana Keeper <sana@trees.example>",
}


@dataclass(frozen=True)
class _Mail:
    """A mail, sent `hours` ago; `key` is the part of its message ID before the `@`."""

    key: str
    hours: float
    author: str
    subject: str
    text: str
    answers: tuple[str, ...] = ()
    path: str = ""


def _own(tag: str, author: str) -> str:
    return f"{tag}: {_PEOPLE[author]}"


_MAILS: Final = (
    # A series with requested changes, and its second revision.
    _Mail("lamp-v1-0", 200, "mira", "[PATCH 0/2] lamp: dim slowly", "Lamps that dim in steps."),
    _Mail(
        "lamp-v1-1", 199.9, "mira", "[PATCH 1/2] lamp: add a timer",
        "A timer for every lamp.\n\n" + _own("Signed-off-by", "mira"),
        ("lamp-v1-0",), "drivers/lamp/timer.c",
    ),
    _Mail(
        "lamp-v1-2", 199.8, "mira", "[PATCH 2/2] lamp: dim by the timer",
        "Each tick dims a little.\n\n" + _own("Signed-off-by", "mira"),
        ("lamp-v1-0",), "drivers/lamp/dim.c",
    ),
    _Mail(
        "lamp-r1", 180, "jonas", "Re: [PATCH 2/2] lamp: dim by the timer",
        "> +int dim = 1;\n\nThis leaks the timer when the lamp is removed.",
        ("lamp-v1-2", "lamp-v1-0"),
    ),
    _Mail(
        "lamp-v2-0", 90, "mira", "[PATCH v2 0/2] lamp: dim slowly",
        "v2: the timer is freed with its lamp.",
    ),
    _Mail(
        "lamp-v2-1", 89.9, "mira", "[PATCH v2 1/2] lamp: add a timer",
        "A timer for every lamp.\n\n" + _own("Signed-off-by", "mira"),
        ("lamp-v2-0",), "drivers/lamp/timer.c",
    ),
    _Mail(
        "lamp-v2-2", 89.8, "mira", "[PATCH v2 2/2] lamp: dim by the timer",
        "Each tick dims a little.\n\n" + _own("Signed-off-by", "mira"),
        ("lamp-v2-0",), "drivers/lamp/dim.c",
    ),
    _Mail(
        "lamp-r2", 60, "jonas", "Re: [PATCH v2 0/2] lamp: dim slowly",
        "All of my points are met, thank you.\n\n" + _own("Reviewed-by", "jonas"), ("lamp-v2-0",),
    ),
    _Mail(
        "lamp-r3", 50, "ada", "Re: [PATCH v2 2/2] lamp: dim by the timer",
        "Works on three lamps here.\n\n" + _own("Tested-by", "ada"), ("lamp-v2-2", "lamp-v2-0"),
    ),
    # No replies; the author claims an acknowledgement.
    _Mail(
        "kettle-1", 70, "tomas", "[PATCH] kettle: whistle in a lower key",
        "Dogs will be glad.\n\n" + _own("Acked-by", "ada") + "\n" + _own("Signed-off-by", "tomas"),
        (), "drivers/kettle/whistle.c",
    ),
    # A question to the author; only two of three patches arrived.
    _Mail(
        "door-2", 40, "ada", "[PATCH v3 2/3] door: count visitors",
        "A counter.\n\n" + _own("Signed-off-by", "ada"), ("door-0",), "drivers/door/count.c",
    ),
    _Mail(
        "door-1", 40.1, "ada", "[PATCH v3 1/3] door: know when it is open",
        "A switch.\n\n" + _own("Signed-off-by", "ada"), ("door-0",), "drivers/door/switch.c",
    ),
    _Mail(
        "door-r1", 30, "keeper", "Re: [PATCH v3 1/3] door: know when it is open",
        "> +switch\n\nWhat happens if the wind opens it?", ("door-1", "door-0"),
    ),
    _Mail("door-0", 40.2, "ada", "[PATCH v3 0/3] door: visitors", "Doors that know their guests."),
    # A robot reports an error.
    _Mail(
        "fan-1", 20, "jonas", "[PATCH] fan: turn the other way on Sundays",
        "As asked for.\n\n" + _own("Signed-off-by", "jonas"), (), "drivers/fan/turn.c",
    ),
    _Mail(
        "fan-r1", 18, "robot", "Re: [PATCH] fan: turn the other way on Sundays",
        "drivers/fan/turn.c:3: error: 'sunday' undeclared", ("fan-1",),
    ),
    # Accepted.
    _Mail(
        "bell-1", 120, "tomas", "[PATCH] bell: ring once",
        "Twice is rude.\n\n" + _own("Signed-off-by", "tomas"), (), "drivers/bell/ring.c",
    ),
    _Mail(
        "bell-r1", 100, "keeper", "Re: [PATCH] bell: ring once", "Applied, thanks.", ("bell-1",),
    ),
    _Mail(
        "pull-1", 10, "keeper", "[GIT PULL] house: fixes for the week",
        "The following changes are available in the Git repository at:\n\n"
        "  https://trees.example/house.git tags/house-fixes\n",
    ),
)  # fmt: skip

STATES: Final = {"bell-1": "accepted", "lamp-v1-1": "superseded", "lamp-v1-2": "superseded"}
"""States of patches, by the keys of their mails."""


def message_id(key: str) -> str:
    """Return the message ID of the mail with this key."""
    return f"{key}@{PROJECT}.example"


def bundled_mails(now: dt.datetime) -> Iterator[Mail]:
    """Yield the mails, dated in the days before `now`."""
    return _written(_MAILS, now)


def late_mails(now: dt.datetime, name: str) -> tuple[list[Mail], list[Mail]]:
    """Return later mails: replies in threads whose first mails are missing, and a joining mail.

    Parameters
    ----------
    name
        Part of their message IDs, which keeps several sets apart.

    Returns
    -------
    tuple
        The replies, and the mail that joins two of their threads.
    """
    first, second = f"{name}-first", f"{name}-second"
    answers = (
        _Mail(f"{name}-1", 0.5, "ada", "Re: Lamps at night", "Mine hums.", (first,)),
        _Mail(f"{name}-2", 0.4, "ada", "Re: Lamps by day", "Mine is off.", (second,)),
        _Mail(f"{name}-3", 0.3, "ada", "Re: [PATCH v2 2/2] lamp: dim by the timer",
              "Why so slowly?", ("lamp-v2-2",)),
    )  # fmt: skip
    joining = _Mail(first, 0.2, "jonas", "Lamps at night", "As by day.", (second,))
    return list(_written(answers, now)), list(_written([joining], now))


def patch_named(name: str, now: dt.datetime) -> Mail:
    """Return a patch with this message ID, sent one hour before `now`."""
    patch = _Mail(
        "named", 1, "ada", "[PATCH] clock: tick quietly",
        "For light sleepers.\n\n" + _own("Signed-off-by", "ada"), (), "drivers/clock/tick.c",
    )  # fmt: skip
    return _mail(patch, name, now)


def _written(mails: Iterable[_Mail], now: dt.datetime) -> Iterator[Mail]:
    for mail in mails:
        yield _mail(mail, message_id(mail.key), now)


def _mail(mail: _Mail, name: str, now: dt.datetime) -> Mail:
    """Return the mail with `name` as its message ID."""
    sent = now.replace(microsecond=0) - dt.timedelta(hours=mail.hours)
    lines = [
        f"Received: by lists.example; {format_datetime(sent + dt.timedelta(seconds=20))}",
        f"From: {_PEOPLE[mail.author]}",
        f"To: {PROJECT}@lists.example",
        f"Subject: {mail.subject}",
        f"Date: {format_datetime(sent)}",
        f"Message-ID: <{name}>",
    ]
    if mail.answers:
        references = " ".join(f"<{message_id(key)}>" for key in reversed(mail.answers))
        lines += [f"In-Reply-To: <{message_id(mail.answers[0])}>", f"References: {references}"]
    lines += [
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        mail.text,
        *(_diff(mail.path) if mail.path else ()),
    ]
    return parse_mail(("\n".join(lines) + "\n").encode())


def _diff(path: str) -> list[str]:
    return [
        "---",
        f" {path} | 1 +",
        " 1 file changed, 1 insertion(+)",
        "",
        f"diff --git a/{path} b/{path}",
        f"--- a/{path}",
        f"+++ b/{path}",
        "@@ -1,2 +1,3 @@",
        " first",
        "+something new",
        " last",
        "-- ",
        "2.51.0",
    ]
