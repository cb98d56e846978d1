"""Blocks of gzip."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from optimove_pipeline.stages.formats.compression import Gzip, combined_crc


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@given(texts=st.lists(st.binary(max_size=2_000), max_size=4))
def test_blocks_put_together_are_one_file_of_all_of_them(level: int, texts: list[bytes]) -> None:
    compression = Gzip(level)
    content, crc = compression.head, 0
    for text in texts:
        packed = compression.pack(text)
        content, crc = content + packed.data, combined_crc(crc, packed)
    whole = b"".join(texts)
    assert gzip.decompress(content + compression.tail(len(whole), crc)) == whole


def test_the_bytes_do_not_depend_on_where_the_compressor_lies_in_memory() -> None:
    compression = Gzip(1)
    differing = []
    # Of so many texts several differ where this is not seen to: each has other first letters, which all lines share.
    for number in range(20_000):
        text = "".join(f"{number * 7:04x}{line},{number * line % 977}\n" for line in range(28)).encode()
        here = compression.pack(text)
        in_its_place = isal_zlib.compressobj(compression.level)
        there = compression.pack(text)
        del in_its_place
        if here != there:
            differing.append(number)
    assert differing == []
