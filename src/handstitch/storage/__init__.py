"""The only package that writes files: whole or not at all, and one process at a time.

refusals    what the operating system's errors mean to a person
disk        the calls that change a disk, replaceable as one object
atomic      files: written whole, or not at all
folders     run folders: complete before they have a name, locked while in use
file_types  what a file is, by its first bytes
"""

from handstitch.storage.atomic import clean, generations, previous, probe, write, write_with_backup
from handstitch.storage.folders import (
    FolderLock,
    FolderTakenError,
    create_folder,
    free_name,
    make_folder,
    new_folder,
)

__all__ = [
    "FolderLock",
    "FolderTakenError",
    "clean",
    "create_folder",
    "free_name",
    "generations",
    "make_folder",
    "new_folder",
    "previous",
    "probe",
    "write",
    "write_with_backup",
]
