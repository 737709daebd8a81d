"""Asks the document server many things, a few at a time, then tells it to stop.

usage: loadgen.py PORT
"""

import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

REQUESTS = 360
AT_A_TIME = 6
PLANS = 16


def make_paths():
    """A mix of what people ask for; the same in every recording."""
    chance = random.Random(8)
    paths = []
    for _ in range(REQUESTS):
        plan = f"plan-{chance.randint(1, PLANS)}"
        paths += chance.choices(
            population=(
                "/list",
                f"/packed/{plan}-final.txt",
                f"/digest/{plan}-draft.txt",
                f"/search?word={chance.choice(('bridge', 'council', 'winter', 'harbour'))}",
                f"/compare/{plan}",
                "/packed/plan-99-final.txt",
            ),
            weights=(22, 22, 15, 5, 34, 2),
        )
    return paths


def ask(address, path, method="GET"):
    try:
        with urlopen(Request(address + path, method=method), timeout=60) as response:
            response.read()
            return response.status
    except HTTPError as error:
        with error:
            return error.code


def main():
    address = f"http://127.0.0.1:{int(sys.argv[1])}"
    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            answers = Counter(pool.map(lambda path: ask(address, path), make_paths()))
    finally:
        stop_status = ask(address, "/stop", method="POST")
    for status, count in sorted(answers.items()):
        print(f"{count} answers with status {status}")
    if stop_status != 200 or not set(answers) <= {200, 404}:
        sys.exit("loadgen.py: the server answered with an error")


if __name__ == "__main__":
    main()
