"""Loads that redis-benchmark cannot drive: blocks of commands whose replies are known beforehand.

Python is slow enough to be the limit of the rate, so that only the CPU time of the servers counts.
"""

import select
import socket
import time

import processes
import seed
from processes import Failed
from resp import encode

STALL_SECONDS = 60


def transaction(load):
    value = "x" * load.size
    set_command, get_command = encode("SET", "block", value), encode("GET", "block")
    request = encode("MULTI") + (set_command + get_command) * 2 + set_command + encode("EXEC")
    got = f"${load.size}\r\n{value}\r\n".encode()
    reply = b"+OK\r\n" + b"+QUEUED\r\n" * 5 + b"*5\r\n" + (b"+OK\r\n" + got) * 2 + b"+OK\r\n"
    return request, reply


def kills(load, requests):
    for first in range(load.sessions, load.sessions + requests, load.pipeline):
        numbers = range(first, first + load.pipeline)
        yield b"".join(encode("SESSION.KILL", seed.APP, seed.token(number)) for number in numbers)


def prepare(load, redis, requests):
    """Fills the server for one run: the sessions that stay, and those that will be ended."""
    if load.kind == "kill":
        seed.sessions(redis.port, load.sessions + requests)
    else:
        seed.nothing(redis.port)


def check(_load, _target, _server):
    """Nothing: each reply of a run is compared."""


def run(load, _target, server, requests):
    """Drives one run, with one block per client on its way at any time."""
    if load.kind == "kill":
        blocks = list(kills(load, requests))
        reply = b":1\r\n" * load.pipeline
    else:
        request, reply = transaction(load)
        blocks = [request] * requests
    started = time.perf_counter()
    drive(server.port, load.clients, blocks, reply)
    return {"seconds": time.perf_counter() - started}


def drive(port, clients, blocks, expected):
    waiting = iter(blocks)
    poll = select.epoll()
    connections, received = {}, {}
    try:
        for _ in range(min(clients, len(blocks))):
            connection = socket.create_connection((processes.LOOPBACK, port), STALL_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections[connection.fileno()] = connection
            received[connection.fileno()] = b""
            poll.register(connection.fileno(), select.EPOLLIN)
        for connection in connections.values():
            connection.sendall(next(waiting))
        left = len(blocks)
        while left:
            ready = poll.poll(STALL_SECONDS)
            if not ready:
                raise Failed(f"no reply within {STALL_SECONDS} s")
            for number, _ in ready:
                data = connections[number].recv(1 << 16)
                reply = received[number] + data
                if len(reply) < len(expected) and data:
                    if not expected.startswith(reply):
                        raise Failed(unexpected(reply, expected))
                    received[number] = reply
                    continue
                if reply != expected:
                    raise Failed(unexpected(reply, expected))
                received[number] = b""
                left -= 1
                block = next(waiting, None)
                if block is not None:
                    connections[number].sendall(block)
    except OSError as error:
        raise Failed(f"closes the connection ({error.strerror or error})") from error
    finally:
        poll.close()
        for connection in connections.values():
            connection.close()


def unexpected(reply, expected):
    """The first line that is not what Redis answers."""
    lines = reply.split(b"\r\n")
    for line, wanted in zip(lines, expected.split(b"\r\n")):
        if line != wanted and line:
            return f"answers {line[:80].decode('utf-8', 'replace')}"
    return "closes the connection"
