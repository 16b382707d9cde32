#!/usr/bin/python3
"""The same sessions sealed and opened by Wafer and by what else one might use, in one run.

    bench/peers/run.py BUILD

Starts each peer that is in BUILD in turns, ROUNDS (11) times, all on one processor, with turns of
TURN_MS (5). Prints medians of CPU time and of the ratio to Wafer within a round, writes
BUILD/bench/peers.json, a row a line, and draws BUILD/bench/peers.svg and peers.png.
A peer that is not there is named. Exit status 1 if a peer that is there fails.
"""
import json
import os
import statistics
import subprocess
import sys

LOADS = ["64:0", "256:148", "1024:916", "2900:2791"]  # SIZE:NOTE_LENGTH, as in bench/world.h
SIZES = [64, 256, 1024, 2900]
OPERATIONS = ["seal", "open", "forged"]
UNLOADABLE = ["ModuleNotFoundError", "LoadError", "Cannot find package", "loading shared libraries"]


def commands(build):
    here = os.path.dirname(os.path.abspath(__file__))
    programs = os.path.join(build, "bench", "peers")
    return {
        "Wafer": [os.path.join(programs, "wafer")],
        "OpenSSL by hand": [os.path.join(programs, "openssl")],
        "libsodium + libb64 naively": [os.path.join(programs, "sodium_libb64")],
        "libcjose": [os.path.join(programs, "cjose")],
        "gorilla/securecookie": [os.path.join(programs, "securecookie")],
        "@fastify/secure-session": ["node", os.path.join(build, "peers/node/secure_session.mjs")],
        "itsdangerous (signed only)": ["/usr/bin/python3", os.path.join(here, "signed_cookie.py")],
        "Rails MessageEncryptor": ["ruby", os.path.join(here, "message_encryptor.rb")],
    }


class Missing(Exception):
    pass


class Failed(Exception):
    pass


def run(command, turn_ms):
    """The rows that a peer prints."""
    if "/" in command[-1] and not os.path.exists(command[-1]):
        raise Missing(f"{command[-1]} was not built")
    try:
        done = subprocess.run(command + [turn_ms] + LOADS, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise Missing(f"there is no {command[0]}") from None
    if done.returncode != 0:
        errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        for line in errors:
            if any(word in line for word in UNLOADABLE):
                raise Missing(line)
        raise Failed(errors[-1])
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(peers, rounds, turn_ms):
    """{(peer, operation, size): [row of each round]}, and why peers are not in it."""
    rows, missing, failed = {}, {}, {}
    for number in range(rounds):
        for peer, command in peers.items():
            if peer in missing or peer in failed:
                continue
            show(f"round {number + 1} of {rounds}: {peer}")
            try:
                for row in run(command, turn_ms):
                    rows.setdefault((peer, row["operation"], row["size"]), []).append(row)
            except Missing as why:
                missing[peer] = str(why)
            except (Failed, subprocess.TimeoutExpired) as why:
                failed[peer] = str(why)
    show("")
    rows = {key: row for key, row in rows.items() if key[0] not in failed | missing}
    return rows, missing, failed


def show(text):
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="\r" if not text else "", file=sys.stderr, flush=True)


def summarize(rows):
    """{(peer, operation, size): a row with medians}; ratios are taken within the rounds."""
    summary = {}
    for (peer, operation, size), of_peer in rows.items():
        of_wafer = rows["Wafer", operation, size]
        ns = [row["ns"] for row in of_peer]
        size_of_cookie = of_peer[0]["bytes"]
        summary[peer, operation, size] = {
            "peer": peer,
            "version": of_peer[0]["version"],
            "operation": operation,
            "size": size,
            "ns": round(statistics.median(ns), 1),
            "spread": round((max(ns) - min(ns)) / statistics.median(ns), 3),
            "ratio": round(statistics.median(a["ns"] / b["ns"] for a, b in zip(of_peer, of_wafer)), 3),
            "bytes": size_of_cookie,
            "bytes_ratio": round(size_of_cookie / of_wafer[0]["bytes"], 3),
        }
    return summary


def tell_machine(rounds, turn_ms):
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    print(f"CPU        {model}")
    print(
        f"figures    CPU time, pinned to one processor; medians of {rounds} rounds in which the peers"
        f" take turns,\n           each median of 9 turns of {turn_ms} ms; x is the ratio to Wafer"
        " within a round\n"
    )


def tell(summary, peers):
    sizes = "".join(f"{size:>9}" for size in SIZES)
    ratios = "".join(f"{'x ' + str(size):>8}" for size in SIZES)
    print(f"{'':8}{'peer':38}{sizes}{ratios}")
    for what, unit in [(each, "ns") for each in OPERATIONS] + [("cookie", "bytes")]:
        print(f"{what}, {unit}")
        for peer in peers:
            found = [summary[peer, "seal" if unit == "bytes" else what, size] for size in SIZES]
            ratio = "bytes_ratio" if unit == "bytes" else "ratio"
            values = "".join(f"{row[unit]:>9.0f}" for row in found)
            print(f"{'':8}{peer + ' ' + found[0]['version']:38}{values}", end="")
            print("".join(f"{row[ratio]:>8.2f}" for row in found))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bench/peers/run.py BUILD")
    build = os.path.abspath(sys.argv[1])
    rounds = int(os.environ.get("ROUNDS", "11"))
    turn_ms = os.environ.get("TURN_MS", "5")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # the peers inherit it
    peers = commands(build)
    rows, missing, failed = measure(peers, rounds, turn_ms)
    if "Wafer" in failed | missing:
        sys.exit(f"Wafer: {(failed | missing)['Wafer']}")

    summary = summarize(rows)
    there = [peer for peer in peers if (peer, "seal", SIZES[0]) in summary]
    tell_machine(rounds, turn_ms)
    tell(summary, there)
    for peer, why in missing.items():
        print(f"missing: {peer}: {why}")
    for peer, why in failed.items():
        print(f"FAILED: {peer}: {why}")
    json_path = os.path.join(build, "bench", "peers.json")
    with open(json_path, "w", encoding="utf-8") as file:
        for row in summary.values():
            print(json.dumps(row), file=file)
    try:
        from draw import draw
    except ImportError as why:
        print(f"not drawn: {why}")
    else:
        draw(list(summary.values()), os.path.join(build, "bench", "peers"))
        print(f"drawn: {os.path.join(sys.argv[1], 'bench', 'peers.svg')} and peers.png")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
