// The ordinary features of node-redis through sessiond, in RESP2 and RESP3: run with the port as its first argument.
"use strict";

const assert = require("node:assert");
const { BasicClientSideCache, createClient } = require("redis");
const { port, direct, run } = require("./program");

async function features(RESP) {
    const options = { socket: { port }, RESP, name: "node" };
    const client = await createClient(options).connect();
    await client.flushAll();
    assert.strictEqual(await client.set("k", "v", { EX: 100 }), "OK");
    assert.strictEqual(await client.get("k"), "v");
    assert.strictEqual(await client.get("missing"), null);
    assert.strictEqual(await client.clientGetName(), "node");
    await client.hSet("h", { a: "1", b: "2" });
    assert.deepStrictEqual({ ...(await client.hGetAll("h")) }, { a: "1", b: "2" });
    await client.zAdd("z", [{ score: 1.5, value: "a" }]);
    assert.strictEqual(await client.zScore("z", "a"), 1.5);
    await assert.rejects(client.lPush("k", "1"), /WRONGTYPE/);

    const many = await Promise.all(Array.from({ length: 2000 }, () => client.incr("n")));
    assert.deepStrictEqual(many, Array.from({ length: 2000 }, (_, n) => n + 1));

    assert.deepStrictEqual(await client.multi().set("t", "1").incr("t").get("t").exec(), ["OK", 2, "2"]);
    const rival = await client.duplicate().connect();
    await client.watch("t");
    await rival.set("t", "5");
    await assert.rejects(client.multi().set("t", "6").exec(), /watched keys/i);

    const subscriber = await client.duplicate().connect();
    const heard = new Promise((resolve) => subscriber.subscribe("news", resolve).then(() => client.publish("news", "hello")));
    assert.strictEqual(await heard, "hello");
    const matched = new Promise((resolve) => subscriber.pSubscribe("n*", (text, channel) => resolve([channel, text]))
        .then(() => client.publish("nnn", "x")));
    assert.deepStrictEqual(await matched, ["nnn", "x"]);
    await subscriber.unsubscribe("news");
    await subscriber.pUnsubscribe("n*");
    assert.strictEqual(String(await subscriber.get("k")), "v");

    const popped = rival.blPop("queue", 20);
    await client.rPush("queue", "job");
    assert.deepStrictEqual({ ...(await popped) }, { key: "queue", element: "job" });
    assert.strictEqual(await rival.blPop("queue", 0.01), null);

    const script = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
    const sha = await client.scriptLoad(script);
    assert.strictEqual(await client.evalSha(sha, { keys: ["sum"], arguments: ["2"] }), 2);
    assert.strictEqual(await client.eval(script, { keys: ["sum"], arguments: ["3"] }), 5);

    let scanned = 0;
    for await (const keys of client.scanIterator()) scanned += keys.length;
    assert.ok(scanned >= 5, `${scanned}`);

    const elsewhere = await createClient({ ...options, database: 7 }).connect();
    assert.strictEqual(await elsewhere.exists("k"), 0);

    if (!direct) {
        const token = await client.sendCommand(["SESSION.CREATE", "shop", "user", "::1", "NORESAVE"]);
        const session = await client.sendCommand(["SESSION.GET", "shop", token]);
        const fields = Array.isArray(session)
            ? Object.fromEntries(session.flatMap((v, n) => (n % 2 ? [] : [[v, session[n + 1]]])))
            : session instanceof Map ? Object.fromEntries(session) : session;
        assert.strictEqual(fields.id, "user");
        assert.strictEqual(fields.no_resave, RESP === 3 ? true : 1);
        assert.strictEqual(await client.sendCommand(["SESSION.KILL", "shop", token]), 1);
    }
    for (const each of [rival, subscriber, elsewhere, client]) await each.close();
}

/** Resolves when the client-side cache has dropped a key because the server said so. */
function invalidated(cache) {
    return new Promise((resolve) => cache.once("invalidate", (key) => resolve(String(key))));
}

async function clientSideCache() {
    const cache = new BasicClientSideCache({ recordStats: true });
    const reader = await createClient({ socket: { port }, RESP: 3, clientSideCache: cache }).connect();
    const writer = await createClient({ socket: { port }, RESP: 3 }).connect();
    await writer.set("cached", "1");
    for (let n = 0; n < 5; n++) assert.strictEqual(await reader.get("cached"), "1");
    assert.deepStrictEqual([cache.stats().missCount, cache.stats().hitCount], [1, 4]);
    for (const value of ["2", "3"]) {
        const dropped = invalidated(cache);
        await writer.set("cached", value);
        assert.strictEqual(await dropped, "cached");
        assert.strictEqual(await reader.get("cached"), value);
        assert.strictEqual(await reader.get("cached"), value);
    }
    assert.deepStrictEqual([cache.stats().missCount, cache.stats().hitCount], [3, 6]);
    const flushed = new Promise((resolve) => cache.once("invalidate", resolve));
    await writer.flushDb();
    assert.strictEqual(await flushed, null);
    assert.strictEqual(await reader.get("cached"), null);
    for (const client of [reader, writer]) await client.close();
}

async function main() {
    await features(2);
    await features(3);
    await clientSideCache();
}

run(main);
