"""The picture: CPU time per request, Redis' and the proxy's, as stacked bars in SVG."""

from html import escape

PANELS = [
    ("c50-p1", "50 clients, no pipeline"), ("c500-p1", "500 clients, no pipeline"),
    ("c50-p16", "50 clients, pipeline 16"), ("c500-p16", "500 clients, pipeline 16"),
]
WIDTH, PANEL, LABELS, BAR, GAP, TOP = 860, 420, 118, 16, 7, 62
REDIS, PROXY, TEXT, MUTED = "#c6302b", "#2f6f9f", "#1f2328", "#59636e"


def draw(loads, titles):
    """The SVG text, or None if none of its loads was measured."""
    found = {load["id"]: load for load in loads}
    panels = [(found[name], title) for name, title in PANELS if name in found]
    if not panels:
        return None
    lines = max(len(load["targets"]) for load, _ in panels)
    height = 40 + lines * (BAR + GAP)
    total = TOP + (len(panels) + 1) // 2 * height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" height="{total}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>CPU time per request, of Redis and of the proxy before it</title>",
        f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>',
        text(16, 24, "CPU time per GET/SET of 64 bytes, in microseconds (less is better)", size=15, weight="bold"),
        rect(16, 36, 11, 11, REDIS), text(32, 46, "Redis"),
        rect(88, 36, 11, 11, PROXY), text(104, 46, "the proxy before it"),
    ]
    for number, (load, title) in enumerate(panels):
        parts += panel(load, title, titles, number % 2 * PANEL + 16, TOP + number // 2 * height)
    return "\n".join([*parts, "</svg>", ""])


def panel(load, title, titles, left, top):
    rows = load["targets"]
    longest = max((cost(row) for row in rows.values()), default=0) or 1
    scale = (PANEL - LABELS - 80) / longest
    yield text(left, top + 18, title, weight="bold")
    for number, (target, row) in enumerate(rows.items()):
        y = top + 28 + number * (BAR + GAP)
        yield text(left + LABELS - 8, y + 12, titles[target], anchor="end")
        if "reason" in row:
            yield text(left + LABELS, y + 12, "not measured", fill=MUTED)
            continue
        redis, proxy = row.get("redis_us", 0) * scale, row.get("proxy_us", 0) * scale
        yield rect(left + LABELS, y, redis, BAR, REDIS)
        yield rect(left + LABELS + redis, y, proxy, BAR, PROXY)
        yield text(left + LABELS + redis + proxy + 6, y + 12, f"{cost(row):.1f}", fill=MUTED)


def cost(row):
    return row.get("redis_us", 0) + row.get("proxy_us", 0)


def rect(x, y, width, height, fill):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{fill}"/>'


def text(x, y, words, fill=TEXT, anchor="start", size=12, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
