"""The npm library redis-sessions, as a client of Redis from one process of Node."""

import json
import os

import processes
import seed
from targets import find, library_version

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "library.js")
RUN_SECONDS = 240
# The library is slower than the rest: a run of it need not have as many requests.
SHARE, FEWEST = 8, 10_000


def run(load, redis, requests):
    """One run of gets with 50 in flight."""
    library_version()
    gets = max(requests // SHARE, FEWEST)
    output = processes.run([
        find("node"), PROGRAM, str(redis.port), seed.APP, seed.TOKEN_PREFIX, str(load.sessions), str(gets),
    ], RUN_SECONDS)
    return json.loads(output)
