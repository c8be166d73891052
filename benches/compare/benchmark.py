"""Loads that redis-benchmark drives."""

import csv
import io

import processes
import resp
import seed
from processes import Failed
from targets import find

RUN_SECONDS = 240
VALUE_KEY = "key:__rand_int__"


def session_command(load):
    token = f"{seed.TOKEN_PREFIX}__rand_int__"
    return {
        "CREATE": ["SESSION.CREATE", seed.APP, "user__rand_int__", "192.0.2.7"],
        "GET": ["SESSION.GET", seed.APP, token],
        "SET": ["SESSION.SET", seed.APP, token, '{"cart":"__rand_int__"}'],
        "HMGET": ["HMGET", f"rs:{seed.APP}:{token}", *seed.FIELDS],
    }[load]


def command_for(load, target):
    """What a target is sent, if it is not GET and SET of redis-benchmark itself."""
    if load.kind != "session":
        return None
    return session_command("HMGET" if target.id == "direct" else load.command)


def prepare(load, redis, _requests):
    """Fills the server for one run."""
    if load.kind == "session":
        seed.sessions(redis.port, load.sessions)
        return
    seed.nothing(redis.port)
    if load.kind == "get":
        with resp.Connection(redis.port) as connection:
            connection.call("SET", VALUE_KEY, "x" * load.size)


def check(load, target, server):
    """Sends each command once, because redis-benchmark takes errors for replies."""
    command = command_for(load, target)
    try:
        with resp.Connection(server.port, timeout=10) as connection:
            if command:
                reply = connection.call(*[word.replace("__rand_int__", "0" * 12) for word in command])
                if reply is None or (isinstance(reply, list) and reply[0] is None):
                    raise Failed("finds no session")
            else:
                if load.kind == "get-set":
                    connection.call("SET", "check", "x" * load.size)
                    if connection.call("GET", "check") != b"x" * load.size:
                        raise Failed("gives another value back than was set")
                connection.call("GET", VALUE_KEY)
    except (OSError, resp.ReplyError) as error:
        raise Failed(str(error) or type(error).__name__) from error


def run(load, target, server, requests):
    """Drives one run; the rate over all its requests, and the larger latencies of its commands."""
    arguments = [
        find("redis-benchmark"), "-h", processes.LOOPBACK, "-p", str(server.port), "--csv",
        "-c", str(load.clients), "-P", str(load.pipeline),
    ]
    command = command_for(load, target)
    if command:
        arguments += ["-n", str(requests), "-r", str(load.sessions), *command]
    elif load.kind == "get":
        arguments += ["-n", str(requests), "-d", str(load.size), "-t", "get"]
    else:
        arguments += ["-n", str(requests // 2), "-d", str(load.size), "-t", "set,get"]
    output = processes.run(arguments, RUN_SECONDS)
    # Warnings may stand before the header.
    lines = output[max(0, output.find('"test"')):]
    rows = list(csv.DictReader(io.StringIO(lines)))
    rates = [float(row["rps"]) for row in rows]
    if not rates or not all(rates):
        raise Failed("redis-benchmark gives no result")
    return {
        "throughput": len(rates) / sum(1 / rate for rate in rates),
        "p50_ms": max(float(row["p50_latency_ms"]) for row in rows),
        "p99_ms": max(float(row["p99_latency_ms"]) for row in rows),
    }
