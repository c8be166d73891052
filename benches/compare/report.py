"""The table for people, from the same figures that go into the JSON."""

NAMES = {
    "throughput": ("req/s", "{:,.0f}"), "throughput_ratio": ("x direct", "{:.2f}"),
    "p50_ms": ("p50 ms", "{:.2f}"), "p50_ratio": ("x direct", "{:.2f}"),
    "p99_ms": ("p99 ms", "{:.2f}"), "p99_ratio": ("x direct", "{:.2f}"),
    "proxy_us": ("proxy us", "{:.2f}"), "proxy_cpu_ratio": ("/ direct Redis", "{:.2f}"),
    "redis_us": ("Redis us", "{:.2f}"), "redis_cpu_ratio": ("/ direct Redis", "{:.2f}"),
    "proxy_kib": ("proxy KiB", "{:.2f}"), "redis_kib": ("Redis KiB", "{:.2f}"),
    "set_growth_mib": ("SET: growth MiB", "{:.1f}"),
    "set_ping_p99_ms": ("PING p99 ms", "{:.2f}"), "set_ping_max_ms": ("max", "{:.0f}"),
    "get_growth_mib": ("GET: growth MiB", "{:.1f}"),
    "get_ping_p99_ms": ("PING p99 ms", "{:.2f}"), "get_ping_max_ms": ("max", "{:.0f}"),
}


def load_lines(load, titles):
    """One table; only the columns that at least one target has."""
    yield ""
    requests = f" ({load['requests']:,} requests)" if load["requests"] else ""
    yield f"{load['title']}{requests}"
    if load["note"]:
        yield f"  {load['note']}"
    columns = [name for name in NAMES if any(name in row for row in load["targets"].values())]
    measured = {target: row for target, row in load["targets"].items() if "reason" not in row}
    rows = [["", *(NAMES[name][0] for name in columns)]]
    for target, row in measured.items():
        rows.append([titles[target], *(NAMES[name][1].format(row[name]) if name in row else "-" for name in columns)])
    widths = [max(len(row[n]) for row in rows) for n in range(len(columns) + 1)]
    widths[0] = max(len(title) for title in titles.values())
    lines = [
        "  ".join(["", row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    ]
    table = dict(zip(measured, lines[1:]))
    yield lines[0]
    for target, row in load["targets"].items():
        yield table.get(target) or f"  {titles[target].ljust(widths[0])}  not measured: {row.get('reason')}"


def bar_lines(bars):
    """The bars beside the figures."""
    yield ""
    yield "Bars (sessiond with one worker)"
    measured = [bar for bar in bars if bar["met"] is not None]
    width = max((len(bar["title"]) for bar in measured), default=0)
    for bar in measured:
        unit = f" {bar['unit']}" if bar["unit"] else ""
        verdict = "met" if bar["met"] else "NOT MET"
        if "direct" in bar:
            verdict += f" (Redis, direct: {bar['direct']:.3g})"
        yield f"  {bar['title'].ljust(width)}  {bar['value']:>6.3g}  {bar['sign']} {bar['limit']}{unit}  {verdict}"
    if len(measured) < len(bars):
        yield f"  {len(bars) - len(measured)} more bars have loads that were not run"


def machine_lines(machine):
    yield f"{machine['cores']} cores, {machine['processor']}, {machine['system']}"
    yield ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
