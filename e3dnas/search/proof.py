"""What is proven of a space, its bound or its exact front: worked out beside the search by a process of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from e3dnas.bound import Front
from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["PROOF_ATTR", "Proof", "gap_to"]

PROOF_ATTR = "e3dnas:bound"
NONE_WITHIN = "it is proven that no network keeps all the budgets together"


class Proof:
    """What is proven of a space: no network within its budgets scores above ``bound``, or beats the exact ``front``.

    The one for a score, the other for several objectives. Both are None until they are known, and for good where
    ``problem`` says why there is none.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.bound: float | None = None
        self.front: Front | None = None
        self.problem = ""
        self._space = space
        self._worker: subprocess.Popen[str] | None = None
        self._told: IO[str] | None = None

    def start(self, study: Study) -> None:
        """Take the bound that the study has, or begin to work it out."""
        known = study.user_attrs.get(PROOF_ATTR)
        if known is not None:
            self.bound = float(known)
            return
        self._told = tempfile.TemporaryFile("w+")  # noqa: SIM115  (a pipe would hold a long answer up until it is read)
        try:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "e3dnas.bound"], stdin=subprocess.PIPE, stdout=self._told,
                stderr=subprocess.DEVNULL, text=True, start_new_session=True,  # Ctrl-C is the search's to handle
            )  # fmt: skip
            stdin: IO[str] = self._worker.stdin  # type: ignore[assignment]
            with stdin:
                json.dump(self._space.to_dict(), stdin)
        except OSError as error:  # a worker that cannot start or dies at once; the search does without
            self.problem = f"the solver could not be started: {error}"

    def is_there(self, seconds: float) -> bool:
        """Wait for the answer, but no longer than this; returns whether there is nothing more to wait for."""
        if self._worker is not None:
            try:
                self._worker.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
        return True

    def look(self, study: Study, *, wait: bool = False) -> None:
        """Take the answer if it is there, or ``wait`` for it; what is proven becomes an attribute of the study."""
        worker = self._worker
        if worker is None or not (wait or worker.poll() is not None):
            return
        self._worker = None
        worker.wait()
        assert self._told is not None
        with self._told as told:
            told.seek(0)
            self._take(told.read())
        if self.bound is not None:
            study.set_user_attr(PROOF_ATTR, self.bound)

    def stop(self) -> None:
        """Give up an answer that nobody waits for any more."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
        if self._told is not None:
            self._told.close()

    def share(self, values: Sequence[Sequence[float]]) -> float | None:
        """Return the share of the exact front's hypervolume that values (N, O) have; None where it is not known."""
        return None if self.front is None else self.front.share(np.array(values, float))

    def gap(self, score: float | None) -> float | None:
        """Return what a score may lack of the optimum, as a share; None where nothing is proven or found."""
        if score is None or self.bound is None:
            return None
        return gap_to(self.bound, score)

    def _take(self, told: str) -> None:
        try:
            answer: dict[str, Any] = json.loads(told)
        except ValueError:
            answer = {"problem": "the solver ended without an answer"}
        if "front" in answer:
            self._take_front(answer)
            return
        bound = answer.get("bound", -math.inf)
        if math.isfinite(bound):
            self.bound = float(bound)
        elif not self.problem:
            self.problem = answer.get("problem", NONE_WITHIN)

    def _take_front(self, answer: dict[str, Any]) -> None:
        if not answer["exact"]:  # a part of it is nothing to measure a share of
            self.problem = "the solver found the exact front too long to list"
        elif answer["front"]:
            self.front = Front.from_dict(self._space, answer)
        else:
            self.problem = NONE_WITHIN


def gap_to(bound: float, score: float) -> float:
    """Return what a score may lack of the optimum, as a share of it."""
    return max(0.0, bound - score) / (abs(score) or 1.0)
