#!/usr/bin/python3
"""How many branches the tests take, module by module, from gcovr's JSON.

    tests/coverage.py FILE

Exit status 1 when a module with an aim is below it, when a branch of such a module is neither taken
nor listed in tests/uncovered.txt, or when a line of that file fits nothing any more.
"""
import collections
import fnmatch
import json
import re
import sys

AIM = 98
UNCOVERED = "tests/uncovered.txt"

# The first module that has a file counts it; those from "keys" on have no aim.
MODULES = {
    "base64": "src/base64*",
    "seal": "src/seal.c src/cipher.c src/record.*",
    "cookie": "src/cookie.c",
    "set_cookie": "src/set_cookie.c",
    "variables": "src/variables.c src/slot.* src/arena.* src/cbor.* src/utf8.c src/text.c",
    "session": "src/session*",
    "revocation": "src/revocation.c src/table*",
    "keys": "src/key* src/nonce.c src/generations.c",
    "the rest": "src/?*.[ch]",
}
WITH_AIM = list(MODULES)[:-2]


def module_of(file):
    for module, patterns in MODULES.items():
        if any(fnmatch.fnmatch(file, pattern) and pattern.count("/") == file.count("/")
               for pattern in patterns.split()):
            return module
    return file.rsplit("/", 1)[0]


def read_listed():
    """How many branches of a line, as (place, text), are not taken, and where that is listed."""
    listed = {}
    with open(UNCOVERED, encoding="utf-8") as opened:
        for number, line in enumerate(opened, 1):
            if not line.strip() or line.startswith("#"):
                continue
            found = re.fullmatch(r"(\S+): (.+) => (\d+) // (.+)", line.rstrip("\n"))
            if not found:
                sys.exit(f"{UNCOVERED}:{number}: not PLACE: LINE => BRANCHES // REASON")
            place, text, count, _ = found.groups()
            listed[place, text] = int(count), number
    return listed


def missed_in(measured):
    """The lines of a file of which branches are not taken: (number, (place, text), branches)."""
    with open(measured["file"], encoding="utf-8") as opened:
        texts = [line.strip() for line in opened]
    missed = {line["line_number"]: sum(branch["count"] == 0 for branch in line["branches"])
              for line in measured["lines"]}
    seen = collections.Counter()
    for number, text in enumerate(texts, 1):
        seen[text] += 1
        place = measured["file"] + (f"#{seen[text]}" if seen[text] > 1 else "")
        if missed.get(number):
            yield number, (place, text), missed[number]


def main():
    with open(sys.argv[1], encoding="utf-8") as opened:
        files = json.load(opened)["files"]
    listed = read_listed()
    known = set()
    complaints = []
    total, taken = collections.Counter(), collections.Counter()

    for measured in files:
        module = module_of(measured["file"])
        counts = [branch["count"] for line in measured["lines"] for branch in line["branches"]]
        total[module] += len(counts)
        taken[module] += sum(count > 0 for count in counts)
        if module not in WITH_AIM:
            continue
        for number, line, missed in missed_in(measured):
            known.add(line)
            if missed > listed.get(line, (0, 0))[0]:
                complaints.append(f"{measured['file']}:{number}: not taken: {line[1]} => {missed}")
            elif missed < listed[line][0]:
                complaints.append(f"{UNCOVERED}:{listed[line][1]}: it is {missed} by now")
    for line, (_, number) in listed.items():
        if line not in known:
            complaints.append(f"{UNCOVERED}:{number}: all of this is taken, or it is there no more")

    print(f"{'module':14}{'branches':>10}{'taken':>8}{'%':>8}")
    for module in sorted(total, key=lambda name: (name not in WITH_AIM, name)):
        share = 100 * taken[module] / total[module] if total[module] else 100
        print(f"{module:14}{total[module]:10}{taken[module]:8}{share:8.1f}")
        if module in WITH_AIM and share < AIM:
            complaints.append(f"{module} is below {AIM} %")
    print(*complaints, sep="\n", end="\n" if complaints else "")
    sys.exit(bool(complaints))


if __name__ == "__main__":
    main()
