// Drives the npm library redis-sessions: one JSON call per line on stdin, one JSON answer per line on stdout.
//
// A call may name another one that happens in the middle of it. That is how a race between two processes
// is shown without luck: the client function `after` is wrapped, for one use, so that its caller gets
// the reply only when a second instance of the library has finished the other call.
"use strict";

const readline = require("node:readline");
const RedisSessions = require("redis-sessions").default;

const options = JSON.parse(process.argv[2]);
const sessions = new RedisSessions(options);
const rival = new RedisSessions({ ...options, cachetime: 0 });
const ready = Promise.all([sessions.ping(), rival.ping(), sessions.toSubscribe]);

function interrupt(after, meanwhile) {
    const original = sessions.redis[after];
    sessions.redis[after] = async function (...args) {
        sessions.redis[after] = original;
        const reply = await original.apply(sessions.redis, args);
        await rival[meanwhile.method](meanwhile.options);
        return reply;
    };
}

// `kill` decides in one transaction and tidies up behind it: there the rival comes before the tidying.
function interruptBefore(before, meanwhile) {
    const original = sessions.redis[before];
    sessions.redis[before] = async function (...args) {
        sessions.redis[before] = original;
        await rival[meanwhile.method](meanwhile.options);
        return original.apply(sessions.redis, args);
    };
}

async function answer(line) {
    const call = JSON.parse(line);
    await ready;
    if (call.meanwhile && call.after.startsWith("before ")) {
        interruptBefore(call.after.slice("before ".length), call.meanwhile);
    } else if (call.meanwhile) {
        interrupt(call.after, call.meanwhile);
    }
    try {
        const reply = await sessions[call.method](call.options);
        return reply === undefined ? null : reply;
    } catch (error) {
        return { threw: String(error && error.message) };
    }
}

let queue = Promise.resolve();
readline.createInterface({ input: process.stdin }).on("line", (line) => {
    queue = queue.then(async () => {
        process.stdout.write(JSON.stringify(await answer(line)) + "\n");
    });
}).on("close", () => process.exit(0));
