"""Says on standard error what is running and how long it will still take."""

import sys
import time


class Progress:
    """Counts steps: a step is one run of one load on one target."""

    def __init__(self, steps, rounds):
        self.steps, self.rounds = steps, rounds
        self.done = 0
        self.started = time.monotonic()
        self.on_terminal = sys.stderr.isatty()

    def step(self, load, number, target):
        """Called before each step."""
        left = ""
        if self.done:
            seconds = (time.monotonic() - self.started) / self.done * (self.steps - self.done)
            left = f", about {seconds / 60:.0f} min left" if seconds > 90 else f", about {seconds:.0f} s left"
        self.done += 1
        self.say(f"[{self.done}/{self.steps}] {load.title} - round {number + 1} of {self.rounds}, {target.title}{left}")

    def say(self, text):
        if self.on_terminal:
            # Back to the line's start, and clear what is left of the line before.
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def end(self):
        if self.on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
