#!/usr/bin/python3
"""itsdangerous for Python, as Flask's sessions use it: JSON, packed where that is shorter, with a
time stamp and an HMAC. Signed only: whoever holds the cookie can read it.

    PEER TURN_MS SIZE:NOTE_LENGTH...
"""
import json
import secrets
import string
import sys
import time
from importlib.metadata import version

from itsdangerous import BadSignature, URLSafeTimedSerializer

BATCH = 16
ROUNDS = 7
LIFETIME = 43200

serializer = URLSafeTimedSerializer(secrets.token_bytes(32), salt="session")


def require(truth, what):
    if not truth:
        sys.exit(what)


def random_text(length, characters):
    return "".join(secrets.choice(characters) for _ in range(length))


def turn(run, turn_ns):
    start = time.process_time_ns()
    done = spent = 0
    while spent < turn_ns:
        for _ in range(BATCH):
            run()
        done += BATCH
        spent = time.process_time_ns() - start
    return spent / done


def median(run, turn_ns):
    turn(run, 5 * turn_ns)
    return sorted(turn(run, turn_ns) for _ in range(ROUNDS))[ROUNDS // 2]


def unseal(cookie):
    try:
        return serializer.loads(cookie, max_age=LIFETIME)
    except BadSignature:
        return None


def measure(size, note_length, turn_ns):
    variables = {
        "user_id": 12345678,
        "name": "Ada Lovelace",
        "role": "admin",
        "csrf": random_text(32, "0123456789abcdef"),
    }
    if note_length > 0:
        variables["note"] = random_text(note_length, string.digits + string.ascii_letters)
    cookie = serializer.dumps(variables)
    middle = len(cookie) // 2
    forged = cookie[:middle] + ("B" if cookie[middle] == "A" else "A") + cookie[middle + 1 :]

    require(unseal(cookie) == variables, "what was opened is not what was sealed")

    operations = {
        "seal": lambda: serializer.dumps(variables),
        "open": lambda: require(len(unseal(cookie)["csrf"]) == 32, "a cookie does not open"),
        "forged": lambda: require(unseal(forged) is None, "a forged cookie is not refused"),
    }
    for operation, run in operations.items():
        row = {"peer": "itsdangerous (signed only)", "version": version("itsdangerous")}
        row |= {"operation": operation, "size": size, "ns": round(median(run, turn_ns), 1)}
        print(json.dumps(row | {"bytes": len(cookie)}))


def main():
    require(len(sys.argv) > 2, "usage: TURN_MS SIZE:NOTE_LENGTH...")
    for load in sys.argv[2:]:
        size, note_length = map(int, load.split(":"))
        measure(size, note_length, int(sys.argv[1]) * 1000000)


main()
