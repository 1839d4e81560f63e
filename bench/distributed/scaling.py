#!/usr/bin/env python3
"""What an update costs on R ranks: a model of it, checked against measured lines, and drawn to 64 hosts.

Usage: scaling.py MEASURED.jsonl DOCS   (of compare_ranks.sh; writes DOCS/scaling_weak.svg and DOCS/scaling_strong.svg)

    step(R) = C(B / R) + rounds (L + (R - 1) o) + bytes(R) / W + (bytes(R) + 4 P) / M

C: what one rank computes for its rows; L: latency of one round of messages, o: what each further message of it costs, W: bandwidth of
the network, M: of copying and adding in memory. bytes(R) = 2 (R - 1) / R 4 P + small ones, P parameters: every rank sends each other
its slice of the gradients' partial sums, and its updated slice of the parameters.
"""
import json
import pathlib
import statistics
import sys

ROUNDS_BESIDE_BUCKETS = 5   # rows, the loss, how the run went, norms, parameters
BUCKET = 1 << 20            # bytes of gradients after which an exchange begins
MEMORY = 4e9                # bytes a second, of packing and adding by one thread


def median_by(lines, key, value="step_ms"):
    groups = {}
    for line in lines:
        groups.setdefault(tuple(line.get(k) for k in key), []).append(line[value])
    return {k: statistics.median(v) for k, v in groups.items()}


def bytes_sent(parameters, ranks):
    return 2 * (ranks - 1) / ranks * 4 * parameters


def exchange_seconds(parameters, ranks, latency, message, bandwidth, rounds):
    if ranks == 1:
        return 0
    sent = bytes_sent(parameters, ranks)
    return rounds * (latency + (ranks - 1) * message) + sent / bandwidth + (sent + 4 * parameters) / MEMORY


def check(lines):
    reel = [x for x in lines if x["who"] == "reel"]
    half = median_by([x for x in lines if x["who"] == "half"], ["case"])
    steps = median_by(reel, ["case", "ranks", "threads", "shards"])
    network = [x for x in lines if x["who"] == "network" and x.get("by") == "memory"]
    latency = next(x["gather_us"] for x in network if "gather_us" in x) * 1e-6
    bandwidth = max(x["gigabytes_s"] for x in network if "message_bytes" in x and x["message_bytes"] >= 1 << 20) * 1e9
    print(f"by memory: {latency * 1e6:.1f} us a round, {bandwidth / 1e9:.1f} GB/s")
    for case in ("lstm", "gru", "char_rnn"):
        two = next(x for x in reel if x["case"] == case and x["ranks"] == 2)
        threads, ranks = steps[case, 1, 2, 1], steps[case, 2, 1, 2]
        exchange = median_by([x for x in reel if x["ranks"] == 2], ["case"], "exchange_ms")[(case,)]
        predicted = half[(case,)] + 1e3 * exchange_seconds(two["parameters"], 2, latency, 0, bandwidth, two["rounds"])
        print(f"{case}: 1 thread {steps[case, 1, 1, 1]:.1f} ms, 2 threads {threads:.1f}, 2 threads of 2 shards {steps[case, 1, 2, 2]:.1f}, "
              f"2 ranks {ranks:.1f}: {threads / ranks:.2f} of the speed of 2 threads, {100 * exchange / ranks:.1f}% in exchange; "
              f"predicted {predicted:.1f} ({100 * (predicted / ranks - 1):+.0f}%)")
    for line in reel:
        if line["ranks"] < 2:
            continue
        sent = bytes_sent(line["parameters"], line["ranks"])
        if line["ranks"] > 2:
            print(f"{line['case']}, {line['ranks']} ranks: {line['bytes']:.0f} bytes sent by a rank, predicted {sent:.0f} "
                  f"({100 * (sent / line['bytes'] - 1):+.2f}%); {line['rounds']:.1f} rounds of messages")


def rows_model(lines, case):
    """Seconds of an update of so many rows on one host, between what was measured."""
    points = sorted((x["rows"], x["step_ms"] / 1e3) for x in lines if x["who"] == "rows" and x["case"] == case)

    def seconds(rows):
        if rows <= points[0][0]:
            return points[0][1]
        for (r0, s0), (r1, s1) in zip(points, points[1:]):
            if rows <= r1:
                return s0 + (s1 - s0) * (rows - r0) / (r1 - r0)
        return points[-1][1] * rows / points[-1][0]
    return seconds


NETWORKS = [("10 Gbit/s", 1.1e9, 25e-6, "#b33"), ("25 Gbit/s", 2.8e9, 15e-6, "#27c"), ("100 Gbit/s", 11e9, 8e-6, "#282")]
MODELS = [("char_rnn", "2 LSTM layers of 128"), ("lstm", "LSTM of 512"), ("large", "LSTM of 1024")]
HOSTS = [1, 2, 4, 8, 16, 32, 64]


def draw(path, lines, title, rows_of):
    """One panel for each model: efficiency against hosts, one curve for each network."""
    width, height, left, top, plot, gap = 900, 300, 52, 44, 230, 60
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>', f'<text x="{left}" y="16" font-size="14">{title}</text>']
    for panel, (case, name) in enumerate(MODELS):
        x0, y0, h = left + panel * (plot + gap), top, 190
        parameters = next(x["parameters"] for x in lines if x.get("case") == case)
        seconds = rows_model(lines, case)
        out.append(f'<text x="{x0}" y="{y0 - 8}">{name}, {parameters / 1e6:.1f} M parameters</text>')
        for share in (0, .25, .5, .75, 1):
            y = y0 + h * (1 - share)
            out.append(f'<line x1="{x0}" x2="{x0 + plot}" y1="{y}" y2="{y}" stroke="#ddd"/>'
                       f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{share * 100:.0f}%</text>')
        for i, hosts in enumerate(HOSTS):
            out.append(f'<text x="{x0 + plot * i / 6}" y="{y0 + h + 18}" text-anchor="middle">{hosts}</text>')
        out.append(f'<text x="{x0 + plot / 2}" y="{y0 + h + 36}" text-anchor="middle">hosts</text>')
        for j, (network, bandwidth, latency, colour) in enumerate(NETWORKS):
            points = []
            for i, hosts in enumerate(HOSTS):
                rows, whole = rows_of(hosts)
                rounds = ROUNDS_BESIDE_BUCKETS + max(1, 4 * parameters / BUCKET / 2)
                time = seconds(rows) + exchange_seconds(parameters, hosts, latency, 2e-6, bandwidth, rounds)
                efficiency = seconds(whole) / (hosts * time) if whole != rows else seconds(rows) / time
                points.append((x0 + plot * i / 6, y0 + h * (1 - min(efficiency, 1))))
            out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
            if panel == 0:
                y = y0 + h - 44 + 16 * j
                out.append(f'<line x1="{x0 + 10}" x2="{x0 + 34}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
                           f'<text x="{x0 + 40}" y="{y + 4}">{network}</text>')
    out.append("</svg>\n")
    pathlib.Path(path).write_text("\n".join(out))


def main():
    lines = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
    check(lines)
    docs = pathlib.Path(sys.argv[2])
    draw(docs / "scaling_weak.svg", lines, "Weak: 64 rows on each host; efficiency against one host", lambda hosts: (64, 64))
    draw(docs / "scaling_strong.svg", lines, "Strong: 512 rows in all; efficiency against one host", lambda hosts: (512 / hosts, 512))


main()
