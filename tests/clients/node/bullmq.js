// BullMQ through sessiond, over ioredis and over node-redis: queues drained by workers, with the events and results
// that others see. Run with the port as its first argument.
"use strict";

const assert = require("node:assert");
const { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } = require("bullmq");
const { createClient } = require("redis");
const { port, run } = require("./program");

const JOBS = 100;
// Events are read from the beginning of their stream, so that none is missed before the first read.
const FROM_THE_START = { lastEventId: "0" };

/** Everything of BullMQ that a program opens, to be closed in the end. */
class Bull {
    constructor(name, connection) {
        this.name = name;
        this.connection = connection;
        this.opened = [];
    }

    async open(Type, name, ...rest) {
        const options = { connection: await this.connection(), ...rest.pop() };
        const opened = name === null ? new Type(options) : new Type(`${this.name}-${name}`, ...rest, options);
        this.opened.unshift(opened);
        opened.on("error", (error) => {
            console.error(error);
            process.exit(1);
        });
        await opened.waitUntilReady?.();
        return opened;
    }

    async close() {
        for (const each of this.opened) await each.close();
    }
}

async function drained(bull) {
    const queue = await bull.open(Queue, "drain", {});
    queue.setMaxListeners(0);
    const events = await bull.open(QueueEvents, "drain", FROM_THE_START);
    const completed = new Map();
    const progressed = new Set();
    events.on("progress", ({ jobId, data }) => data === 50 && progressed.add(jobId));
    const allCompleted = new Promise((resolve) => events.on("completed", ({ jobId, returnvalue }) => {
        if (completed.set(jobId, returnvalue).size === JOBS + 1) resolve();
    }));
    const jobs = await queue.addBulk(Array.from({ length: JOBS }, (_, n) => ({ name: "square", data: { n } })));
    assert.strictEqual((await queue.getJobCounts("waiting")).waiting, JOBS);

    const work = async (job) => {
        await job.updateProgress(50);
        return job.data.n ** 2;
    };
    await bull.open(Worker, "drain", work, { concurrency: 8 });
    await bull.open(Worker, "drain", work, { concurrency: 2 });
    const results = await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
    assert.deepStrictEqual(results, Array.from({ length: JOBS }, (_, n) => n ** 2));
    const last = await queue.add("square", { n: 1000 });
    assert.strictEqual(await last.waitUntilFinished(events), 1_000_000);

    const counts = await queue.getJobCounts("waiting", "active", "completed", "failed", "delayed");
    assert.deepStrictEqual(counts, { waiting: 0, active: 0, completed: JOBS + 1, failed: 0, delayed: 0 });
    await allCompleted;
    assert.deepStrictEqual(jobs.map((job) => completed.get(job.id)), results);
    assert.strictEqual(progressed.size, JOBS + 1);
    assert.strictEqual((await queue.getJob(jobs[7].id)).returnvalue, 49);
}

async function retried(bull) {
    const queue = await bull.open(Queue, "retry", {});
    const events = await bull.open(QueueEvents, "retry", {});
    await bull.open(Worker, "retry", async (job) => {
        if (job.data.hopeless) throw new UnrecoverableError("hopeless");
        if (job.attemptsMade < 2) throw new Error("not yet");
        return "at last";
    }, {});
    const options = { attempts: 3, backoff: { type: "fixed", delay: 20 } };
    const patient = await queue.add("patient", {}, options);
    assert.strictEqual(await patient.waitUntilFinished(events), "at last");
    assert.strictEqual((await queue.getJob(patient.id)).attemptsMade, 3);
    const hopeless = await queue.add("hopeless", { hopeless: true }, options);
    await assert.rejects(hopeless.waitUntilFinished(events), /hopeless/);
    assert.deepStrictEqual((await queue.getFailed()).map((job) => job.id), [hopeless.id]);
}

async function delayedAndRepeated(bull) {
    const queue = await bull.open(Queue, "time", {});
    const events = await bull.open(QueueEvents, "time", FROM_THE_START);
    let repetitions = 0;
    let thrice;
    const repeated = new Promise((resolve) => (thrice = resolve));
    await bull.open(Worker, "time", async (job) => {
        if (job.name === "repeated" && ++repetitions === 3) thrice();
        return job.processedOn - job.timestamp;
    }, {});
    const seen = new Promise((resolve) => events.on("delayed", ({ jobId }) => resolve(jobId)));
    const delayed = await queue.add("delayed", {}, { delay: 300 });
    assert.strictEqual(await seen, delayed.id);
    assert.ok((await delayed.waitUntilFinished(events)) >= 300);

    await queue.upsertJobScheduler("ticker", { every: 50 }, { name: "repeated" });
    await repeated;
    assert.deepStrictEqual((await queue.getJobSchedulers()).map((each) => each.key), ["ticker"]);
    assert.strictEqual(await queue.removeJobScheduler("ticker"), true);
}

async function parentOfChildren(bull) {
    const flow = await bull.open(FlowProducer, null, {});
    const events = await bull.open(QueueEvents, "flow", {});
    await bull.open(Worker, "flow", async (job) => {
        if (job.name === "child") return job.data.n;
        return Object.values(await job.getChildrenValues()).reduce((sum, n) => sum + n, 0);
    }, { concurrency: 3 });
    const queueName = `${bull.name}-flow`;
    const children = [1, 2, 3, 4].map((n) => ({ name: "child", queueName, data: { n } }));
    const { job } = await flow.add({ name: "parent", queueName, children });
    assert.strictEqual(await job.waitUntilFinished(events), 10);
}

/** A job that waits in a paused queue is done by the worker that is there when the queue goes on. */
async function pausedAndResumed(bull) {
    const queue = await bull.open(Queue, "pause", {});
    const events = await bull.open(QueueEvents, "pause", {});
    const first = await bull.open(Worker, "pause", async () => "first", {});
    await queue.pause();
    const paused = await queue.add("job", {});
    assert.strictEqual(await queue.isPaused(), true);
    assert.strictEqual(await paused.getState(), "waiting");
    await first.close();
    await bull.open(Worker, "pause", async () => "second", {});
    await queue.resume();
    assert.strictEqual(await paused.waitUntilFinished(events), "second");
    await queue.obliterate({ force: true });
    assert.strictEqual((await queue.getJobCounts("completed")).completed, 0);
}

async function main() {
    const nodeRedis = [];
    const drivers = {
        ioredis: () => ({ port }),
        "node-redis": async () => {
            nodeRedis.push(await createClient({ socket: { port } }).connect());
            return nodeRedis.at(-1);
        },
    };
    for (const [name, connection] of Object.entries(drivers)) {
        const bull = new Bull(name, connection);
        await drained(bull);
        await retried(bull);
        await delayedAndRepeated(bull);
        await parentOfChildren(bull);
        await pausedAndResumed(bull);
        await bull.close();
    }
    for (const client of nodeRedis) if (client.isOpen) await client.close();
}

run(main);
