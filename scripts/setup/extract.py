"""Takes the members of a wheel that match any of the patterns: extract.py WHEEL FOLDER PATTERN..."""

import fnmatch
import os
import sys
import zipfile

wheel, folder, *patterns = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    wanted = [
        member
        for member in archive.infolist()
        if not member.is_dir() and any(fnmatch.fnmatchcase(member.filename, pattern) for pattern in patterns)
    ]
    for member in wanted:
        # Its own checksum is compared on the way; its mode is not set by `extract`, and programs need theirs to run.
        path = archive.extract(member, folder)
        mode = member.external_attr >> 16 & 0o777
        if mode:
            os.chmod(path, mode | 0o200)
