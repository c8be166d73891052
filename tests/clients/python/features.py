"""The ordinary features of redis-py through sessiond: run with the port as its first argument."""

import asyncio
import threading

import redis
import redis.asyncio
from redis.cache import CacheConfig
from redis.connection import CacheProxyConnection

from program import DIRECT, PATIENCE, PORT, run

# redis-py asks for a newer server than its cache needs: what it uses, `CLIENT TRACKING`, is there since Redis 6.
CacheProxyConnection.MIN_ALLOWED_VERSION = "6.0.0"


def options(protocol, **more):
    return {"port": PORT, "protocol": protocol, "decode_responses": True, "socket_timeout": PATIENCE, **more}


def connect(protocol, **more):
    return redis.Redis(**options(protocol, **more))


def data_types(client):
    client.flushall()
    assert client.set("k", "v", ex=100) is True
    assert client.get("k") == "v"
    assert client.get("missing") is None
    client.hset("h", mapping={"a": 1, "b": "x"})
    assert client.hgetall("h") == {"a": "1", "b": "x"}
    client.rpush("l", *range(100))
    assert client.lrange("l", 0, -1) == [str(n) for n in range(100)]
    client.zadd("z", {"a": 1.5, "b": 2})
    assert client.zscore("z", "a") == 1.5
    client.sadd("s", "x", "y")
    assert client.smembers("s") == {"x", "y"}
    client.xadd("x", {"f": "v"})
    assert client.xlen("x") == 1
    assert sorted(client.scan_iter(count=2)) == ["h", "k", "l", "s", "x", "z"]
    assert client.type("z") == "zset"
    assert client.info("server")["redis_version"]
    try:
        client.lpush("k", 1)
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error)
    else:
        raise AssertionError("WRONGTYPE expected")


def pipelines(client):
    client.delete("n")
    with client.pipeline(transaction=False) as pipe:
        for _ in range(2000):
            pipe.incr("n")
        assert pipe.execute() == list(range(1, 2001))
    with client.pipeline(transaction=True) as pipe:
        pipe.set("t", 1).incr("t").get("t")
        assert pipe.execute() == [True, 2, "2"]


def transactions_with_retry(protocol):
    connect(protocol).set("counter", 0)

    def work():
        client = connect(protocol)
        for _ in range(25):
            while True:
                with client.pipeline() as pipe:
                    try:
                        pipe.watch("counter")
                        value = int(pipe.get("counter"))
                        pipe.multi()
                        pipe.set("counter", value + 1)
                        pipe.execute()
                        break
                    except redis.WatchError:
                        continue

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connect(protocol).get("counter") == "150"


def pub_sub(client):
    subscriber = client.pubsub()
    subscriber.subscribe("news")
    subscriber.psubscribe("n*s")
    for _ in range(2):
        assert subscriber.get_message(timeout=20)
    assert client.publish("news", "hello") == 2
    found = sorted(subscriber.get_message(timeout=20)["type"] for _ in range(2))
    assert found == ["message", "pmessage"], found
    subscriber.unsubscribe()
    subscriber.punsubscribe()
    for _ in range(2):
        subscriber.get_message(timeout=20)
    subscriber.close()


def blocking(client):
    pusher = threading.Thread(target=lambda: client.rpush("queue", "job"))
    pusher.start()
    assert client.blpop(["queue"], timeout=20) in (("queue", "job"), ["queue", "job"])
    pusher.join()
    assert client.blpop(["queue"], timeout=0.01) is None
    client.zadd("zq", {"m": 1})
    assert client.bzpopmin(["zq"], timeout=20)[1] == "m"


def scripts(client):
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    client.delete("sum")
    assert [add(keys=["sum"], args=[n]) for n in (1, 2, 3)] == [1, 3, 6]
    client.script_flush()
    assert add(keys=["sum"], args=[4]) == 10
    with client.pipeline() as pipe:
        add(keys=["sum"], args=[5], client=pipe)
        add(keys=["sum"], args=[6], client=pipe)
        assert pipe.execute() == [15, 21]


def locks(client):
    with client.lock("lock", timeout=30, blocking_timeout=20):
        assert client.exists("lock") == 1
    assert client.exists("lock") == 0


def sessions(client):
    token = client.execute_command("SESSION.CREATE", "shop", "user", "::1", "DATA", '{"cart":1}')
    assert len(token) == 64
    session = client.execute_command("SESSION.GET", "shop", token)
    if isinstance(session, list):
        session = dict(zip(session[::2], session[1::2]))
    assert session["id"] == "user" and session["r"] == 2, session
    with client.pipeline() as pipe:
        pipe.execute_command("SESSION.SET", "shop", token, '{"cart":2}')
        pipe.execute_command("SESSION.KILL", "shop", token)
        assert pipe.execute()[1] == 1


def names_and_databases(protocol):
    client = connect(protocol, db=5, client_name="python")
    assert client.client_getname() == "python"
    client.set("only-in-5", 1)
    assert connect(protocol).exists("only-in-5") == 0
    client.flushdb()


async def asynchronous(protocol):
    client = redis.asyncio.Redis(**options(protocol))
    await asyncio.gather(*(client.set(f"a{n}", n) for n in range(100)))
    assert await client.mget([f"a{n}" for n in range(100)]) == [str(n) for n in range(100)]
    async with client.pipeline(transaction=True) as pipe:
        assert await pipe.incr("an").incr("an").execute() == [1, 2]
    async with client.pubsub() as subscriber:
        await subscriber.subscribe("c")
        assert (await subscriber.get_message(timeout=20))["type"] == "subscribe"
        await client.publish("c", "x")
        assert (await subscriber.get_message(timeout=20))["data"] == "x"
    popped = asyncio.create_task(client.blpop("aq", timeout=20))
    await client.rpush("aq", "job")
    assert list(await popped) == ["aq", "job"]
    await client.aclose()


def client_side_cache():
    reader = connect(3, cache_config=CacheConfig())
    writer = connect(3)
    writer.mset({"cached": 1, "other": 1})

    def reads():
        return writer.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]

    def read_until(expected):
        while reader.get("cached") != expected:
            pass

    assert [reader.get("cached"), reader.get("other")] == ["1", "1"]
    before = reads()
    assert [reader.get("cached") for _ in range(50)] == ["1"] * 50
    assert reads() == before, "answered from the cache"
    assert reader.get_cache().size == 2

    # The invalidation comes when it comes; until then the cache may answer.
    writer.set("cached", 2)
    read_until("2")
    assert reads() == before + 1
    assert [reader.get("cached"), reader.get("other")] == ["2", "1"]
    assert reads() == before + 1, "only the changed key is read again, and once"
    with writer.pipeline(transaction=True) as pipe:
        pipe.set("cached", 3).set("cached", 4).execute()
    read_until("4")
    writer.flushdb()
    read_until(None)
    writer.set("cached", 5)
    read_until("5")
    for client in (reader, writer):
        client.close()


async def asynchronous_sharing(protocol):
    """Many tasks on a pool of few connections: each gets its own replies, and messages reach all subscribers."""
    few = options(protocol, max_connections=5, timeout=None)
    pool = redis.asyncio.BlockingConnectionPool(**few)
    client = redis.asyncio.Redis(connection_pool=pool)

    async def work(n):
        async with client.pipeline(transaction=n % 2 == 0) as pipe:
            pipe.set(f"own{n}", n).get(f"own{n}").delete(f"own{n}")
            assert await pipe.execute() == [True, str(n), 1]

    await asyncio.gather(*(work(n) for n in range(200)))
    await pool.aclose()

    client = redis.asyncio.Redis(**options(protocol))
    ready = [asyncio.Event() for _ in range(10)]

    async def listen(subscribed):
        async with client.pubsub() as subscriber:
            await subscriber.subscribe("all")
            async for message in subscriber.listen():
                if message["type"] == "subscribe":
                    subscribed.set()
                else:
                    return message["data"]

    listeners = [asyncio.create_task(listen(subscribed)) for subscribed in ready]
    await asyncio.gather(*(subscribed.wait() for subscribed in ready))
    assert await client.publish("all", "hello") == len(ready)
    assert await asyncio.gather(*listeners) == ["hello"] * len(ready)
    await client.aclose()


def main():
    for protocol in (2, 3):
        client = connect(protocol)
        data_types(client)
        pipelines(client)
        transactions_with_retry(protocol)
        pub_sub(client)
        blocking(client)
        scripts(client)
        locks(client)
        if not DIRECT:
            sessions(client)
        names_and_databases(protocol)
        asyncio.run(asynchronous(protocol))
        asyncio.run(asynchronous_sharing(protocol))
        client.close()
    client_side_cache()


run(main)
