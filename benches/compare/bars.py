"""The bars that sessiond with one worker has set itself, and whether they are met."""

from summary import field, ratio, significant

ONE = "sessiond-1"
DIRECT = "direct"
COMMANDS = ("create", "get", "set", "kill")


def bars(all_results):
    """One dictionary per bar: title, limit, value (None if it was not measured), met."""
    samples = {results.load.id: results.samples for results in all_results}

    def of(load, target=ONE):
        return samples.get(load, {}).get(target, [])

    def at_most(title, value, limit, unit=""):
        return bar(title, "<=", value, limit, unit)

    def at_least(title, value, limit, direct=None):
        return bar(title, ">=", value, limit, "", direct)

    for load, words, limit in (
        ("c50-p1", "50 clients, P 1", 0.92), ("c500-p1", "500 clients, P 1", 0.85),
        ("c50-p16", "50 clients, P 16", 0.42), ("c500-p16", "500 clients, P 16", 0.50),
    ):
        value = ratio(of(load), "proxy_us", of(load, DIRECT), "redis_us")
        yield at_most(f"proxy CPU / direct Redis' CPU, {words}", value, limit)
    value = ratio(of("c50-p1"), "redis_us", of("c50-p1", DIRECT), "redis_us")
    yield at_most("Redis' CPU / direct, 50 clients, P 1", value, 0.40)
    value = ratio(of("c50-p1"), "p99_ms", of("c50-p1", DIRECT), "p99_ms")
    yield at_most("p99 / direct, 50 clients, P 1", value, 2)
    for pipeline in (1, 16, 128):
        value, direct = (
            ratio(of(f"c2000-p{pipeline}", target), "throughput", of(f"c50-p{pipeline}", target), "throughput")
            for target in (ONE, DIRECT)
        )
        yield at_least(f"throughput of 2,000 clients / 50 clients, P {pipeline}", value, 1, direct)
    yield at_most("idle connection", field(of("idle"), "proxy_kib"), 1.2, "KiB")
    for size, words, limit in (("1k", "1,000", 3.3), ("100k", "100,000", 9)):
        load = f"session-get-p16-{size}"
        value = ratio(of(load), "redis_us", of(load, DIRECT), "redis_us")
        yield at_most(f"Redis' CPU of SESSION.GET / HMGET, {words} sessions, P 16", value, limit)
    for pipeline in (1, 16):
        for command in COMMANDS:
            load = f"session-{command}-p{pipeline}-1k"
            value = ratio(of(load), "proxy_us", of(f"get-p{pipeline}"), "proxy_us")
            yield at_most(f"proxy CPU of SESSION.{command.upper()} / GET, P {pipeline}", value, 2)
    gets = "session-get-p16-1k"
    value = ratio(of(gets), "throughput", of(gets, "redis-sessions"), "throughput")
    yield at_least("throughput of SESSION.GET, P 16 / npm redis-sessions, 50 in flight", value, 5)
    for way, words in (("set", "SET"), ("get", "GET")):
        yield at_most(f"memory growth, {words} of 256 MiB", field(of("256m"), f"{way}_growth_mib"), 16, "MiB")
        yield at_most(f"p99 of PING beside {words} of 256 MiB", field(of("256m"), f"{way}_ping_p99_ms"), 5, "ms")


def bar(title, sign, value, limit, unit, direct=None):
    """`direct` is what Redis itself reaches, where that says how far the load can go at all."""
    met = None
    if value is not None:
        met = value <= limit if sign == "<=" else value >= limit
        value = significant(value)
    result = {"title": title, "value": value, "sign": sign, "limit": limit, "unit": unit, "met": met}
    return result if direct is None else {**result, "direct": significant(direct)}
