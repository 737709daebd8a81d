"""tracebraid merge against a merge in Python: random streams of known and unknown types, in both forms,
ordered and not, whole and cut; and pipes that wait.
"""
import json
import os
import random
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import packed
from harness import check
from packed import msgpack

SEED = 20240301


def run(*arguments, **options):
    return harness.run("tracebraid", "merge", "-q", *arguments, **options)


# Of a type: fields with their kinds. There is no kind "vector", nor a value like it, in tracebraid.
TYPES = {"flow": [("ts", "time", ""), ("uid", "text", ""), ("colour", "text", ""),
                  ("orig_pkts", "uint", "packets")],
         "gadget": [("name", "text", ""), ("ts", "time", ""), ("shape", "vector", "m"), ("size", "int", "bytes")],
         "timeless": [("name", "text", ""), ("on", "bool", "")],
         "other": [("ts", "duration", ""), ("name", "text", "")]}


def value(draw, kind):
    if draw.random() < 0.1:
        return None
    return {"text": lambda: draw.choice(["", "a", "Grüße", "x" * draw.randint(0, 300)]),
            "uint": lambda: draw.choice([0, 1, 2**64 - 1, draw.getrandbits(40)]),
            "int": lambda: draw.choice([-1, -2**63, 2**63 - 1, draw.getrandbits(20)]),
            "bool": lambda: draw.random() < 0.5,
            "duration": lambda: draw.getrandbits(50) - 2**49,
            "vector": lambda: draw.choice([[1, [2.5, {"x": None}]], {"y": [b"z"]}, 1.5])}[kind]()


def stream(draw, length, name, in_order, types):
    """Records as (type, values), with times that often are the same in several streams."""
    records, now = [], 10**18
    for number in range(length):
        kind = draw.choice(types)
        now += draw.choice([0, 0, 1, 5, 10**9])
        values = []
        for field, field_kind, _ in TYPES[kind]:
            if field == "ts" and field_kind == "time":
                late = 0 if in_order else draw.choice([0, 0, 7, 10**10])
                values.append(None if draw.random() < 0.05 else now - late)
            elif field in ("uid", "name"):
                values.append(f"{name} {number}")
            else:
                values.append(value(draw, field_kind))
        records.append((kind, values))
    return records


def encode(records, draw):
    """Also the byte where each record ends."""
    content, ends, index = b"", [], {}
    for kind, values in records:
        if kind not in index or draw.random() < 0.02:
            index[kind] = index.get(kind, len(index))
            header = {"type": kind, "index": index[kind], "fields": TYPES[kind], "tracebraid": 1, "mood": "good"}
            content += msgpack.packb(header)
        content += msgpack.packb([index[kind], *values])
        ends.append(len(content))
    return content, ends


def moments(records):
    """Of each record; a record without a time has that of the one before."""
    now, all_ = -1, []
    for kind, values in records:
        for (field, field_kind, _), each in zip(TYPES[kind], values):
            if field == "ts" and field_kind == "time" and each is not None:
                now = each
        all_.append(now)
    return all_


def merged(streams, sort):
    """What a stable sort makes of them; where a stream goes backwards, its records are as late as
    those before them."""
    entries = []
    for place, records in enumerate(streams):
        top = -1
        for number, (moment, record) in enumerate(zip(moments(records), records)):
            top = moment if sort else max(top, moment)
            entries.append((top, place, number, record))
    return [record for *_, record in sorted(entries, key=lambda entry: entry[:3])]


def got(content):
    headers, records = packed.read(content)
    for header in headers:
        check([tuple(field) for field in header["fields"]] == TYPES[header["type"]],
              f"header {header}")
    return [(kind, [each for *_, each in values]) for kind, values in records]


def is_backwards(records):
    times = [values[at] for kind, values in records for at, (field, field_kind, _) in enumerate(TYPES[kind])
             if field == "ts" and field_kind == "time" and values[at] is not None]
    return sum(one > two for one, two in zip(times, times[1:]))


def check_streams(draw, folder, number):
    streams, paths, encoded = [], [], []
    in_order = draw.random() < 0.5
    for place in range(draw.randint(1, 6)):
        records = stream(draw, draw.choice([0, 1, 5, 200]), f"s{place}", in_order, list(TYPES))
        content, ends = encode(records, draw)
        paths.append(folder / f"{number}-{place}.msgpack")
        paths[-1].write_bytes(content)
        streams.append(records)
        encoded.append((content, ends))
    backwards = [is_backwards(records) for records in streams]
    done = run("-f", "msgpack", *paths, status=1 if any(backwards) else 0)
    check(got(done.out) == merged(streams, False), f"{number}: merged")
    for path, times in zip(paths, backwards):
        check(done.errors.count(f"{path}: byte ") == (times > 0), f"{number}: {path}: {times} {done.errors}")
        check((f"{path}: {times} records in all" in done.errors) == (times > 1),
              f"{number}: {times} {done.errors}")
    for memory in ("256", "1"):
        done = run("-f", "msgpack", "--sort", "--memory", memory, *paths)
        check(got(done.out) == merged(streams, True), f"{number}: sorted in {memory} MB")

    # One by way of a pipe, gzip, and in pieces.
    done = harness.shell("gzip -c $1 | dd bs=7 status=none | tracebraid merge -q -f msgpack - ${@:2}",
                         *paths, status=1 if any(backwards) else 0)
    check(got(done.out) == merged(streams, False), f"{number}: piped")

    # Cut off anywhere: all records before the cut.
    content, ends = encoded[0]
    if content:
        cut = draw.randint(0, len(content))
        paths[0].write_bytes(content[:cut])
        whole = [records if place else records[:sum(end <= cut for end in ends)]
                 for place, records in enumerate(streams)]
        done = run("--sort", "-f", "msgpack", *paths, status=None)
        check(got(done.out) == merged(whole, True), f"{number}: cut at {cut}")
        # Between objects, nothing shows that there was more; of a beginning that is too short nobody
        # knows what it is.
        check(not done.errors if done.status == 0 else
              cut not in {0, *ends} and (": byte " in done.errors or cut < ends[0]),
              f"{number}: {done.errors}")


def check_large(draw, folder):
    """Runs that do not fit into memory."""
    streams, paths = [], []
    for place in range(3):
        records = stream(draw, 6000, f"s{place}", False, ["flow", "gadget", "timeless"])
        paths.append(folder / f"large{place}")
        paths[-1].write_bytes(encode(records, draw)[0])
        streams.append(records)
    for memory in ("256", "1"):
        done = run("-f", "msgpack", "--sort", "--memory", memory, *paths)
        check(got(done.out) == merged(streams, True), f"large, sorted in {memory} MB")
    os.chmod(folder, 0o700)
    errors = run("-f", "msgpack", "--sort", "--memory", "1", *paths, status=1,
                 environment={"TMPDIR": folder / "nowhere"}).errors
    check("cannot create a temporary file" in errors, f"no folder: {errors}")


def check_json(draw, folder, number):
    """JSON Lines, where members that are missing are null."""
    lines, paths = [], []
    for place in range(3):
        now, own = 10**9, []
        for each in range(50):
            now += draw.choice([0, 0, 1, 10**8])
            record = {"type": draw.choice(["gadget", "flow"])}
            if draw.random() < 0.9:
                record["ts"] = f"@{packed.seconds(now)}@"
            record["name"] = f"{place} {each}"
            record |= {"n": draw.choice([-1, 5, None])} if draw.random() < 0.5 else {}
            record |= {"on": True, "text": "\u00fc\n\"x"} if draw.random() < 0.5 else {}
            own.append((now if "ts" in record else None, record))
        paths.append(folder / f"{number}-{place}.jsonl")
        paths[-1].write_text("".join(json.dumps(record).replace('"@', "").replace('@"', "") + "\n"
                                     for _, record in own))
        lines.append(own)
    entries = []
    for place, own in enumerate(lines):
        last = -1
        for each, (moment, record) in enumerate(own):
            last = last if moment is None else moment
            entries.append((last, place, each, record))
    wanted = [record for *_, record in sorted(entries, key=lambda entry: entry[:3])]
    mine = run("-f", "jsonl", *paths).records(parse_float=lambda text: f"@{text}@")
    bare = [[{key: each for key, each in record.items() if each is not None} for record in list_]
            for list_ in (mine, wanted)]
    check(bare[0] == bare[1], f"{number}: JSON Lines")


def check_many(folder):
    """More inputs than may be open, unless one asks."""
    paths = []
    for number in range(150):
        paths.append(folder / f"many{number}.jsonl")
        paths[-1].write_text("".join(f'{{"type":"tick","ts":{1000 - number % 7 + each}.000000000,"from":{number}}}\n'
                                     for each in range(3)))
    ticks = harness.shell("ulimit -Sn 100; exec tracebraid merge -q $@", *paths).records()
    harness.equal(len(ticks), 450, "many")
    check(ticks == sorted(ticks, key=lambda tick: (tick["ts"], tick["from"])), "many: in order")


def check_pipe():
    """What is known to be next is written before a pipe is waited for."""
    ends = [os.pipe(), os.pipe()]
    inputs = [f"/dev/fd/{read}" for read, _ in ends]
    merge = subprocess.Popen([harness.PROGRAMS / "tracebraid", "merge", "-q", *inputs], stdout=subprocess.PIPE,
                             pass_fds=[read for read, _ in ends])

    def put(place, ts):
        os.write(ends[place][1], f'{{"type":"tick","ts":{ts}.000000000,"from":{place}}}\n'.encode())

    def take():
        return json.loads(merge.stdout.readline())["ts"]

    put(0, 1)
    put(1, 2)
    check(take() == 1, "the first of two pipes")
    put(0, 3)
    check(take() == 2, "the second of two pipes")
    put(1, 4)
    check(take() == 3, "the first again")
    for read, write in ends:
        os.close(write)
        os.close(read)
    check(take() == 4, "the last")
    check(merge.stdout.read() == b"" and merge.wait() == 0, "the end")


def check_types():
    """The last line names no type without end."""
    for count, more in ((20, ""), (21, ", records of 1 type more"), (99, ", records of 79 types more")):
        stream = "".join(json.dumps({"type": f"t{number}", "x": 1}) + "\n" for number in range(count))
        said = harness.run("tracebraid", "merge", "-", content=stream.encode()).errors
        named = ", ".join(f"1 t{number}" for number in range(20))
        harness.equal(said, f"tracebraid merge: {count} records: {named}{more}\n", f"{count} types")


with harness.folder() as place:
    check_types()
    for round_ in range(25):
        check_streams(random.Random(f"{SEED} {round_}"), place, round_)
        check_json(random.Random(f"{SEED} {round_}"), place, round_)
    check_large(random.Random(SEED), place)
    check_many(place)
    check_pipe()
harness.finish()
