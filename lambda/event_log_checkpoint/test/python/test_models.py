from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from event_log_testing.cloud import EVENT, event_json
from pydantic import ValidationError

from event_log.event_file import Reason, RejectedError, parse_event
from event_log.file_names import is_event_file
from event_log.models import DATATYPES, VisitEvent

UTC = dt.UTC


def test_an_event() -> None:
    event = VisitEvent.model_validate(EVENT)
    assert event.model_dump() == EVENT | {"timestamp": dt.datetime(2024, 1, 15, 10, tzinfo=UTC)}
    assert event.is_sandbox is False


def test_optional_fields() -> None:
    given = {k: v for k, v in EVENT.items() if k not in {"study", "visit_number", "packet"}}
    event = VisitEvent.model_validate(given | {"logged_by": "a later version"})
    assert (event.study, event.visit_number, event.packet) == ("adrc", None, None)


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("pipeline_adcid", "42", 42),
        ("pipeline_adcid", "0042", 42),
        ("pipeline_adcid", 2**31 - 1, 2**31 - 1),
        ("ptid", "!/~%#?+&\\=", "!/~%#?+&\\="),
        ("visit_date", "2024-02-29", "2024-02-29"),
        ("module", "A1.B-2_C", "A1.B-2_C"),
        ("timestamp", "2024-01-15T10:00:00", dt.datetime(2024, 1, 15, 10, tzinfo=UTC)),
        ("timestamp", "2024-01-15T10:00:00+05:30", dt.datetime(2024, 1, 15, 4, 30, tzinfo=UTC)),
        ("timestamp", "2024-01-15t10:00:00z", dt.datetime(2024, 1, 15, 10, tzinfo=UTC)),
        ("timestamp", "20240115T100000Z", dt.datetime(2024, 1, 15, 10, tzinfo=UTC)),
        ("timestamp", "2024-01-15", dt.datetime(2024, 1, 15, tzinfo=UTC)),
        (
            "timestamp",
            "2024-01-15T10:00:00.123456789Z",
            dt.datetime(2024, 1, 15, 10, 0, 0, 123456, tzinfo=UTC),
        ),
        ("timestamp", "2099-01-01T00:00:00Z", dt.datetime(2099, 1, 1, tzinfo=UTC)),
    ],
)
def test_accepted_values(field: str, value: object, kept: object) -> None:
    assert getattr(parse_event(event_json(**{field: value})), field) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "update"),
        ("action", None),
        ("study", ""),
        ("study", None),
        ("pipeline_adcid", 0),
        ("pipeline_adcid", -1),
        ("pipeline_adcid", 2**31),
        ("pipeline_adcid", "9" * 5000),
        ("pipeline_adcid", "4_2"),
        ("pipeline_adcid", " 42"),
        ("pipeline_adcid", "٤٢"),
        ("pipeline_adcid", 42.0),
        ("pipeline_adcid", True),
        ("project_label", ""),
        ("center_label", ""),
        ("gear_name", ""),
        ("ptid", ""),
        ("ptid", "12345678901"),
        ("ptid", "a b"),
        ("ptid", "a\n"),
        ("ptid", "é"),
        ("ptid", 110001),
        ("visit_date", "2023-02-29"),
        ("visit_date", "2024-1-15"),
        ("visit_date", "20240115"),
        ("visit_date", "2024-01-15T00:00:00"),
        ("visit_date", "٢٠٢٤-٠١-١٥"),
        ("visit_number", 1),
        ("datatype", "forms"),
        ("module", "uds"),
        ("module", ""),
        ("module", None),
        ("packet", 1),
        ("timestamp", ""),
        ("timestamp", 1705312800),
        ("timestamp", "1705312800"),
        ("timestamp", "yesterday"),
        ("timestamp", "2024-02-30T00:00:00Z"),
        ("timestamp", "2024-01-15T24:00:01Z"),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
        ("timestamp", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_rejected_values_are_not_quoted(field: str, value: object) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_event(event_json(**{field: value}))
    assert caught.value.reason is Reason.SCHEMA
    (error,) = caught.value.errors
    if isinstance(value, str) and len(value) > 4:
        assert value not in error
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("datatype", sorted({*DATATYPES} - {"form"}))
def test_only_forms_have_a_module(datatype: str) -> None:
    assert parse_event(event_json(datatype=datatype, module=None)).module is None
    with pytest.raises(RejectedError, match="not allowed unless the datatype is form"):
        parse_event(event_json(datatype=datatype))
    with pytest.raises(RejectedError, match="required if the datatype is form"):
        parse_event(event_json(module=None))


def test_all_errors_are_reported() -> None:
    with pytest.raises(RejectedError) as caught:
        parse_event(json.dumps({"action": "submit", "ptid": "a b"}).encode())
    fields = {error.partition(":")[0] for error in caught.value.errors}
    assert {"pipeline_adcid", "ptid", "timestamp", "visit_date"} <= fields
    with pytest.raises(ValidationError) as invalid:
        VisitEvent.model_validate(EVENT | {"ptid": "secret person"})
    assert "secret" not in str(invalid.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.JSON),
        (b"{", Reason.JSON),
        (b"null", Reason.SCHEMA),
        (b"[]", Reason.SCHEMA),
        (b'"text"', Reason.SCHEMA),
        (b"[" * 100_000, Reason.JSON),
        (b'{"a":' * 100_000, Reason.JSON),
        (event_json()[:-1], Reason.JSON),
        (event_json() + b"}", Reason.JSON),
        (event_json().replace(b'"42"', b"42").replace(b": 42", b": NaN"), Reason.SCHEMA),
        (event_json().replace(b": 42", b": " + b"9" * 5000), Reason.JSON),
        (event_json().decode().encode("utf-16"), Reason.ENCODING),
        (event_json().decode().encode("utf-32"), Reason.ENCODING),
        (event_json().replace(b"alpha", b"\xe9"), Reason.ENCODING),
        (event_json().replace(b"alpha", b"\\ud800"), Reason.JSON),
        (event_json()[:-1] + b', "ptid": "2"}', Reason.DUPLICATE_FIELD),
        (event_json()[:-1] + b', "x": {"y": 1, "y": 1}}', Reason.DUPLICATE_FIELD),
    ],
)
def test_rejected_content(content: bytes, reason: Reason) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_event(content)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + event_json(),
        b" \r\n\t" + event_json() + b"\n",
        event_json().replace(b"alpha", b"\\u0000"),
        event_json()[:-1] + b', "ignored": ' + b"1" * 4000 + b"}",
        event_json()[:-1] + b', "ignored": 1e400}',
        event_json()[:-1] + b', "ignored": [[[[{"a": {"b": null}}]]]]}',
    ],
)
def test_accepted_content(content: bytes) -> None:
    assert parse_event(content).ptid == "110001"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log-submit-20240115-100000-42-ingest-form-110001-2024-01-15.json", True),
        ("log-pass-qc-20240115-100000-42-ingest-form-dvcid-110001-01.json", True),
        ("log-not-pass-qc-20240115-100000-42-a----1-01.json", True),
        ("log-delete-20240115-100000-42-a-/-/-01.json", True),
        ("log-submit-20240115-100000-42-a-b\nc-01.json", True),
        ("log-submit-20240115.json", True),
        ("log-not-pass-qc-20240115.json", True),
        ("log-update-20240115.json", False),
        ("log-submit-2024-01-15.json", False),
        ("log-submit-20240115-100000.json", False),
        ("log-submit-20240115-100000-42-a-b.json", False),
        ("log-submit-20240115.json.bak", False),
        ("log-submit-20240115.JSON", False),
        ("xlog-submit-20240115.json", False),
        ("old/log-submit-20240115.json", False),
        ("log-submit-٢٠٢٤٠١١٥.json", False),
    ],
)
@pytest.mark.parametrize("prefix", ["", "logs/", "a/b"])
def test_names(name: str, expected: bool, prefix: str) -> None:
    key = f"{prefix}/{name}" if prefix == "a/b" else prefix + name
    assert is_event_file(key, prefix) is expected


def test_sandbox_projects() -> None:
    sandbox: dict[str, Any] = EVENT | {"project_label": "sandbox-form"}
    assert VisitEvent.model_validate(sandbox).is_sandbox
    real = VisitEvent.model_validate(EVENT | {"project_label": "form-sandbox-"})
    assert not real.is_sandbox
