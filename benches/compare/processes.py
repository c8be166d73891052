"""Child processes: started on free ports of the loopback, ended in any case."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack

import resp

LOOPBACK = "127.0.0.1"
READY_SECONDS = 20
STOP_SECONDS = 5


class Failed(Exception):
    """Something that a target or a load cannot do; the text is shown in the table."""


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def read_tail(file, size=300):
    """The last words of a process, on one line."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - size))
    text = file.read().decode("utf-8", "replace").replace(os.path.dirname(file.name) + os.sep, "")
    return " ".join(text.split())


def stop(child):
    """Ends one child that we have started, and waits for its end."""
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Server:
    """A running server: its port, its process id, and the folder it may write to."""

    def __init__(self, port, child, output):
        self.port = port
        self.pid = child.pid
        self.child = child
        self.output = output

    def wait_until_ready(self):
        """Returns when a PING is answered."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            if self.child.poll() is not None:
                raise Failed(f"ended at its start: {read_tail(self.output)}")
            try:
                with resp.Connection(self.port, timeout=2) as connection:
                    if connection.call("PING") == "PONG":
                        return
            except (OSError, resp.ReplyError):
                pass
            if time.monotonic() > deadline:
                raise Failed(f"does not answer PING: {read_tail(self.output)}")
            time.sleep(0.02)


class Processes:
    """All children of one load; leaving the `with` block ends them."""

    def __enter__(self):
        self.stack = ExitStack().__enter__()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-"))
        return self

    def __exit__(self, *reason):
        return self.stack.__exit__(*reason)

    def start(self, name, arguments, port):
        """Starts a server and returns when it answers."""
        output = self.stack.enter_context(open(os.path.join(self.folder, f"{name}.log"), "w+b"))
        try:
            # A group of its own: Ctrl-C reaches the comparison, which then ends its children in order.
            child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.folder, start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"cannot be started: {error.strerror}") from error
        self.stack.callback(stop, child)
        server = Server(port, child, output)
        server.wait_until_ready()
        return server

    def write(self, name, text):
        """Writes a configuration file and returns its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def run(arguments, timeout):
    """Runs a program to its end and returns its standard output."""
    child = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"took longer than {timeout} s") from None
    finally:
        stop(child)
        child.stdout.close()
        child.stderr.close()
    if child.returncode != 0:
        words = (errors or output).strip().splitlines()
        raise Failed(words[-1] if words else f"exit code {child.returncode}")
    return output
