"""The bound of a space, worked out beside the search by a process of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any

from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["PROOF_ATTR", "Proof"]

PROOF_ATTR = "e3dnas:bound"


class Proof:
    """What is proven of a space: no network within its budgets scores above ``bound``.

    ``bound`` is None until it is known, and for good where ``problem`` says why there is none.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.bound: float | None = None
        self.problem = ""
        self._space = space
        self._worker: subprocess.Popen[str] | None = None

    def start(self, study: Study) -> None:
        """Take the bound that the study has, or begin to work it out."""
        known = study.user_attrs.get(PROOF_ATTR)
        if known is not None:
            self.bound = float(known)
            return
        try:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "e3dnas.bound"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, start_new_session=True,  # Ctrl-C is the search's to handle
            )  # fmt: skip
            stdin: IO[str] = self._worker.stdin  # type: ignore[assignment]
            with stdin:
                json.dump(self._space.to_dict(), stdin)
        except OSError as error:  # a worker that cannot start or dies at once; the search does without
            self.problem = f"the solver could not be started: {error}"

    def look(self, study: Study, *, wait: bool = False) -> None:
        """Take the answer if it is there, or ``wait`` for it; what is proven becomes an attribute of the study."""
        worker = self._worker
        if worker is None or not (wait or worker.poll() is not None):
            return
        self._worker = None
        assert worker.stdout is not None
        with worker.stdout as stdout:
            told = stdout.read()
        worker.wait()
        self._take(told)
        if self.bound is not None:
            study.set_user_attr(PROOF_ATTR, self.bound)

    def stop(self) -> None:
        """Give up an answer that nobody waits for any more."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()

    def gap(self, score: float | None) -> float | None:
        """Return what a score may lack of the optimum, as a share; None where nothing is proven or found."""
        if score is None or self.bound is None:
            return None
        return max(0.0, self.bound - score) / (abs(score) or 1.0)

    def _take(self, told: str) -> None:
        try:
            answer: dict[str, Any] = json.loads(told)
        except ValueError:
            answer = {"problem": "the solver ended without an answer"}
        bound = answer.get("bound", -math.inf)
        if math.isfinite(bound):
            self.bound = float(bound)
        elif not self.problem:
            self.problem = answer.get("problem", "it is proven that no network keeps all the budgets together")
