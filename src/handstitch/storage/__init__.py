"""The only package that writes files: whole or not at all, and one process at a time.

os_errors   OSError → MachineError with a fix
disk        the system calls that change a disk, replaceable as one object
atomic      files: written whole, or not at all
folders     run folders: complete before they have a name, locked while in use
file_types  file types by their magic bytes
"""

from handstitch.storage.atomic import (
    backup_of,
    check_writable,
    existing_copies,
    remove_stale,
    write,
    write_with_backup,
)
from handstitch.storage.folders import (
    create_folder,
    free_name,
    lock_folder,
    make_folder,
    new_folder,
)

__all__ = [
    "backup_of",
    "check_writable",
    "create_folder",
    "existing_copies",
    "free_name",
    "lock_folder",
    "make_folder",
    "new_folder",
    "remove_stale",
    "write",
    "write_with_backup",
]
