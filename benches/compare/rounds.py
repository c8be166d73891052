"""Runs loads in alternating rounds: each round has every target once, so that all meet the same machine."""

import time
from dataclasses import dataclass, field

import benchmark
import blocks
import library
import memory
from measure import Clock
from processes import Failed, Processes
from targets import DIRECT, LIBRARY, start_redis

DRIVERS = {
    "get-set": benchmark, "get": benchmark, "session": benchmark,
    "block": blocks, "kill": blocks, "idle": memory, "large": memory,
}
# Sessions to be ended are written beforehand; more would take longer than the run itself.
MOST_KILLS = 100_000
# These start from a fresh process, because memory that was once used is not always given back.
FRESH = {"idle", "large"}
# Connecting costs as much CPU time as some requests: among this many per client, times what goes in one write, it does
# not count for much.
PER_CLIENT_SECOND = 80
# Runs that take turns on the same data.
KEEPS_DATA = {"get", "session"}


@dataclass
class Results:
    """The samples of one load: per target one dictionary per round, or the reason why there is none."""

    load: object
    requests: int = 0
    samples: dict = field(default_factory=dict)
    reasons: dict = field(default_factory=dict)


def run_load(load, targets, rounds, seconds, progress):
    """All rounds of one load."""
    results = Results(load, samples={target.id: [] for target in targets})
    if load.kind in FRESH:
        for number in range(rounds):
            for target in targets:
                progress.step(load, number, target)
                with Processes() as processes:
                    redis = start_redis(processes)
                    servers = start(processes, redis, [target], results)
                    if target.id in servers:
                        attempt(load, target, redis, servers[target.id], load.clients, results)
        return results
    with Processes() as processes:
        redis = start_redis(processes)
        servers = start(processes, redis, targets, results)
        DRIVERS[load.kind].prepare(load, redis, load.pipeline)
        for target in [target for target in targets if target.id in servers and target is not LIBRARY]:
            try:
                DRIVERS[load.kind].check(load, target, servers[target.id])
            except Failed as failure:
                give_up(target, failure, results)
        results.requests = calibrate(load, targets, redis, servers, seconds, results)
        for number in range(rounds):
            for target in targets:
                progress.step(load, number, target)
                if target.id not in results.reasons:
                    attempt(load, target, redis, servers[target.id], results.requests, results)
    return results


def start(processes, redis, targets, results):
    """Starts the targets; those that cannot be started get a reason."""
    servers = {}
    for target in targets:
        if target.id in results.reasons:
            continue
        try:
            direct = target in (DIRECT, LIBRARY)
            servers[target.id] = redis if direct else target.start(processes, redis.port)
        except Failed as failure:
            give_up(target, failure, results)
    return servers


def give_up(target, failure, results):
    results.reasons[target.id] = str(failure)
    results.samples[target.id] = []


def attempt(load, target, redis, server, requests, results):
    try:
        results.samples[target.id].append(measured(load, target, redis, server, requests))
    except Failed as failure:
        give_up(target, failure, results)


def measured(load, target, redis, server, requests):
    """One run with what it cost."""
    driver = DRIVERS[load.kind]
    if load.kind == "idle":
        return memory.idle(load, redis, server)
    if load.kind == "large":
        return memory.large(load, redis, server)
    if load.kind not in KEEPS_DATA or load.command == "CREATE":
        driver.prepare(load, redis, requests)
    clock = Clock(redis, server)
    if target is LIBRARY:
        sample = library.run(load, redis, requests)
        requests = sample.pop("requests")
    else:
        sample = driver.run(load, target, server, requests)
    return {**sample, **clock.per_request(requests)}


def calibrate(load, targets, redis, servers, seconds, results):
    """How many requests take the first target about `seconds`; all targets then get as many."""
    for target in targets:
        if target.id in results.reasons or target is LIBRARY:
            continue
        step = load.pipeline * 2
        # Of fewer redis-benchmark says that they took no time at all.
        least = max(2_000, 2 * load.clients * load.pipeline, 100 * load.pipeline)
        requests = round_up(least if load.size < 1 << 20 else 100, step)
        try:
            while True:
                if load.kind == "kill":
                    requests = min(requests, MOST_KILLS)
                started = time.perf_counter()
                sample = measured(load, target, redis, servers[target.id], requests)
                taken = time.perf_counter() - started
                if "throughput" in sample:
                    taken = requests / sample["throughput"]
                elif "seconds" in sample:
                    taken = sample["seconds"]
                if taken > seconds / 3 or (load.kind == "kill" and requests == MOST_KILLS):
                    break
                requests *= 4
            wanted = round_up(int(requests * seconds / taken), step)
            if load.kind == "kill":
                return min(wanted, MOST_KILLS)
            fewest = load.clients * max(step, int(PER_CLIENT_SECOND * seconds * min(load.pipeline, 16)))
            return max(wanted, round_up(fewest, step) if load.size < 1 << 20 else 0)
        except Failed as failure:
            give_up(target, failure, results)
    return 0


def round_up(number, step):
    return (number + step - 1) // step * step
