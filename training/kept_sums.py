"""What a long pass has summed so far, kept so that it goes on after an interruption."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from features.chunks import Piece
from features.encoder import COLUMNS
from features.errors import ModelUnavailable, NotStored
from features.files import put_bytes_in_place
from features.tablefiles import facts_of
from models.home import state_folder
from models.statistics import Statistics
from training.promotion import NO_ROOM, is_no_room
from training.summing import Settled

# What is lost at most by an interruption [s]; to write the sums takes a part of one.
_EVERY_S = 10.0


class KeptSums:
    """The sums of a pass over pieces, in nearmetal's state under a name of what they depend on."""

    def __init__(self, parts: Sequence[Piece], settled: Settled) -> None:
        self._folder = state_folder() / "sums"
        self._name = _digest(parts, settled)
        self._basis, self._folds = settled.scheme.basis, settled.scheme.folds
        self._saved = time.monotonic()

    def load(self) -> tuple[Statistics, int]:
        """The sums of the first pieces, and of how many; of none where nothing was kept."""
        for path in reversed(self._found()):
            try:
                return Statistics.from_bytes(path.read_bytes()), _done(path)
            except (ModelUnavailable, OSError):
                continue
        return Statistics.none(self._basis, self._folds), 0

    def keep(self, sums: Statistics, done: int) -> None:
        """Keep the sums of the first `done` pieces, now and then. Raises NotStored."""
        if time.monotonic() - self._saved < _EVERY_S:
            return
        before = self._found()
        path = self._folder / f"{self._name}.{done:08d}.npz"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            put_bytes_in_place(path, lambda file: file.write(sums.to_bytes()))
        except OSError as error:
            said = NO_ROOM if is_no_room(error) else error.strerror
            raise NotStored(f"the sums so far cannot be kept: {said}") from error
        _remove(before)
        self._saved = time.monotonic()

    def forget(self) -> None:
        """Remove what was kept: the pass has come to its end, or what it was for is stored."""
        _remove(self._found())

    def _found(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._name}.*.npz"))


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _done(path: Path) -> int:
    return int(path.name.split(".")[1])


def _digest(parts: Sequence[Piece], settled: Settled) -> str:
    """Of the files as they are now, their pieces, and all that the sums are relative to."""
    places = {file: i for i, file in enumerate(dict.fromkeys(part.file for part in parts))}
    told = [
        list(COLUMNS),
        facts_of(places),
        [(places[part.file], part.start, part.rows) for part in parts],
        settled.scheme.basis.amplitudes.as_dict(),
        [{"/".join(e): v for e, v in p.items()} for p in settled.scheme.positions],
        settled.codes,
        settled.folds,
    ]
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    found.update(settled.scheme.basis.general.points.encoding.tobytes())
    found.update(settled.scheme.basis.general.whitening.tobytes())
    for source in sorted(settled.scheme.basis.local):
        found.update(settled.scheme.basis.local[source].points.encoding.tobytes())
    return found.hexdigest()[:20]
