"""Event files for the demonstration of the event log: generated, or read from a folder.

They are stored in two rounds: before the first run, and before the second one. The second round
contains late, rewritten, repeated and broken files.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

from event_log.file_names import is_event_file
from lambda_core.errors import UsageError

SEED: Final = 20_260_701
"""Makes the files reproducible: the same number of files always gives the same files."""

FIRST_DAY: Final = dt.date(2026, 7, 1)

DAYS: Final = 92
"""Days with generated visits."""

CENTERS: Final = {
    11: "alder",
    14: "birch",
    18: "cedar",
    23: "juniper",
    31: "maple",
    42: "rowan",
    57: "willow",
}
"""Fictional centers; the first ones have the most visits."""

MODULES: Final = ("UDS", "UDS", "UDS", "FTLD", "LBD", "MDS")

PACKETS: Final = {"UDS": ("I", "F", "F", "T"), "FTLD": ("I", "F"), "LBD": ("I", "F"), "MDS": ("M",)}

OTHER_DATATYPES: Final = ("dicom", "dicom", "biomarker", "apoe", "enrollment", "scan-analysis")

_GEARS: Final = {"submit": "submission-logger", "delete": "file-remover"}

_NAME: Final = re.compile(
    r"(?:^|/)log-(?P<action>submit|delete|pass-qc|not-pass-qc)-(?P<time>\d{8}-\d{6})"
    r"-(?P<adcid>\d+)-(?P<project>.+)-(?P<ptid>[^-]+)-(?P<day>\d{4}-\d\d-\d\d)\.json$",
    re.ASCII,
)

_LARGE: Final = 1_100_000
"""Bytes; the function accepts event files up to 1 MiB."""


class Kind(Enum):
    """Kinds of files, with their names in the output."""

    EVENT = "event files"
    LATE = "late: older than stored events"
    REWRITTEN = "rewritten: same key, more data"
    REPEATED = "stored again with the same content"
    PRACTICE = "from practice projects"
    BROKEN = "broken"
    OTHER = "other names"


@dataclass(frozen=True)
class EventFile:
    """A file to be stored in the bucket: its content, or the path to it."""

    kind: Kind
    key: str
    content: bytes | Path

    def read(self) -> bytes:
        """Return the content.

        Raises
        ------
        UsageError
            If it cannot be read.
        """
        if isinstance(self.content, bytes):
            return self.content
        try:
            return self.content.read_bytes()
        except OSError as error:
            raise UsageError(f"{self.content} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Rounds:
    """The files of both rounds.

    Attributes
    ----------
    origin
        Description of where they are from.
    generated
        Whether the files were generated, so that the expected result of each is known.
    """

    origin: str
    generated: bool
    first: Sequence[EventFile]
    second: Sequence[EventFile]

    def count(self, kind: Kind) -> int:
        """Return the number of files of a kind."""
        return sum(file.kind is kind for file in (*self.first, *self.second))


def generate_rounds(files: int, seed: int = SEED) -> Rounds:
    """Generate the event files of both rounds.

    Parameters
    ----------
    files
        Number of events, not counting practice projects and rewritten, repeated and broken files.
    """
    maker = _Maker(random.Random(seed))  # noqa: S311 - nothing is secret
    events = maker.events(files)
    late = set(maker.chance.sample(range(files), files // 20))
    first = [_file(Kind.EVENT, event) for number, event in enumerate(events) if number not in late]
    first += [_file(Kind.PRACTICE, event) for event in maker.practice(max(1, files // 50))]
    first += [
        EventFile(Kind.OTHER, "not-an-event-file.json", b"{}"),
        EventFile(Kind.OTHER, "README.txt", b"Event files are below this prefix.\n"),
    ]
    unfinished = [
        event
        for number, event in enumerate(events)
        if number not in late and event["datatype"] == "form" and event["packet"] is None
    ]
    second = [_file(Kind.LATE, events[number]) for number in sorted(late)]
    second += [_file(Kind.REWRITTEN, maker.completed(event)) for event in unfinished]
    repeated = maker.chance.sample(first[: files - len(late)], max(1, (files - len(late)) // 100))
    # A rewritten file has different content by then.
    rewritten = {file.key for file in second if file.kind is Kind.REWRITTEN}
    second += [
        EventFile(Kind.REPEATED, file.key, file.content)
        for file in repeated
        if file.key not in rewritten
    ]
    second += broken_files()
    origin = f"generated: {len(CENTERS)} centers, {DAYS} days from {FIRST_DAY:%Y-%m-%d}"
    return Rounds(origin, True, first, second)


def from_folder(folder: Path) -> Rounds:
    """Read the files of a folder; the second round adds broken files.

    Of a hundred files, about five are stored only in the second round, three are stored again with
    an extra line feed (same event, different content), and one is stored again unchanged.

    Raises
    ------
    UsageError
        If the folder does not exist or contains no event file.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from error
    if not paths:
        raise UsageError(f"{folder} is empty; it must contain event files")
    named = [path for path in paths if is_event_file(path.name, "")]
    if not named:
        raise UsageError(
            f"no file in {folder} has the name of an event file, such as "
            f"log-submit-20260701-093000-42-ingest-form-110001-2026-06-30.json"
        )
    late = set(named[7::20])
    there = [EventFile(Kind.EVENT, path.name, path) for path in named if path not in late]
    others = sorted(set(paths).difference(named))
    first = [*there, *(EventFile(Kind.OTHER, path.name, path) for path in others)]
    second = [EventFile(Kind.LATE, path.name, path) for path in named if path in late]
    second += [EventFile(Kind.REWRITTEN, file.key, file.read() + b"\n") for file in there[11::33]]
    second += [EventFile(Kind.REPEATED, file.key, file.content) for file in there[3::100]]
    taken = {path.name for path in named}
    second += [file for file in broken_files() if file.key not in taken]
    return Rounds(f"from {folder}", False, first, second)


_EXAMPLE: Final[Mapping[str, Any]] = {
    "action": "submit",
    "study": "adrc",
    "pipeline_adcid": 42,
    "project_label": "ingest-form",
    "center_label": "rowan",
    "gear_name": _GEARS["submit"],
    "ptid": "110001",
    "visit_date": "2026-07-15",
    "visit_number": "1",
    "datatype": "form",
    "module": "UDS",
    "packet": "I",
    "timestamp": "2026-07-20T10:00:00Z",
}


def event_named(key: str) -> bytes | None:
    """Return the content of an event file whose name says which event it holds.

    None if the name is not that of an event file, or is an old name that holds only the day.

    Examples
    --------
    >>> content = event_named("logs/log-submit-20240115-093000-42-ingest-form-7-2024-01-12.json")
    >>> json.loads(content)["timestamp"]
    '2024-01-15T09:30:00Z'
    """
    found = _NAME.search(key)
    if found is None:
        return None
    moment = dt.datetime.strptime(found["time"], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
    named = {
        "action": found["action"],
        "pipeline_adcid": int(found["adcid"]),
        "project_label": found["project"],
        "ptid": found["ptid"],
        "visit_date": found["day"],
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }
    return json.dumps({**_EXAMPLE, **named}).encode()


def broken_files() -> list[EventFile]:
    """Return one file for each way in which event files are broken."""
    good = {**_EXAMPLE, "ptid": "BROKEN"}
    text = json.dumps(good)
    contents = [
        text[:-20].encode(),
        text.encode("utf-16"),
        json.dumps(good | {"visit_date": "2026-02-30"}).encode(),
        json.dumps(good | {"pipeline_adcid": 2**31}).encode(),
        json.dumps(good | {"module": None}).encode(),
        json.dumps({name: value for name, value in good.items() if name != "ptid"}).encode(),
        (text[:-1] + ', "action": "delete"}').encode(),
        ('{"note": ' + "[" * 100_000 + "]" * 100_000 + "}").encode(),
        (text + " " * _LARGE).encode(),
    ]
    return [
        EventFile(
            Kind.BROKEN,
            f"log-submit-20260720-10000{number}-42-ingest-form-BROKEN-2026-07-15.json",
            content,
        )
        for number, content in enumerate(contents)
    ]


type Event = dict[str, Any]


@dataclass
class _Maker:
    """Generates the events of visits."""

    chance: random.Random
    _names: set[str] = field(default_factory=set)

    def events(self, number: int) -> list[Event]:
        """Return this number of events, in order of time."""
        made: list[Event] = []
        while len(made) < number:
            made += self._visit()
        made = sorted(made[:number], key=lambda event: str(event["timestamp"]))
        # Early loggers used only the day in file names.
        if number > 1:
            made[0]["_name"] = f"log-{made[0]['action']}-{_time(made[0]):%Y%m%d}.json"
        return made

    def practice(self, number: int) -> list[Event]:
        """Return this number of events of practice projects."""
        made: list[Event] = []
        while len(made) < number:
            made += self._visit(project="sandbox-")
        return made[:number]

    def completed(self, event: Event) -> Event:
        """Return an event with the data that was missing when it was first written."""
        return event | {"packet": self.chance.choice(PACKETS[event["module"]])}

    def _visit(self, project: str = "") -> list[Event]:
        chance = self.chance
        adcid = chance.choices(list(CENTERS), weights=range(len(CENTERS), 0, -1))[0]
        day = FIRST_DAY + dt.timedelta(days=chance.randrange(DAYS))
        form = chance.random() < 0.7
        module = chance.choice(MODULES) if form else None
        visit = {
            "study": "adrc",
            "pipeline_adcid": adcid if chance.random() < 0.9 else str(adcid),
            "project_label": f"{project}ingest-{'form' if form else 'data'}",
            "center_label": CENTERS[adcid],
            "ptid": self._participant(),
            "visit_date": day.isoformat(),
            "visit_number": str(chance.randint(1, 9)) if form else None,
            "datatype": "form" if form else chance.choice(OTHER_DATATYPES),
            "module": module,
            "packet": chance.choice(PACKETS[module]) if module else None,
        }
        return list(self._events_of(visit, day))

    def _events_of(self, visit: Event, day: dt.date) -> Iterator[Event]:
        chance = self.chance
        moment = dt.datetime.combine(day, dt.time(8), dt.UTC) + dt.timedelta(
            days=min(int(chance.lognormvariate(1.5, 0.9)), 90), seconds=chance.randrange(36_000)
        )
        unfinished = visit["module"] is not None and chance.random() < 0.08
        first = visit | {"packet": None} if unfinished else visit
        yield self._event(first, "submit", moment)
        while chance.random() < 0.92:
            moment += dt.timedelta(seconds=chance.randrange(300, 400_000))
            passed = chance.random() < 0.8
            yield self._event(visit, "pass-qc" if passed else "not-pass-qc", moment)
            if passed:
                break
            moment += dt.timedelta(seconds=chance.randrange(3_600, 900_000))
            yield self._event(visit, "submit", moment)
        if chance.random() < 0.02:
            moment += dt.timedelta(seconds=chance.randrange(3_600, 900_000))
            yield self._event(visit, "delete", moment)

    def _event(self, visit: Event, action: str, moment: dt.datetime) -> Event:
        while True:
            name = (
                f"log-{action}-{moment:%Y%m%d-%H%M%S}-{visit['pipeline_adcid']}-"
                f"{visit['project_label']}-{visit['ptid']}-{visit['visit_date']}.json"
            )
            if name not in self._names:
                break
            moment += dt.timedelta(seconds=1)
        self._names.add(name)
        gear = _GEARS.get(action, "form-qc-checker")
        stamp = moment.isoformat()
        return {
            "action": action,
            "gear_name": gear,
            **visit,
            "timestamp": stamp if self.chance.random() < 0.9 else stamp.replace("+00:00", "Z"),
            "_name": name,
        }

    def _participant(self) -> str:
        if self.chance.random() < 0.05:
            letters = "".join(self.chance.choices(string.ascii_uppercase, k=2))
            return f"{letters}-{self.chance.randrange(1, 9999):04}"
        return str(self.chance.randrange(110_001, 999_999))


def _file(kind: Kind, event: Event) -> EventFile:
    content = {name: value for name, value in event.items() if name != "_name"}
    return EventFile(kind, event["_name"], json.dumps(content).encode())


def _time(event: Event) -> dt.datetime:
    return dt.datetime.fromisoformat(event["timestamp"])
