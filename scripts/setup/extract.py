"""Takes the members of a wheel that match any of the patterns: extract.py WHEEL FOLDER PATTERN..."""

import fnmatch
import sys
import zipfile

wheel, folder, *patterns = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    wanted = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]
    # Every member's own checksum is compared on the way.
    archive.extractall(folder, wanted)
