"""RQ through sessiond: queues drained by real workers. Run with the port as its first argument."""

import datetime

import redis
import rq
from rq.command import send_shutdown_command
from rq.registry import FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry

import rq_tasks
from program import PATIENCE, PORT, run, worker

URL = f"redis://127.0.0.1:{PORT}/3"
WORKER = ["rq.cli", "worker", "--url", URL, "--logging_level", "CRITICAL", "--disable-job-desc-logging"]


def burst(connection):
    """A worker that ends when it has drained the queues."""
    high, low = rq.Queue("high", connection=connection), rq.Queue("low", connection=connection)
    squares = [low.enqueue(rq_tasks.square, n) for n in range(10)]
    sum_of_all = high.enqueue(rq_tasks.total, *(job.id for job in squares), depends_on=squares)
    retried = low.enqueue(rq_tasks.succeed_at_third_attempt, "attempts", retry=rq.Retry(max=5))
    failed = low.enqueue(rq_tasks.fail)
    remembered = high.enqueue(rq_tasks.square, 9, on_success=rq_tasks.remember)
    assert (len(high), len(low)) == (1, 12)
    assert sum_of_all.get_status() == "deferred"

    with worker(*WORKER, "--burst", "high", "low") as process:
        assert process.wait(4 * PATIENCE) == 0
    assert [job.return_value(refresh=True) for job in squares] == [n * n for n in range(10)]
    assert sum_of_all.return_value(refresh=True) == 285
    assert retried.return_value(refresh=True) == 3
    assert remembered.return_value(refresh=True) == 81
    assert connection.lrange("remembered", 0, -1) == [b"rq_tasks.square=81"]

    assert (len(high), len(low)) == (0, 0)
    assert FailedJobRegistry(queue=low).get_job_ids() == [failed.id]
    assert "as it should" in failed.latest_result().exc_string
    assert len(FinishedJobRegistry(queue=low)) == 11
    assert rq.Worker.all(connection=connection) == [], "it has signed off"

    assert FailedJobRegistry(queue=low).requeue(failed.id)
    with worker(*WORKER, "--burst", "low") as process:
        assert process.wait(PATIENCE) == 0
    assert len(failed.results()) == 2, "it was run once more"


def lasting(connection):
    """A worker that waits for jobs, also for scheduled ones, and ends when it is told to."""
    queue = rq.Queue("lasting", connection=connection)
    scheduled = queue.enqueue_in(datetime.timedelta(seconds=1), rq_tasks.square, 12)
    assert scheduled.id in ScheduledJobRegistry(queue=queue)
    with worker(*WORKER, "--with-scheduler", "--name", "lasting", "lasting") as process:
        for n in range(3):
            job = queue.enqueue(rq_tasks.square, n)
            assert job.latest_result(timeout=2 * PATIENCE).return_value == n * n
        assert scheduled.latest_result(timeout=2 * PATIENCE).return_value == 144
        assert scheduled.id not in ScheduledJobRegistry(queue=queue)
        assert [each.name for each in rq.Worker.all(connection=connection)] == ["lasting"]
        send_shutdown_command(connection, "lasting")
        assert process.wait(PATIENCE) == 0
    assert rq.Worker.all(connection=connection) == []


def main():
    # Without redis-py's own limit, which is shorter than what `latest_result` waits.
    connection = redis.Redis.from_url(URL, socket_timeout=None)
    burst(connection)
    lasting(connection)
    connection.close()


run(main)
