"""Sessions to work on, in the keys that README.md describes, written by a script on the server."""

import resp

APP = "bench"
# With the 12 digits that redis-benchmark puts in place of __rand_int__, 64 characters.
TOKEN_PREFIX = "A" * 52
FIELDS = ["id", "w", "ttl", "la", "ip", "d", "no_resave"]
CHUNK = 2_000

SCRIPT = """
local app, prefix = ARGV[1], ARGV[2]
local now = tonumber(redis.call('TIME')[1])
for n = tonumber(ARGV[3]), tonumber(ARGV[4]) do
  local number = string.format('%012d', n)
  local token, id = prefix .. number, 'user' .. number
  redis.call('HSET', 'rs:' .. app .. ':' .. token, 'id', id, 'r', 1, 'w', 1, 'ip', '192.0.2.7',
    'la', now, 'ttl', 7200, 'd', '{"cart":3,"lang":"de"}')
  redis.call('ZADD', 'rs:' .. app .. ':_sessions', now, token .. ':' .. id)
  redis.call('ZADD', 'rs:' .. app .. ':_users', now, id)
  redis.call('SADD', 'rs:' .. app .. ':us:' .. id, token)
  redis.call('ZADD', 'rs:SESSIONS', now + 7200, app .. ':' .. token .. ':' .. id)
end
return 1
"""


def token(number):
    return f"{TOKEN_PREFIX}{number:012d}"


def sessions(port, count):
    """Empties the server and writes `count` sessions, one id each."""
    with resp.Connection(port) as connection:
        connection.call("FLUSHALL")
        for first in range(0, count, CHUNK):
            last = min(first + CHUNK, count) - 1
            connection.call("EVAL", SCRIPT, 0, APP, TOKEN_PREFIX, first, last)


def nothing(port):
    """Empties the server."""
    with resp.Connection(port) as connection:
        connection.call("FLUSHALL")
