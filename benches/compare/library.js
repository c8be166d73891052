// Reads sessions with the npm library redis-sessions, 50 gets in flight: port, app, token prefix, sessions, gets.
"use strict";

const { createRequire } = require("node:module");
const path = require("node:path");

const installed = createRequire(path.join(__dirname, "../../tests/clients/node/package.json"));
const RedisSessions = installed("redis-sessions").default;

const [port, app, prefix, sessions, gets] = process.argv.slice(2).map((word, n) => (n === 1 || n === 2 ? word : Number(word)));
const IN_FLIGHT = 50;
// Until Node has compiled what is called often.
const WARM_UP = 5000;

async function main() {
    const library = new RedisSessions({ host: "127.0.0.1", port, wipe: 0 });
    await library.ping();
    async function read(left) {
        async function reader() {
            while (left-- > 0) {
                const number = Math.floor(Math.random() * sessions);
                const session = await library.get({ app, token: prefix + String(number).padStart(12, "0") });
                if (!session || !session.id) throw new Error("finds no session");
            }
        }
        await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
    }
    await read(WARM_UP);
    const started = process.hrtime.bigint();
    await read(gets);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    console.log(JSON.stringify({ throughput: gets / seconds, requests: WARM_UP + gets }));
    process.exit(0);
}

main().catch((error) => {
    console.error(String(error && error.message));
    process.exit(1);
});
