"""Loads that measure memory: idle connections, and a value too large to be kept."""

import json
import os
import subprocess
import sys
import time

import measure
import resp
import seed
from processes import Failed, stop

PINGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pinger.py")
CHUNK = b"x" * (1 << 20)
# MiB per second of the large value. At full speed Redis itself, which copies the whole value before it sends the
# first byte, would stand still for a good part of the time, and this client would compete for the same cores.
PACE = 128


def prepare(_load, redis, _requests):
    seed.nothing(redis.port)


def check(_load, _target, _server):
    """Nothing: both runs look at the replies."""


def idle(load, redis, server):
    """KiB of the proxy and of Redis for each of many connections."""
    measured = {"redis_kib": redis.pid}
    if server is not redis:
        measured["proxy_kib"] = server.pid
    connections = []
    before = {name: measure.memory_kib(pid) for name, pid in measured.items()}
    try:
        for _ in range(load.clients):
            connection = resp.Connection(server.port)
            connections.append(connection)
            connection.call("PING")
        return {
            name: (measure.memory_kib(pid) - before[name]) / load.clients for name, pid in measured.items()
        }
    except (OSError, resp.ReplyError) as error:
        raise Failed(f"connection {len(connections)}: {error}") from error
    finally:
        for connection in connections:
            connection.close()


def large(load, redis, server):
    """How much memory a proxy takes for a large value in each direction, and how long PING takes meanwhile."""
    sample = {}
    try:
        with resp.Connection(server.port) as connection:
            connection.call("PING")
            for name, transfer in (("set", set_value), ("get", get_value)):
                before = measure.memory_kib(server.pid)
                measure.forget_peak(server.pid)
                with Pinger(server.port) as pinger:
                    transfer(connection, load.size)
                    sample |= pinger.finish(name)
                # Redis itself has to keep the value.
                if server is not redis:
                    peak = measure.memory_kib(server.pid, "VmHWM")
                    sample[f"{name}_growth_mib"] = (peak - before) / 1024
    except (OSError, resp.ReplyError) as error:
        raise Failed(str(error) or type(error).__name__) from error
    return sample


def set_value(connection, size):
    connection.socket.sendall(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n" % size)
    started = time.perf_counter()
    for number in range(size // len(CHUNK)):
        keep_pace(started, number * len(CHUNK))
        connection.socket.sendall(CHUNK)
    connection.socket.sendall(b"\r\n")
    connection.reply()


def get_value(connection, size):
    connection.send("GET", "large")
    header = connection.reader.readline()
    if header != b"$%d\r\n" % size:
        raise resp.ReplyError(f"answers {header[:80]!r}")
    started, left, chunk = time.perf_counter(), size + 2, bytearray(1 << 20)
    while left:
        keep_pace(started, size - left)
        read = connection.reader.readinto(memoryview(chunk)[:min(left, len(chunk))])
        if not read:
            raise resp.ReplyError("closes the connection")
        left -= read


def keep_pace(started, done):
    ahead = done / (PACE << 20) - (time.perf_counter() - started)
    if ahead > 0:
        time.sleep(ahead)


class Pinger:
    """Another client in a process of its own, so that ours does not delay it."""

    def __init__(self, port):
        self.child = subprocess.Popen(
            [sys.executable, "-B", PINGER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, start_new_session=True,
        )

    def __enter__(self):
        if not self.child.stdout.readline():
            raise Failed("does not answer another client's PING")
        return self

    def finish(self, name):
        """Ends the client; the 99th percentile and the longest of its round trips."""
        self.child.stdin.close()
        line = self.child.stdout.readline()
        if not line:
            raise Failed("does not answer another client's PING")
        times = sorted(json.loads(line))
        return {
            f"{name}_ping_p99_ms": times[int(len(times) * 0.99)] * 1000,
            f"{name}_ping_max_ms": times[-1] * 1000,
        }

    def __exit__(self, *reason):
        stop(self.child)
        self.child.stdout.close()
