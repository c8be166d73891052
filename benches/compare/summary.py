"""From samples to figures: medians over the rounds, and ratios within each round."""

from statistics import median

PLAIN = [
    "throughput", "p50_ms", "p99_ms", "proxy_us", "redis_us", "proxy_kib", "redis_kib",
    "set_growth_mib", "get_growth_mib", "set_ping_p99_ms", "get_ping_p99_ms", "set_ping_max_ms", "get_ping_max_ms",
]
# Name of the ratio, field of the target, field of Redis without a proxy.
RATIOS = [
    ("throughput_ratio", "throughput", "throughput"),
    ("p50_ratio", "p50_ms", "p50_ms"),
    ("p99_ratio", "p99_ms", "p99_ms"),
    ("proxy_cpu_ratio", "proxy_us", "redis_us"),
    ("redis_cpu_ratio", "redis_us", "redis_us"),
]


def significant(number):
    return float(f"{number:.4g}")


def field(samples, name):
    """The median of a field over the rounds, or None where it was not measured."""
    values = [sample[name] for sample in samples if name in sample]
    return median(values) if values else None


def ratio(above, name, below, below_name):
    """The median of the ratios within each round."""
    values = [
        one[name] / other[below_name] for one, other in zip(above, below)
        if name in one and other.get(below_name)
    ]
    return median(values) if values else None


def summarize(results):
    """The figures of one load, per target, or the reason why a target has none."""
    direct = results.samples.get("direct", [])
    figures = {}
    for target, samples in results.samples.items():
        if target in results.reasons:
            figures[target] = {"reason": results.reasons[target]}
            continue
        row = {name: field(samples, name) for name in PLAIN}
        if target != "direct":
            row |= {name: ratio(samples, above, direct, below) for name, above, below in RATIOS}
        figures[target] = {name: significant(value) for name, value in row.items() if value is not None}
    return {
        "id": results.load.id, "title": results.load.title, "note": results.load.note,
        "requests": results.requests, "clients": results.load.clients, "pipeline": results.load.pipeline,
        "targets": figures,
    }
