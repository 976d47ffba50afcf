"""Commands that run to their end: a compile, an import, archives, an encode, SQLite."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from datasets.tracing.program import Command, Point, Program, output_of, tool, version_of

SCRIPTS = Path(__file__).parent / "scripts"
# A text of this many bytes, and a tree of files, to pack: the interpreter's own library.
_TEXT_BYTES = 32 * 1024 * 1024
_FRAMES = 100
# As many as a moderately large source file has.
_FUNCTIONS = 100
_HEADERS = (
    "stdio",
    "stdlib",
    "string",
    "unistd",
    "pthread",
    "math",
    "sys/stat",
    "sys/socket",
    "netinet/in",
)


def _compile(folder: Path) -> Sequence[Command]:
    source = folder / "unit.c"
    functions = "\n".join(
        f"int f{i}(struct stat *s, char *b, int n) {{ int t = {i}; for (int j = 0; j < n; j++) "
        f'{{ if (b[j] % {i + 2} == 0) t += snprintf(b, n, "%d", t ^ j); else t -= s[j].st_size; }}'
        f" return t; }}"
        for i in range(_FUNCTIONS)
    )
    includes = "\n".join(f"#include <{name}.h>" for name in _HEADERS)
    source.write_text(f"{includes}\n{functions}\n", encoding="utf-8")
    gcc = tool("gcc", "gcc")
    return [
        Command(
            Point(
                f"o{level}", "hpc.build", note=f"{_FUNCTIONS} functions, {len(_HEADERS)} headers"
            ),
            [gcc, f"-O{level}", "-c", str(source), "-o", str(folder / "unit.o")],
            f"gcc -O{level} -c unit.c",
        )
        for level in (0, 2)
    ]


def _import(folder: Path) -> Sequence[Command]:
    argv = [sys.executable, "-c", "import numpy, pandas"]
    base = [sys.executable, "-c", "pass"]
    # Bytecode is compiled once, before anything is counted, as an installed package has it.
    compiled = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    output_of(argv, environment=compiled)
    warm = Point("cached", "hpc.import", note="fresh process, files in the page cache")
    cold = Point("cold", "hpc.import", note="page cache dropped before each run")
    title = "python -c 'import numpy, pandas', the bare interpreter taken off"
    return [
        Command(warm, argv, title, base=base, environment=compiled),
        Command(cold, argv, title, base=base, cold=True, environment=compiled),
    ]


def _archive(folder: Path) -> Sequence[Command]:
    library = Path(sysconfig.get_path("stdlib"))
    note = "the email, json, unittest and xml packages of the interpreter's library"
    packages = ["email", "json", "unittest", "xml"]
    tar = tool("tar", "tar")
    text = folder / "text"
    parts = b"".join(p.read_bytes() for p in sorted(library.glob("*.py")))
    text.write_bytes((parts * (1 + _TEXT_BYTES // len(parts)))[:_TEXT_BYTES])
    payload = float(_TEXT_BYTES)
    said = "one operation: 32 MiB of source text"
    out = str(folder / "out")
    return [
        Command(
            Point("tar-gzip", "hpc.compression", note=note),
            [tar, "-czf", out, "-C", str(library), *packages],
            "tar -czf (one operation: the tree)",
        ),
        Command(
            Point("gzip", "hpc.compression", payload_bytes=payload, note=said),
            ["sh", "-c", f"{tool('gzip', 'gzip')} -c {text} > {out}"],
            "gzip -c text",
        ),
        Command(
            Point("zstd", "hpc.compression", payload_bytes=payload, note=said),
            [tool("zstd", "zstd"), "-q", "-f", str(text), "-o", out],
            "zstd text (level 3)",
        ),
    ]


def _encode(folder: Path) -> Sequence[Command]:
    source = f"testsrc=size=1280x720:rate=25:duration={_FRAMES // 25}"
    start = [tool("ffmpeg", "ffmpeg"), "-v", "error", "-y", "-f", "lavfi", "-i"]
    out = str(folder / "out.mkv")
    codec = ["-c:v", "libx264", "-preset", "veryfast", out]
    one = "testsrc=size=1280x720:rate=25:duration=0.04"
    return [
        Command(
            Point("x264", "hpc.media", note="1280x720, threads by default, source generated"),
            [*start, source, *codec],
            "ffmpeg -f lavfi -i testsrc -c:v libx264 -preset veryfast (one operation: a frame)",
            operations=_FRAMES - 1,
            base=[*start, one, *codec],
        )
    ]


def _embedded(folder: Path) -> Sequence[Command]:
    script, path = str(SCRIPTS / "sqlite_work.py"), str(folder / "data.db")
    output_of([sys.executable, script, path, "select", "1"])
    commands = []
    for kind, count, said in (
        ("select", 50_000, "one row by its key"),
        ("update", 500, "one row, a transaction of its own, rollback journal"),
        ("batch", 200, "a hundred rows in one transaction"),
    ):
        argv = [sys.executable, script, path, kind]
        point = Point(kind, "database.embedded", note=f"{said}; interpreter included")
        title = f"python sqlite_work.py data.db {kind} {count}"
        commands.append(Command(point, [*argv, str(count)], title, count, [*argv, "0"]))
    return commands


def _sqlite_version() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _zstd_version() -> str:
    return version_of([tool("zstd", "zstd"), "--version"])


PROGRAMS = (
    Program("sqlite", _sqlite_version, commands=_embedded),
    Program("gcc", lambda: version_of([tool("gcc", "gcc"), "-dumpfullversion"]), commands=_compile),
    Program("python-import", platform.python_version, commands=_import),
    Program("archive", lambda: f"zstd {_zstd_version()}", commands=_archive),
    Program("ffmpeg", lambda: version_of([tool("ffmpeg", "ffmpeg"), "-version"]), commands=_encode),
)
