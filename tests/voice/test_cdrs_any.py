"""Any bytes in the record file: whole lines are taken, and each is a record or an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.voice.cdr_file import read_chunk
from telephony.voice.cdrs import parse


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r'\{"uniqueid": ?.{0,40}\}', fullmatch=True))
def test_a_text_is_a_record_or_an_error_of_three_kinds(text: str) -> None:
    try:
        parse(text)
    except (ValueError, KeyError, TypeError):
        return
    raise AssertionError(text)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(0, 100))
def test_a_chunk_has_whole_lines_only(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: int
) -> None:
    path = tmp_path_factory.mktemp("chunk") / "cdr.jsonl"
    data = b"".join(one.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n" for one in lines)
    path.write_bytes(data + b"y" * torn)
    chunk = read_chunk(path, 0, 0)
    if not lines:
        assert chunk is None
    else:
        assert chunk is not None
        assert (chunk.end, len(chunk.lines)) == (len(data), len(lines))
