"""The functions that an RQ worker runs."""

import rq


def square(n):
    return n * n


def total(*ids):
    """The sum of what other jobs have returned."""
    connection = rq.get_current_job().connection
    return sum(rq.job.Job.fetch(each, connection=connection).return_value() for each in ids)


def succeed_at_third_attempt(key):
    attempts = rq.get_current_job().connection.incr(key)
    if attempts < 3:
        raise ValueError("not yet")
    return attempts


def fail():
    raise ValueError("as it should")


def remember(job, connection, result):
    """A success callback."""
    connection.rpush("remembered", f"{job.func_name}={result}")
