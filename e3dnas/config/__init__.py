"""Reading files that people write: YAML and JSON with line numbers, checked against a model, errors made readable."""

from e3dnas.config.checking import At, check, shown
from e3dnas.config.document import Document, Place, dump_yaml, exists, merge, read_document, read_text

__all__ = [
    "At", "Document", "Place", "check", "dump_yaml", "exists", "merge", "read_document", "read_text", "shown",
]  # fmt: skip
