"""How a program of this folder runs: its port, its time limit, and the processes that it starts."""

import contextlib
import pathlib
import signal
import subprocess
import sys

# Far above what a busy machine needs: it only ends a program that waits for something that never comes.
TIME_LIMIT = 300
# For a single step, such as a reply, or the end of a worker that is told to stop.
PATIENCE = 60

PORT = int(sys.argv[1])
DIRECT = len(sys.argv) > 2
HERE = pathlib.Path(__file__).parent


class TimeOver(BaseException):
    """No `Exception`: clients catch those, and try again."""


def run(main):
    """Runs `main`; when the time is over it fails with an exception, so that workers are ended as always."""

    def over(*_):
        raise TimeOver(f"{TIME_LIMIT} seconds")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(TIME_LIMIT)
    main()


@contextlib.contextmanager
def worker(module, *arguments):
    """A worker process, `python -m module arguments...`, that is ended with the block."""
    command = [sys.executable, "-B", "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
