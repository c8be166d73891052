"""What was asked for: the variables QUICK, LOADS, TARGETS, ROUNDS and RUN_SECONDS."""

import os
import sys
from dataclasses import dataclass

from loads import LOADS
from targets import DIRECT, TARGETS

FULL_ROUNDS, QUICK_ROUNDS = 5, 2
# How long a run takes Redis without a proxy; with one it is up to four times as long.
FULL_SECONDS, QUICK_SECONDS = 1.0, 0.4


@dataclass(frozen=True)
class Settings:
    """`plan` is a list of loads, each with its targets; `everything` says that nothing was left out."""

    quick: bool
    rounds: int
    seconds: float
    targets: list
    plan: list
    everything: bool


def read():
    """The settings, or the end of the program with the reason why they cannot be followed."""
    quick = os.environ.get("QUICK", "") not in ("", "0")
    rounds = os.environ.get("ROUNDS") or str(QUICK_ROUNDS if quick else FULL_ROUNDS)
    if not rounds.isdecimal() or int(rounds) < 1:
        sys.exit(f"ROUNDS: must be a number from 1, not {rounds}")
    rounds = int(rounds)
    try:
        seconds = float(os.environ.get("RUN_SECONDS") or (QUICK_SECONDS if quick else FULL_SECONDS))
    except ValueError:
        sys.exit("RUN_SECONDS: must be a number of seconds")
    loads = [load for load in chosen(LOADS, "LOADS") if load.quick or not quick or os.environ.get("LOADS")]
    # Ratios are to Redis itself: it always takes part.
    targets = [DIRECT, *(target for target in chosen(TARGETS, "TARGETS") if target is not DIRECT)]
    plan = [(load, [target for target in load.targets if target in targets]) for load in loads]
    plan = [(load, wanted) for load, wanted in plan if wanted]
    if not plan:
        sys.exit("none of these targets takes part in one of these loads")
    return Settings(
        quick=quick, rounds=rounds, seconds=seconds, targets=targets, plan=plan,
        everything=not quick and loads == LOADS and targets == TARGETS and rounds >= FULL_ROUNDS,
    )


def chosen(things, variable):
    """The things whose ids contain one of the words in a variable; all if it is not set. An id itself wins."""
    words = [word for word in os.environ.get(variable, "").split(",") if word]
    ids = [thing.id for thing in things]
    for word in words:
        if not any(word in name for name in ids):
            sys.exit(f"{variable}: nothing is called {word}; there are: {', '.join(ids)}")
    wanted = {name for name in ids for word in words if (name == word if word in ids else word in name)}
    return [thing for thing in things if not words or thing.id in wanted]
