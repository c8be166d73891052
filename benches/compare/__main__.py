"""Compares sessiond with Redis itself and with other proxies: `make bench`.

Variables: QUICK=1 (fewer loads, rounds and requests), LOADS and TARGETS (parts of ids, separated by commas), ROUNDS,
RUN_SECONDS (how long a run is to take Redis without a proxy), and SESSIOND (the program, if it is not the one
that `cargo build --release` makes). Only a run of everything replaces the results in this folder; others are written to
target/compare.
"""

import json
import os
import resource
import signal
import sys

import machine
import settings
from bars import bars
from picture import draw
from progress import Progress
from report import bar_lines, load_lines, machine_lines
from rounds import run_load
from summary import summarize
from targets import ROOT, TARGETS

HERE = os.path.dirname(os.path.abspath(__file__))
PARTIAL = os.path.join(ROOT, "target", "compare")


def main():
    if not os.path.exists("/proc/self/stat"):
        sys.exit("this needs Linux: CPU time and memory are read from /proc")
    # Every way to end the comparison ends its children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    # Thousands of clients are thousands of open files, here and in the children.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    asked = settings.read()
    facts = machine.facts(asked.targets)
    print("\n".join(machine_lines(facts)), flush=True)
    titles = {target.id: target.title for target in TARGETS}
    progress = Progress(sum(len(wanted) for _, wanted in asked.plan) * asked.rounds, asked.rounds)
    all_results, figures = [], []

    def figures_so_far():
        return {
            "machine": facts, "rounds": asked.rounds, "quick": asked.quick,
            "loads": figures, "bars": list(bars(all_results)),
        }

    for load, wanted in asked.plan:
        all_results.append(run_load(load, wanted, asked.rounds, asked.seconds, progress))
        figures.append(summarize(all_results[-1]))
        progress.end()
        print("\n".join(load_lines(figures[-1], titles)), flush=True)
        # What is known so far survives an interruption.
        save(PARTIAL, figures_so_far(), titles)
    folder = HERE if asked.everything else PARTIAL
    final = figures_so_far()
    save(folder, final, titles)
    print("\n".join(bar_lines(final["bars"])))
    print(f"\nWritten to {os.path.relpath(folder)}")


def save(folder, results, titles):
    """Writes the figures, and the picture where its loads are among them."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    if picture := draw(results["loads"], titles):
        with open(os.path.join(folder, "results.svg"), "w", encoding="utf-8") as file:
            file.write(picture)


try:
    main()
except KeyboardInterrupt:
    sys.exit("\ninterrupted; everything that was started has been ended")
