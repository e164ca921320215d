"""The files of the dashboard: pictures that are drawn when they are asked for, and what the user uploads."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from optuna.artifacts import FileSystemArtifactStore

    from e3dnas.report.dashboard.story import Picture

__all__ = ["PictureStore"]


class PictureStore:
    """An artifact store of Optuna: pictures are only in memory, uploads are kept in a folder.

    Args:
        find: returns the picture of an artifact id, None if it is not one of ours.
        uploads: where the user's files go, made when there is one; None refuses them.
    """

    def __init__(self, find: Callable[[str], Picture | None], uploads: Path | None) -> None:
        self._find, self._uploads = find, uploads

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return a file opened for reading.

        Raises:
            ArtifactNotFound: there is none of this id.
        """
        picture = self._find(artifact_id)
        return self._files().open_reader(artifact_id) if picture is None else io.BytesIO(picture.svg())

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keep what the user uploads.

        Raises:
            ArtifactNotFound: there is nowhere to keep it.
        """
        files = self._files()
        assert self._uploads is not None
        self._uploads.mkdir(parents=True, exist_ok=True)
        files.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Delete a file of the user. Of a picture there is no file; the storage is told that it is to be left out.

        Raises:
            ArtifactNotFound: there is none of this id.
        """
        if self._find(artifact_id) is None:
            self._files().remove(artifact_id)

    def _files(self) -> FileSystemArtifactStore:
        from optuna.artifacts import FileSystemArtifactStore
        from optuna.artifacts.exceptions import ArtifactNotFound

        if self._uploads is None:
            raise ArtifactNotFound("the run has no folder to keep files in")
        return FileSystemArtifactStore(self._uploads)
