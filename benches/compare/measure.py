"""What a process has used, as the kernel counts it: CPU time and memory."""

import os

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        # The program's name, in brackets, may contain spaces; utime and stime are the fields 14 and 15.
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_kib(pid, field="VmRSS"):
    """Resident memory now (VmRSS) or at most since `forget_peak` (VmHWM)."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    raise OSError(f"{field} of {pid} is unknown")


def forget_peak(pid):
    """From now on VmHWM is the most that the process has had since this call."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


class Clock:
    """CPU time per request of Redis and of the proxy (if there is one) between two moments."""

    def __init__(self, redis, proxy):
        self.pids = {"redis_us": redis.pid}
        if proxy is not redis:
            self.pids["proxy_us"] = proxy.pid
        self.before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def per_request(self, requests):
        """In microseconds."""
        return {
            name: (cpu_seconds(pid) - self.before[name]) * 1e6 / requests for name, pid in self.pids.items()
        }
