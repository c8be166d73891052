"""A client that sends PING about once a millisecond until its standard input is closed."""

import json
import select
import sys
import time

import resp


def main():
    times = []
    with resp.Connection(int(sys.argv[1])) as connection:
        connection.call("PING")
        print("ready", flush=True)
        while not times or not select.select([sys.stdin], [], [], 0.001)[0]:
            started = time.perf_counter()
            connection.call("PING")
            times.append(time.perf_counter() - started)
    print(json.dumps(times), flush=True)


main()
