"""The stories of all studies in a storage, kept up to date, as the notes and artifacts optuna-dashboard looks for.

A note that the user has saved is left as it is, and so is an empty one; a picture that was deleted stays away. What is
told is signed, so that a copy of it (renaming a study makes one) is not taken for the user's own words.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.report.dashboard.story import Picture, Story, Told, tell_story
from e3dnas.search.confirming import refused
from e3dnas.search.proof import PROOF_ATTR
from e3dnas.search.study import SPACE_ATTR
from e3dnas.space import load_space

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

__all__ = ["Teller"]

PATIENCE = 1.0
"""A story is at most so many seconds behind the study."""
METRIC_NAMES = "study:metric_names"
DELETED = "dashboard:artifacts:"
"""What the attributes of a study begin with that say which artifacts of its trials were deleted."""
SIGNED = re.compile(r"(.*)\n\n\[e3dnas\]: # \(([0-9a-f]{12})\)", re.DOTALL)
"""A link that leads nowhere is not shown."""


class Teller:
    """Tells the stories of the studies in a storage.

    Args:
        storage: the storage, only read.
        folders: the runs' folders by name of the study.
        url: the storage URL the runs were given.
    """

    def __init__(self, storage: BaseStorage, folders: Mapping[str, Path], url: str | None) -> None:
        self._storage, self._folders, self._url = storage, folders, url
        self._studies: dict[int, _Kept] = {}
        self._lock = threading.RLock()

    def with_notes(self, study_id: int, attrs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the system attributes of a study with the notes of its story, where the user has saved none."""
        story = self._story(study_id)
        completed = dict(attrs)
        if story is not None:
            _add_note(completed, None, story.study)
            for trial_id, body in story.trials.items():
                _add_note(completed, trial_id, body)
        return completed

    def pictures(self, study_id: int) -> dict[int, tuple[str, Picture]]:
        """Return artifact id and picture by trial id."""
        story = self._story(study_id)
        return {p.trial_id: (name, p) for name, p in story.pictures.items()} if story is not None else {}

    def picture_of(self, trial_id: int) -> tuple[str, Picture] | None:
        """Return artifact id and picture of a trial, if a story that was told has one."""
        with self._lock:
            stories = [kept.story for kept in self._studies.values() if kept.story is not None]
        found = ((name, p) for story in stories for name, p in story.pictures.items() if p.trial_id == trial_id)
        return next(found, None)

    def find(self, artifact_id: str) -> Picture | None:
        """Return a picture by the id of its artifact."""
        with self._lock:
            stories = [kept.story for kept in self._studies.values() if kept.story is not None]
        return next((story.pictures[artifact_id] for story in stories if artifact_id in story.pictures), None)

    def forget(self, study_id: int) -> None:
        """Look at a study anew when it is asked for."""
        with self._lock:
            if study_id in self._studies:
                self._studies[study_id].looked = None

    def _story(self, study_id: int) -> Story | None:
        with self._lock:
            kept = self._studies.setdefault(study_id, _Kept())
            now = time.monotonic()
            if kept.looked is None or now - kept.looked > PATIENCE:
                kept.looked = now
                self._look(study_id, kept)
            return kept.story

    def _look(self, study_id: int, kept: _Kept) -> None:
        """Tell the story anew if there is more to tell; a study that is none of ours, or is gone, has none."""
        try:
            user = self._storage.get_study_user_attrs(study_id)
            if SPACE_ATTR not in user:
                kept.story = None
                return
            system = self._storage.get_study_system_attrs(study_id)
            trials = self._storage.get_all_trials(study_id, deepcopy=False)
        except KeyError:
            kept.story = None
            return
        gone = {key.rpartition(":")[2] for key in system if key.startswith(DELETED)}
        finished = sum(t.state.is_finished() for t in trials)
        state = (len(trials), finished, user.get(PROOF_ATTR), refused(user), gone)
        if state == kept.state:
            return
        told = self._told(study_id, user, system)
        try:
            kept.story = None if told is None else tell_story(told, trials, kept.measures, gone)
        except (E3DNASError, KeyError, ValueError):  # trials that somebody else has added to the study
            kept.story = None
        kept.state = state

    def _told(self, study_id: int, user: Mapping[str, Any], system: Mapping[str, Any]) -> Told | None:
        try:
            space = load_space(json.loads(user[SPACE_ATTR]))
        except (E3DNASError, ValueError, TypeError):  # of another version, or another's attribute of that name
            return None
        directions = self._storage.get_study_directions(study_id)
        name = self._storage.get_study_name_from_id(study_id)
        names = system.get(METRIC_NAMES) or [space.declaration.score.name, *(f"objective {i}" for i in range(1, 9))]
        bound = user.get(PROOF_ATTR)
        return Told(
            study_id=study_id,
            name=name,
            space=space,
            objectives=list(names)[: len(directions)],
            directions=directions,
            bound=float(bound) if isinstance(bound, int | float) else None,
            folder=self._folders.get(name),
            storage=self._url,
            refused=refused(user),
        )


class _Kept:
    """What is kept of a study between two looks; ``looked`` tells when the last one was, in seconds."""

    def __init__(self) -> None:
        self.story: Story | None = None
        self.state: tuple[Any, ...] | None = None
        self.measures: dict[int, Mapping[str, Any]] = {}
        self.looked: float | None = None


def _add_note(attrs: dict[str, Any], trial_id: int | None, body: str) -> None:
    """Put a note into the attributes of a study, unless the user has saved one."""
    from optuna_dashboard._note import get_note_from_system_attrs, note_str_key_prefix, note_ver_key, split_body

    saved = get_note_from_system_attrs(attrs, trial_id)
    if not (saved["body"] == "" and saved["version"] == 0) and not _is_signed(saved["body"]):
        return
    prefix = note_str_key_prefix(trial_id)
    for key in [key for key in attrs if key.startswith(prefix)]:
        del attrs[key]
    attrs[note_ver_key(trial_id)] = saved["version"]
    attrs.update(split_body(_sign(body), trial_id))


def _sign(body: str) -> str:
    return f"{body}\n\n[e3dnas]: # ({_digest(body)})"


def _is_signed(body: str) -> bool:
    """Whether a note is one that was told here, unaltered."""
    match = SIGNED.fullmatch(body)
    return match is not None and match[2] == _digest(match[1])


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]
