"""The ordinary features of redis-py through sessiond: run with the port as its only argument."""

import asyncio
import sys
import threading

import redis
import redis.asyncio

PORT = int(sys.argv[1])


def connect(protocol, **options):
    return redis.Redis(port=PORT, protocol=protocol, decode_responses=True, **options)


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
    client = redis.asyncio.Redis(port=PORT, protocol=protocol, decode_responses=True)
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


def main():
    direct = len(sys.argv) > 2
    for protocol in (2, 3):
        client = connect(protocol)
        data_types(client)
        pipelines(client)
        transactions_with_retry(protocol)
        pub_sub(client)
        blocking(client)
        scripts(client)
        locks(client)
        if not direct:
            sessions(client)
        names_and_databases(protocol)
        asyncio.run(asynchronous(protocol))
        client.close()


main()
