"""What is written for a person to copy is read back byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.rule.notation import read, written

NAMES = st.text("abcXYZ-_09 ", min_size=1).map(str.encode)


@given(NAMES, st.binary(max_size=40))
def test_notation_reads_back_every_byte_it_wrote(name: bytes, value: bytes) -> None:
    text = written((name, value))
    assert text.isascii()
    assert text.isprintable()
    assert read(text) == (name, value)


@pytest.mark.parametrize("text", ["no colon", "name: caf\u00e9"])
def test_notation_refuses_what_it_would_not_write(text: str) -> None:
    with pytest.raises(UsageError):
        read(text)
