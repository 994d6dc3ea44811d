"""Files of users: pipes, secrets, bounds, and outputs that appear whole."""

from pipeline.files.certificates import check_dates, check_files, require_valid, warn_of_end
from pipeline.files.named import named
from pipeline.files.reading import (
    MOST,
    Name,
    behind_links,
    bounded,
    content,
    ending,
    entries,
    exists,
    is_file,
    is_folder,
    opened,
    require_regular,
    same,
)
from pipeline.files.secrets import (
    Secret,
    Secrets,
    credential,
    is_open,
    is_secret,
    secret,
    warn_if_open,
)
from pipeline.files.writing import naming, partial, private, sync, write

__all__ = [
    "MOST",
    "Name",
    "Secret",
    "Secrets",
    "behind_links",
    "bounded",
    "check_dates",
    "check_files",
    "content",
    "credential",
    "ending",
    "entries",
    "exists",
    "is_file",
    "is_folder",
    "is_open",
    "is_secret",
    "named",
    "naming",
    "opened",
    "partial",
    "private",
    "require_regular",
    "require_valid",
    "same",
    "secret",
    "sync",
    "warn_if_open",
    "warn_of_end",
    "write",
]
