"""What the figures depend on: the machine and the versions."""

import os
import platform

from processes import Failed
from targets import TARGETS, find, first_version


def facts(targets):
    """Nothing here tells whose machine it is."""
    versions = {}
    for target in TARGETS:
        if target in targets:
            try:
                versions[target.id] = target.version()
            except Failed as failure:
                versions[target.id] = str(failure)
    versions["redis-benchmark"] = first_version([find("redis-benchmark"), "--version"])
    versions["Python"] = platform.python_version()
    return {
        "cores": os.cpu_count(), "processor": processor(),
        "system": f"{platform.system()} {platform.release()}", "versions": versions,
    }


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
