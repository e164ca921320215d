"""Reading files that people write: YAML and JSON with line numbers, checked against a model, errors made readable."""

from e3dnas.config.checking import At, check
from e3dnas.config.document import Document, Place, dump_yaml, read_document

__all__ = ["At", "Document", "Place", "check", "dump_yaml", "read_document"]
