// The ordinary features of ioredis through sessiond: run with the port as its first argument.
"use strict";

const assert = require("node:assert");
const Redis = require("ioredis");
const { port, direct, run } = require("./program");

async function main() {
    const redis = new Redis({ port, connectionName: "io", enableAutoPipelining: false });
    await redis.flushall();
    assert.strictEqual(await redis.set("k", "v", "EX", 100), "OK");
    assert.strictEqual(await redis.get("k"), "v");
    assert.strictEqual(await redis.client("GETNAME"), "io");
    assert.deepStrictEqual(await redis.hset("h", { a: 1, b: 2 }), 2);
    assert.deepStrictEqual(await redis.hgetall("h"), { a: "1", b: "2" });
    const binary = Buffer.from([0, 255, 13, 10]);
    await redis.set("binary", binary);
    assert.deepStrictEqual(await redis.getBuffer("binary"), binary);
    await assert.rejects(redis.lpush("k", 1), /WRONGTYPE/);

    const pipeline = redis.pipeline();
    for (let n = 0; n < 2000; n++) pipeline.incr("n");
    const replies = await pipeline.exec();
    assert.ok(replies.every(([error, value], n) => error === null && value === n + 1));

    const exec = await redis.multi().set("t", 1).incr("t").get("t").exec();
    assert.deepStrictEqual(exec, [[null, "OK"], [null, 2], [null, "2"]]);
    const rival = redis.duplicate();
    await redis.watch("t");
    await rival.set("t", 5);
    assert.strictEqual(await redis.multi().set("t", 6).exec(), null);

    const subscriber = redis.duplicate();
    const heard = new Promise((resolve) => subscriber.on("message", (channel, text) => resolve([channel, text])));
    assert.strictEqual(await subscriber.subscribe("news", "more"), 2);
    await redis.publish("news", "hello");
    assert.deepStrictEqual(await heard, ["news", "hello"]);
    await subscriber.unsubscribe();
    assert.strictEqual(await subscriber.get("k"), "v");

    const popped = rival.blpop("queue", 20);
    await redis.rpush("queue", "job");
    assert.deepStrictEqual(await popped, ["queue", "job"]);
    assert.strictEqual(await rival.blpop("queue", 0.01), null);

    redis.defineCommand("addTo", { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
    assert.strictEqual(await redis.addTo("sum", 2), 2);
    await redis.script("FLUSH");
    assert.strictEqual(await redis.addTo("sum", 3), 5);

    const automatic = new Redis({ port, enableAutoPipelining: true, db: 3 });
    const sets = Array.from({ length: 500 }, (_, n) => automatic.set(`auto${n}`, n));
    assert.ok((await Promise.all(sets)).every((reply) => reply === "OK"));
    assert.strictEqual(await automatic.dbsize(), 500);
    let scanned = 0;
    for await (const keys of automatic.scanStream({ match: "auto*", count: 100 })) scanned += keys.length;
    assert.strictEqual(scanned, 500);
    assert.strictEqual(await redis.exists("auto1"), 0);

    const monitored = await redis.monitor();
    const seen = new Promise((resolve) => monitored.on("monitor", (time, args) => args[1] === "watched" && resolve(args)));
    await rival.set("watched", 1);
    assert.deepStrictEqual((await seen).slice(1), ["watched", "1"]);

    if (!direct) {
        const token = await redis.call("SESSION.CREATE", "shop", "user", "::1");
        const session = await redis.call("SESSION.GET", "shop", token);
        assert.deepStrictEqual(session.slice(0, 4), ["id", "user", "r", 2]);
        assert.strictEqual(await redis.call("SESSION.KILL", "shop", token), 1);
    }
    for (const client of [rival, subscriber, automatic, redis]) await client.quit();
    monitored.disconnect();
}

run(main);
