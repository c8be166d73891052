// express-session over connect-redis: two web servers that share their sessions through sessiond, and browsers with
// cookies. Run with the port as its first argument.
"use strict";

const assert = require("node:assert");
const express = require("express");
const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");
const { port, run } = require("./program");

const LIFETIME = 3600;

/** A web server on a free port, with a client and a store of its own. */
async function webServer(RESP) {
    const client = await createClient({ socket: { port }, RESP }).connect();
    const store = new RedisStore({ client, ttl: LIFETIME, prefix: `web${RESP}:` });
    const app = express();
    app.use(session({ store, secret: "a secret", resave: false, saveUninitialized: false, name: "sid" }));
    app.post("/login/:user", (request, response) => {
        request.session.regenerate(() => {
            request.session.user = request.params.user;
            request.session.views = 0;
            response.json({ id: request.sessionID });
        });
    });
    app.get("/visit", (request, response) => {
        if (request.session.user) request.session.views += 1;
        response.json({ user: request.session.user ?? null, views: request.session.views ?? null });
    });
    app.get("/look", (request, response) => response.json({ user: request.session.user ?? null }));
    app.post("/logout", (request, response) => request.session.destroy(() => response.json({})));
    const listener = await new Promise((resolve) => {
        const started = app.listen(0, "127.0.0.1", () => resolve(started));
    });
    const url = `http://127.0.0.1:${listener.address().port}`;
    const close = async () => {
        listener.closeAllConnections();
        await new Promise((resolve) => listener.close(resolve));
        await client.close();
    };
    return { url, client, store, close };
}

/** A browser: it keeps the cookie that it was given. */
class Browser {
    async request(method, server, path) {
        const headers = this.cookie ? { cookie: this.cookie } : {};
        const response = await fetch(server.url + path, { method, headers });
        assert.strictEqual(response.status, 200, path);
        const [cookie] = response.headers.getSetCookie();
        if (cookie) this.cookie = cookie.split(";")[0];
        return response.json();
    }

    get(server, path) {
        return this.request("GET", server, path);
    }

    post(server, path) {
        return this.request("POST", server, path);
    }
}

async function oneBrowser(left, right) {
    const browser = new Browser();
    assert.deepStrictEqual(await browser.get(left, "/visit"), { user: null, views: null });
    assert.strictEqual(browser.cookie, undefined);

    const { id } = await browser.post(left, "/login/mary");
    assert.ok(browser.cookie.startsWith("sid="), browser.cookie);
    for (let views = 1; views <= 6; views++) {
        const server = views % 2 ? right : left;
        assert.deepStrictEqual(await browser.get(server, "/visit"), { user: "mary", views });
    }
    assert.deepStrictEqual(await left.store.ids(), [id]);
    const [stored] = await right.store.all();
    assert.deepStrictEqual([stored.id, stored.user, stored.views], [id, "mary", 6]);

    // A request that changes nothing only touches the session: its time to live begins anew.
    const key = left.store.prefix + id;
    assert.strictEqual(await left.client.expire(key, 100), 1);
    const before = await left.client.get(key);
    assert.deepStrictEqual(await browser.get(right, "/look"), { user: "mary" });
    assert.ok((await left.client.ttl(key)) > 100);
    assert.strictEqual(await left.client.get(key), before);

    // Another login gives the session a new name; the old cookie opens nothing any more.
    const old = new Browser();
    old.cookie = browser.cookie;
    const again = await browser.post(right, "/login/mary");
    assert.notStrictEqual(again.id, id);
    assert.deepStrictEqual(await old.get(left, "/look"), { user: null });
    assert.deepStrictEqual(await browser.get(left, "/visit"), { user: "mary", views: 1 });

    await browser.post(left, "/logout");
    assert.deepStrictEqual(await browser.get(right, "/visit"), { user: null, views: null });
    assert.strictEqual(await left.store.length(), 0);
}

async function manyBrowsers(left, right) {
    const visits = Array.from({ length: 40 }, async (_, n) => {
        const browser = new Browser();
        await browser.post(n % 2 ? left : right, `/login/user${n}`);
        for (let views = 1; views <= 5; views++) {
            const server = views % 2 ? left : right;
            assert.deepStrictEqual(await browser.get(server, "/visit"), { user: `user${n}`, views });
        }
    });
    await Promise.all(visits);
    assert.strictEqual(await left.store.length(), 40);
    await left.store.clear();
    assert.strictEqual(await right.store.length(), 0);
}

async function main() {
    for (const RESP of [2, 3]) {
        const [left, right] = [await webServer(RESP), await webServer(RESP)];
        await oneBrowser(left, right);
        await manyBrowsers(left, right);
        await Promise.all([left.close(), right.close()]);
    }
}

run(main);
