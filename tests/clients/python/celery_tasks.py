"""The tasks that a Celery worker runs; broker and result backend are given on its command line."""

import celery
import redis

app = celery.Celery("celery_tasks")
app.conf.update(
    broker_connection_retry_on_startup=True,
    result_expires=3600,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)


@app.task
def add(left, right):
    return left + right


@app.task
def total(numbers):
    return sum(numbers)


@app.task(throws=(ValueError,))
def fail():
    raise ValueError("as it should")


@app.task(bind=True, max_retries=3)
def succeed_at_third_attempt(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task(bind=True)
def go_on_when_told(self, url, key):
    """Tells that half is done, and waits for an element in a list."""
    self.update_state(state="HALFWAY", meta={"percent": 50})
    with redis.Redis.from_url(url, socket_timeout=None, decode_responses=True) as client:
        return client.blpop([key])[1]
