"""Celery with its broker and its results both behind sessiond, and a real worker: run with the port as its first argument."""

import celery
import redis

from celery_tasks import add, app, fail, go_on_when_told, succeed_at_third_attempt, total
from program import PATIENCE, PORT, run, worker

BROKER = f"redis://127.0.0.1:{PORT}/1"
RESULTS = f"redis://127.0.0.1:{PORT}/2"
# Nothing takes that long; without a limit a lost result would be waited for until the program's own limit.
WAIT = {"timeout": 120}


def results():
    assert add.delay(2, 3).get(**WAIT) == 5
    calls = celery.group(add.s(n, n) for n in range(50))
    assert calls.apply_async().get(**WAIT) == [2 * n for n in range(50)]
    assert celery.chain(add.s(1, 2), add.s(3), add.s(4))().get(**WAIT) == 10
    chord = celery.chord((add.s(n, 1) for n in range(20)), total.s())
    assert chord().get(**WAIT) == sum(range(20)) + 20
    nested = celery.chord([celery.chain(add.s(n, 1), add.s(1)) for n in range(5)], total.s())
    assert (nested | add.s(100)).apply_async().get(**WAIT) == sum(range(5)) + 10 + 100


def failures_and_retries():
    failed = fail.delay()
    try:
        failed.get(**WAIT)
    except ValueError as error:
        assert "as it should" in str(error)
    else:
        raise AssertionError("the task's exception expected")
    assert failed.state == "FAILURE"
    assert succeed_at_third_attempt.delay().get(**WAIT) == 2


def states(client):
    result = go_on_when_told.delay(BROKER, "go on")
    while (state := result.state) != "HALFWAY":
        assert state in ("PENDING", "STARTED"), state
    assert result.info == {"percent": 50}
    client.rpush("go on", "told")
    assert result.get(**WAIT) == "told"
    assert result.state == "SUCCESS"
    result.forget()
    assert app.AsyncResult(result.id).state == "PENDING"


def later():
    assert add.apply_async((1, 1), countdown=0.3).get(**WAIT) == 2


def remote_control(name):
    """Commands to the worker and its answers, which go through publish and subscribe."""
    assert app.control.ping([name], timeout=PATIENCE, limit=1) == [{name: {"ok": "pong"}}]
    inspect = app.control.inspect([name], timeout=PATIENCE, limit=1)
    assert "celery_tasks.add" in inspect.registered()[name]


def revoked(name):
    """A task that is revoked before its time has come is not run."""
    call = add.apply_async((1, 1), countdown=3600)
    replies = app.control.revoke(call.id, destination=[name], reply=True, timeout=PATIENCE, limit=1)
    assert "ok" in replies[0][name], replies
    inspect = app.control.inspect([name], timeout=PATIENCE, limit=1)
    assert call.id in inspect.revoked()[name]


def main():
    app.conf.update(broker_url=BROKER, result_backend=RESULTS)
    name = f"worker@port{PORT}"
    broker = redis.Redis.from_url(BROKER, socket_timeout=PATIENCE)
    early = [add.delay(n, 1) for n in range(10)]
    assert broker.llen("celery") == 10, "they wait for a worker"

    options = ["--concurrency", "2", "--loglevel", "ERROR", "--hostname", name]
    with worker("celery", "-A", "celery_tasks", "-b", BROKER, "--result-backend", RESULTS, "worker", *options) as process:
        assert [call.get(**WAIT) for call in early] == [n + 1 for n in range(10)]
        results()
        failures_and_retries()
        states(broker)
        later()
        remote_control(name)
        process.terminate()
        assert process.wait(PATIENCE) == 0, "it finishes its work and ends"
    assert broker.llen("celery") == 0
    assert broker.hlen("unacked") == 0, "everything was acknowledged"

    with worker("celery", "-A", "celery_tasks", "-b", BROKER, "--result-backend", RESULTS, "worker", *options):
        assert add.delay(20, 22).get(**WAIT) == 42, "the next worker goes on"
        revoked(name)
    app.close()
    broker.close()


run(main)
