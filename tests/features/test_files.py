"""Files are written whole, and nothing that is no file is replaced."""

from __future__ import annotations

import os
import stat

import pytest

from features.errors import InvalidInput
from features.files import put_in_place, write_whole


@pytest.mark.parametrize("write", [put_in_place, write_whole])
def test_a_pipe_is_not_replaced(tmp_path, write):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="is not a regular file"):
        write(pipe, lambda file: file.write("rows"))
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_file_behind_a_link_is_written_and_the_link_stays(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("before")
    link.symlink_to(file)
    put_in_place(link, lambda out: out.write("after"))
    assert link.is_symlink()
    assert file.read_text() == "after"


def test_what_fails_leaves_what_was_there(tmp_path):
    file = tmp_path / "file"
    file.write_text("before")

    def fails(out):
        out.write("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        put_in_place(file, fails)
    with pytest.raises(InvalidInput, match="file: No space left"):
        write_whole(file, fails)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
