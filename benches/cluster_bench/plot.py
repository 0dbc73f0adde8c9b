"""Growth as an SVG: seconds and peak memory against rows, both axes logarithmic."""

import math

WIDTH, HEIGHT, LEFT, TOP, PANEL = 760, 340, 60, 40, 300
COLOURS = ("#1f6feb", "#2da44e", "#8c959f")


def growth(panels, of="rows"):
    """`panels`: title -> {line name -> [(rows, value)]}, rows being of what is named. The SVG's text."""
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for k, (title, lines) in enumerate(panels.items()):
        parts += panel(title, lines, LEFT + k * (PANEL + LEFT + 10), of)
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(title, lines, left, of):
    points = [p for line in lines.values() for p in line if p[1] > 0]
    if not points:
        return []
    x, y = (axis([p[i] for p in points]) for i in (0, 1))
    bottom, height = HEIGHT - 40, HEIGHT - 40 - TOP

    def place(p):
        return (left + PANEL * (math.log10(p[0]) - x[0]) / (x[1] - x[0]),
                bottom - height * (math.log10(p[1]) - y[0]) / (y[1] - y[0]))

    parts = [f'<text x="{left}" y="18" font-size="13" font-weight="bold">{title}</text>']
    for power in range(x[0], x[1] + 1):
        at = place((10**power, 10 ** y[0]))[0]
        parts.append(f'<path d="M{at:.1f} {TOP}V{bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{10**power:,}</text>')
    for power in range(y[0], y[1] + 1):
        at = place((10 ** x[0], 10**power))[1]
        parts.append(f'<path d="M{left} {at:.1f}H{left + PANEL}" stroke="#eee"/>')
        label = f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"
        parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    parts.append(f'<text x="{left + PANEL / 2}" y="{HEIGHT - 6}" text-anchor="middle">{of}</text>')
    for i, (name, line) in enumerate(lines.items()):
        spots = [place(p) for p in line if p[1] > 0]
        if not spots:
            continue
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in spots)
        parts.append(f'<path d="{path}" fill="none" stroke="{COLOURS[i % 3]}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{COLOURS[i % 3]}"/>' for a, b in spots]
        parts.append(f'<text x="{left + 8}" y="{TOP + 14 + 15 * i}" fill="{COLOURS[i % 3]}">{name}</text>')
    return parts


def axis(values):
    """The powers of ten about the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
