"""Mails that the project brings: a few days of a list that does not exist, by people who do not.

A series in two revisions, one that is reviewed, one that waits, a patch that a robot complains of,
a pull request, and a reply that comes before what it answers.
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
    """A mail in short: `hours` ago, `key` is the part of its id before the `@`."""

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
    # A series that was asked to change, and its second revision.
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
    # Nobody answered, but in the author's own words somebody liked it.
    _Mail(
        "kettle-1", 70, "tomas", "[PATCH] kettle: whistle in a lower key",
        "Dogs will be glad.\n\n" + _own("Acked-by", "ada") + "\n" + _own("Signed-off-by", "tomas"),
        (), "drivers/kettle/whistle.c",
    ),
    # A question that waits for the author; two of three patches came.
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
    # A robot complains.
    _Mail(
        "fan-1", 20, "jonas", "[PATCH] fan: turn the other way on Sundays",
        "As asked for.\n\n" + _own("Signed-off-by", "jonas"), (), "drivers/fan/turn.c",
    ),
    _Mail(
        "fan-r1", 18, "robot", "Re: [PATCH] fan: turn the other way on Sundays",
        "drivers/fan/turn.c:3: error: 'sunday' undeclared", ("fan-1",),
    ),
    # Taken.
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
"""What became of patches, by the key of their mail."""


def message_id(key: str) -> str:
    """Return the message id of a mail by its key."""
    return f"{key}@{PROJECT}.example"


def bundled_mails(now: dt.datetime) -> Iterator[Mail]:
    """Yield the mails, as if they had come in the days before `now`."""
    return _written(_MAILS, now)


def late_mails(now: dt.datetime, name: str) -> tuple[list[Mail], list[Mail]]:
    """Return mails that come later: answers in threads that begin elsewhere, and where they meet.

    Parameters
    ----------
    name
        Part of their ids, so that several sets are apart.

    Returns
    -------
    tuple
        What comes first, and the mail that shows two of its threads to be one.
    """
    first, second = f"{name}-first", f"{name}-second"
    answers = (
        _Mail(f"{name}-1", 0.5, "ada", "Re: Lamps at night", "Mine hums.", (first,)),
        _Mail(f"{name}-2", 0.4, "ada", "Re: Lamps by day", "Mine is off.", (second,)),
        _Mail(f"{name}-3", 0.3, "ada", "Re: [PATCH v2 2/2] lamp: dim by the timer",
              "Why so slowly?", ("lamp-v2-2",)),
    )  # fmt: skip
    meeting = _Mail(first, 0.2, "jonas", "Lamps at night", "As by day.", (second,))
    return list(_written(answers, now)), list(_written([meeting], now))


def _written(mails: Iterable[_Mail], now: dt.datetime) -> Iterator[Mail]:
    for mail in mails:
        sent = now.replace(microsecond=0) - dt.timedelta(hours=mail.hours)
        lines = [
            f"Received: by lists.example; {format_datetime(sent + dt.timedelta(seconds=20))}",
            f"From: {_PEOPLE[mail.author]}",
            f"To: {PROJECT}@lists.example",
            f"Subject: {mail.subject}",
            f"Date: {format_datetime(sent)}",
            f"Message-ID: <{message_id(mail.key)}>",
        ]
        if mail.answers:
            references = " ".join(f"<{message_id(one)}>" for one in reversed(mail.answers))
            lines += [f"In-Reply-To: <{message_id(mail.answers[0])}>", f"References: {references}"]
        lines += [
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            mail.text,
            *(_diff(mail.path) if mail.path else ()),
        ]
        yield parse_mail(("\n".join(lines) + "\n").encode())


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
