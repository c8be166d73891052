// rate-limiter-flexible through sessiond, over ioredis and over node-redis: limits that many clients share. Run with
// the port as its first argument.
"use strict";

const assert = require("node:assert");
const Redis = require("ioredis");
const { BurstyRateLimiter, RateLimiterRedis, RateLimiterRes } = require("rate-limiter-flexible");
const { createClient } = require("redis");
const { port, run } = require("./program");

const CLIENTS = 5;

async function nodeRedis() {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => createClient({ socket: { port }, RESP: 3 }).connect()));
    return { name: "node-redis", options: { useRedisPackage: true }, clients, close: () => Promise.all(clients.map((each) => each.close())) };
}

async function ioredis() {
    const clients = Array.from({ length: CLIENTS }, () => new Redis({ port }));
    return { name: "ioredis", options: {}, clients, close: () => Promise.all(clients.map((each) => each.quit())) };
}

/** Whether the limiter lets a caller in; anything but its own refusal is an error. */
async function allowed(limiter, key, points = 1) {
    try {
        await limiter.consume(key, points);
        return true;
    } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return false;
        throw refusal;
    }
}

function limiters(library, options) {
    return library.clients.map((storeClient) => new RateLimiterRedis({ storeClient, ...library.options, ...options }));
}

async function sharedLimit(library) {
    const keyPrefix = `${library.name}-shared`;
    const points = 60;
    const doors = limiters(library, { keyPrefix, points, duration: 3600 });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => allowed(doors[n % CLIENTS], "mary")));
    assert.strictEqual(answers.filter(Boolean).length, points);
    assert.ok(await allowed(doors[0], "peter"), "another key has a limit of its own");

    const seen = await doors[1].get("mary");
    assert.deepStrictEqual([seen.consumedPoints, seen.remainingPoints], [200, 0]);
    assert.ok(seen.msBeforeNext > 0 && seen.msBeforeNext <= 3_600_000, `${seen.msBeforeNext}`);
    assert.strictEqual(await doors[2].get("nobody"), null);

    const rewarded = await doors[3].reward("peter", 1);
    assert.strictEqual(rewarded.consumedPoints, 0);
    await doors[3].penalty("peter", points);
    assert.ok(!(await allowed(doors[4], "peter")));
    assert.strictEqual(await doors[0].delete("peter"), true);
    assert.strictEqual(await doors[0].delete("peter"), false);
    assert.ok(await allowed(doors[4], "peter", points));
}

async function blocks(library) {
    const [left, right] = limiters(library, { keyPrefix: `${library.name}-block`, points: 3, duration: 3600, blockDuration: 7200 });
    await left.block("mallory", 3600);
    assert.ok(!(await allowed(right, "mallory")), "blocked by hand");
    await left.set("oscar", 2, 3600);
    assert.ok(await allowed(right, "oscar"));
    assert.ok(!(await allowed(right, "oscar")), "over the limit");
    assert.ok((await left.get("oscar")).msBeforeNext > 3_600_000, "blocked for longer than the limit's duration");
}

async function opensAgain(library) {
    const [limiter, other] = limiters(library, { keyPrefix: `${library.name}-again`, points: 1, duration: 1 });
    assert.ok(await allowed(limiter, "key"));
    // The end of the window is the event to wait for; nothing tells about it, so it is asked for.
    while (!(await allowed(other, "key"))) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function bursts(library) {
    const [steady] = limiters(library, { keyPrefix: `${library.name}-steady`, points: 2, duration: 3600 });
    const [burst] = limiters(library, { keyPrefix: `${library.name}-burst`, points: 5, duration: 3600 });
    const limiter = new BurstyRateLimiter(steady, burst);
    const answers = await Promise.all(Array.from({ length: 20 }, () => allowed(limiter, "key")));
    assert.strictEqual(answers.filter(Boolean).length, 7);
}

async function main() {
    for (const open of [ioredis, nodeRedis]) {
        const library = await open();
        await sharedLimit(library);
        await blocks(library);
        await opensAgain(library);
        await bursts(library);
        await library.close();
    }
}

run(main);
