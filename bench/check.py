#!/usr/bin/python3
"""Whether the library is still as fast as it was: fails when a figure is beyond its bar.

    bench/check.py BUILD

Runs the programs in BUILD/bench that BARS names and compares what they wrote. A program with a
figure beyond its bar runs once more, and the better figure counts: the machine may have been busy.
Prints a row a bar. Exit status 1 if one is beyond its bar, named at the end.
"""
import json
import os
import subprocess
import sys

# Ratios are compared by "quiet", those of the quickest turns, as company on the machine moves them
# least; those of two threads by their median, as both processors must be quiet at the same time. A
# bar is a figure and the room that noise needs. Of sealing and opening it is what was reached, so
# that a lost fast path shows; what is wanted is 1 to 1.1, or 1.3 from 1024 bytes on. Pieces of a
# few bytes ("nameless", "short") may cost more a byte than ordinary ones, as each takes a search or
# two of its own.
#
# program  subject             size   figure        bar          room
BARS = """
  session  seal                64     quiet         <= 1.55      1.15
  session  seal                256    quiet         <= 1.5       1.15
  session  seal                1024   quiet         <= 1.6       1.15
  session  seal                2900   quiet         <= 1.4       1.15
  session  open                64     quiet         <= 1.35      1.15
  session  open                256    quiet         <= 1.3       1.15
  session  open                1024   quiet         <= 1.45      1.15
  session  open                2900   quiet         <= 1.25      1.15
  session  seal                64     cookie_bytes  <= 217       1
  session  seal                256    cookie_bytes  <= 425       1
  session  seal                1024   cookie_bytes  <= 1449      1
  session  seal                2900   cookie_bytes  <= 3949      1
  refuse   forged / open       64     quiet         <= 0.8       1.1
  refuse   forged / open       256    quiet         <= 0.8       1.1
  refuse   forged / open       1024   quiet         <= 0.8       1.1
  refuse   forged / open       2900   quiet         <= 0.8       1.1
  refuse   tag / open          256    quiet         <= 0.8       1.1
  refuse   expired / open      256    quiet         <= 1         1.1
  refuse   revoked / open      256    quiet         <= 1         1.1
  cookie   semicolons / plain  65536  quiet         <= 3         1.15
  cookie   equals / plain      65536  quiet         <= 3         1.15
  cookie   quotes / plain      65536  quiet         <= 3         1.15
  cookie   blanks / plain      65536  quiet         <= 3         1.15
  cookie   nameless / plain    65536  quiet         <= 8         1.15
  cookie   short / plain       20480  quiet         <= 8         1.15
  cookie   pairs / plain       65536  quiet         <= 3         1.15
  cookie   no tokens / plain   65520  quiet         <= 3         1.15
  cookie   no version / plain  65512  quiet         <= 3         1.15
  cookie   no key / plain      65520  quiet         <= 3         1.15
  flood    one field           1048576 quiet        <= 0.5       1.15
  flood    semicolons          1048576 quiet        <= 0.5       1.15
  flood    equals              1048576 quiet        <= 0.5       1.15
  flood    quotes              1048576 quiet        <= 0.5       1.15
  flood    pairs               1048570 quiet        <= 0.5       1.15
  flood    no keys             1048554 quiet        <= 0.5       1.15
  flood    forged              1048144 quiet        <= 0.5       1.15
  flood    long forged         1047537 quiet        <= 0.5       1.15
  threads  open                256    ratio         >= 1.9       0.95
  threads  seal                256    ratio         >= 1.9       0.95
"""


class Bar:
    def __init__(self, line):
        words = line.split()
        self.program, self.size, self.figure = words[0], int(words[-5]), words[-4]
        self.subject = " ".join(words[1:-5])
        self.at_most = words[-3] == "<="
        self.limit = round(float(words[-2]) * float(words[-1]), 3)
        self.value = None

    def take(self, rows):
        """Keeps the better of what was and what came."""
        value = rows[self.subject, self.size][self.figure]
        if self.value is None:
            self.value = value
        else:
            self.value = min(self.value, value) if self.at_most else max(self.value, value)

    def is_beyond(self):
        return self.value > self.limit if self.at_most else self.value < self.limit

    def __str__(self):
        sign = "<=" if self.at_most else ">="
        return (
            f"{self.program:9}{self.subject:20}{self.size:8}  {self.figure:13}{self.value:8.5g}"
            f"   {sign} {self.limit:<7.5g}{'  BEYOND' if self.is_beyond() else ''}"
        ).rstrip()


def run(build, program):
    """The rows that the program wrote, by subject and size."""
    path = os.path.join(build, "bench", program + ".json")
    if os.path.exists(path):
        os.remove(path)
    subprocess.run(
        [os.path.join(build, "bench", "bench_" + program)], check=True, stdout=subprocess.DEVNULL
    )
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {(row["subject"], row["size"]): row for row in rows}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bench/check.py BUILD")
    bars = [Bar(line) for line in BARS.splitlines() if line.strip()]
    for program in dict.fromkeys(bar.program for bar in bars):
        of_program = [bar for bar in bars if bar.program == program]
        if program == "threads" and len(os.sched_getaffinity(0)) < 2:
            print("threads  not measured: there is one processor")
            bars = [bar for bar in bars if bar not in of_program]
            continue
        for _ in range(2):
            rows = run(sys.argv[1], program)
            for bar in of_program:
                bar.take(rows)
            if not any(bar.is_beyond() for bar in of_program):
                break
        print(*of_program, sep="\n", flush=True)
    beyond = [bar for bar in bars if bar.is_beyond()]
    print(f"\n{len(bars) - len(beyond)} of {len(bars)} figures keep their bars")
    if beyond:
        print("beyond:", ", ".join(f"{bar.program} {bar.subject} {bar.size}" for bar in beyond))
        sys.exit(1)


if __name__ == "__main__":
    main()
