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
        # Its own checksum is compared on the way; that it is a program is not kept by `extract`.
        path = archive.extract(member, folder)
        if member.external_attr >> 16 & 0o100:
            os.chmod(path, os.stat(path).st_mode | 0o111)
