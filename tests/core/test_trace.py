"""Records of a conversation, as they are written and read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pop3_proto import Traced, TraceRecord, parse_record, write_record

RECORDS = st.builds(
    TraceRecord,
    st.sampled_from(Traced),
    st.binary(),
    st.integers(0),
    last=st.booleans(),
    body=st.booleans(),
    ends=st.booleans(),
)


@given(RECORDS)
def test_what_is_written_is_read(record: TraceRecord) -> None:
    line = write_record(record)
    assert parse_record(line) == record
    assert line.isascii()
    assert "\n" not in line


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (TraceRecord(Traced.EOF), {"what": "eof"}),
        (TraceRecord(Traced.SENT, b"A\xff\r\n"), {"what": "sent", "octets": "A\xff\r\n"}),
        (
            TraceRecord(Traced.SENT, b"x", unread=3, last=True),
            {"what": "sent", "octets": "x", "unread": 3, "last": True},
        ),
        (
            TraceRecord(Traced.RECEIVED, b".\r\n", body=True, ends=True),
            {"what": "received", "octets": ".\r\n", "body": True, "ends": True},
        ),
    ],
)
def test_a_record_is_an_object(record: TraceRecord, fields: dict[str, object]) -> None:
    assert json.loads(write_record(record)) == fields


def test_what_else_an_object_holds_does_not_matter() -> None:
    assert parse_record('{"what": "tls", "time": 1.5}') == TraceRecord(Traced.TLS)
    odd = '{"what": "sent", "octets": 1, "unread": "x", "last": 1, "body": 1, "ends": "x"}'
    assert parse_record(odd) == TraceRecord(Traced.SENT)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "sent",
        "[]",
        '"sent"',
        "1",
        "null",
        "{}",
        '{"what": "seen"}',
        '{"what": ["sent"]}',
        '{"what": "sent", "octets": "\\u20ac"}',
    ],
)
def test_what_is_no_record(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_record(line)


def test_what_is_no_object_is_quoted_in_part() -> None:
    with pytest.raises(ValueError, match="no record of a trace") as caught:
        parse_record(f'"{"x" * 500}"')
    assert len(str(caught.value)) < 120
