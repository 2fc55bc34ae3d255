"""The only package that writes files: whole or not at all, and one process at a time.

os_errors   OSError → MachineError with a fix
disk        the system calls that change a disk, replaceable as one object
atomic      files: written whole, or not at all
folders     folders: complete before they have a name
lock        one process at a time in a folder
reading     regular files of bounded size, records; no links below a folder that was named
npz         arrays as the bytes of an npz
sqlite      databases that somebody else may have made
file_types  file types by their magic bytes
"""

from handstitch.storage.atomic import (
    backup_of,
    check_writable,
    existing_copies,
    remove_quietly,
    remove_stale,
    write,
)
from handstitch.storage.folders import (
    create_folder,
    free_name,
    make_folder,
    new_folder,
)
from handstitch.storage.lock import lock_folder
from handstitch.storage.npz import npz_bytes
from handstitch.storage.reading import inside, map_array, open_file, read_file, read_record

__all__ = [
    "backup_of",
    "check_writable",
    "create_folder",
    "existing_copies",
    "free_name",
    "inside",
    "lock_folder",
    "make_folder",
    "map_array",
    "new_folder",
    "npz_bytes",
    "open_file",
    "read_file",
    "read_record",
    "remove_quietly",
    "remove_stale",
    "write",
]
