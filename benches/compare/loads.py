"""The loads: what is sent, by how many clients, how deep their pipelines are, and to which targets."""

from dataclasses import dataclass

from targets import DIRECT, LIBRARY, PROXIES

SESSIOND = [target for target in PROXIES if target.id.startswith("sessiond")]
EVERYONE = [DIRECT, *PROXIES]


@dataclass(frozen=True)
class Load:
    """One load. `kind` says who drives it (see `drive`)."""

    id: str
    title: str
    kind: str
    targets: tuple
    clients: int = 50
    pipeline: int = 1
    size: int = 64
    sessions: int = 0
    command: str = ""
    # What the reader of the table has to know.
    note: str = ""
    quick: bool = False


def clients_in_words(clients, pipeline):
    return f"{clients:,} client{'s' if clients > 1 else ''}, pipeline {pipeline}"


def plain():
    for clients in (1, 50, 500, 2_000):
        for pipeline in (1, 16, 128):
            yield Load(
                f"c{clients}-p{pipeline}", f"GET/SET 64 B, {clients_in_words(clients, pipeline)}", "get-set",
                tuple(EVERYONE), clients, pipeline,
                note="the difference of the p50 is the added latency" if clients == pipeline == 1 else "",
                quick=(clients, pipeline) in {(1, 1), (50, 1), (500, 1), (50, 16), (500, 16), (2_000, 1)},
            )


def values():
    for pipeline in (1, 16):
        yield Load(f"4k-p{pipeline}", f"GET/SET 4 KiB, {clients_in_words(50, pipeline)}", "get-set",
                   tuple(EVERYONE), 50, pipeline, 4096, quick=pipeline == 1)
    yield Load("1m", f"GET/SET 1 MiB, {clients_in_words(10, 1)}", "get-set",
               tuple(EVERYONE), 10, 1, 1 << 20, quick=True)


def sessions():
    for pipeline in (1, 16):
        yield Load(f"get-p{pipeline}", f"GET only, 64 B, {clients_in_words(50, pipeline)}", "get",
                   (DIRECT, *SESSIOND), 50, pipeline, quick=pipeline == 16)
    for count, name in ((1_000, "1k"), (100_000, "100k")):
        for pipeline in (1, 16):
            for command in ("CREATE", "GET", "SET", "KILL"):
                yield session_load(command, count, name, pipeline)


def session_load(command, count, name, pipeline):
    targets, note, kind = [*SESSIOND], "", "session"
    if command == "GET":
        note = "Redis, direct: HMGET of the fields that SESSION.GET reads"
        targets.insert(0, DIRECT)
        if (count, pipeline) == (1_000, 16):
            note += "; npm redis-sessions: one process of Node with 50 gets in flight"
            targets.append(LIBRARY)
    elif command == "CREATE":
        note = "the number of sessions is that at the start"
    elif command == "KILL":
        note = "the number of sessions is that at the end; driven from Python, hence no rate"
        kind = "kill"
    return Load(
        f"session-{command.lower()}-p{pipeline}-{name}",
        f"SESSION.{command}, {count:,} sessions, {clients_in_words(50, pipeline)}", kind, tuple(targets),
        50, pipeline, sessions=count, command=command, note=note,
        quick=pipeline == 16 and (command == "GET" or count == 1_000),
    )


LOADS = [
    *plain(),
    *values(),
    Load("multi", "MULTI, 5 commands, EXEC in one piece, 50 clients", "block", tuple(EVERYONE),
         note="CPU per transaction; driven from Python, hence no rate", quick=True),
    *sessions(),
    Load("idle", "5,000 idle connections, after one PING each", "idle", tuple(EVERYONE), clients=5_000, quick=True),
    Load("256m", "A value of 256 MiB, set and got, while another client sends PING", "large", tuple(EVERYONE),
         size=256 << 20, note="at 128 MiB per second; twemproxy and Envoy answer PING themselves", quick=True),
]
