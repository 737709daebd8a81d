"""Reads tcpdump's captures of Ethernet, loopback and raw IP, for what the test has to know of them."""
import collections
import struct

ETHERNET, RAW = 1, 101
SYN = 2


def packets(path):
    """(nanoseconds, source, destination, TCP flags or None, sequence number, payload's length) of TCP
    and UDP; addresses with ports."""
    with open(path, "rb") as file:
        content = file.read()
    magic, link = struct.unpack("<I16xI", content[:24])
    assert magic == 0xa1b23c4d and link in (ETHERNET, RAW), (hex(magic), link)
    at = 24
    while at + 16 <= len(content):
        seconds, fraction, captured, _ = struct.unpack_from("<4I", content, at)
        data = content[at + 16 + (14 if link == ETHERNET else 0):at + 16 + captured]
        at += 16 + captured
        if data[0] >> 4 == 4:
            size, header, protocol = struct.unpack(">H", data[2:4])[0], data[0] % 16 * 4, data[9]
            hosts = [".".join(map(str, data[begin:begin + 4])) for begin in (12, 16)]
        else:
            size, header, protocol = struct.unpack(">H", data[4:6])[0] + 40, 40, data[6]
            hosts = [data[begin:begin + 16].hex() for begin in (8, 24)]
        if protocol not in (6, 17):
            continue
        ports = struct.unpack(">HH", data[header:header + 4])
        ends = list(zip(hosts, ports))
        ns = seconds * 1_000_000_000 + fraction
        if protocol == 17:
            yield ns, *ends, None, 0, size - header - 8
        else:
            number, = struct.unpack(">I", data[header + 4:header + 8])
            payload = size - header - (data[header + 12] >> 4) * 4
            yield ns, *ends, data[header + 13], number, payload


def sent_again(path):
    """By source and destination, how many segments had payload that had been seen before.
    Connections' sequence numbers do not wrap here."""
    seen = collections.defaultdict(list)  # ranges of sequence numbers that do not touch
    again = collections.Counter()
    for _, source, destination, flags, number, payload in packets(path):
        way = (source, destination)
        if flags is not None and flags & SYN:
            seen[way].clear()
        if flags is None or not payload:
            continue
        begin, end = number, number + payload
        if any(low < end and begin < high for low, high in seen[way]):
            again[way] += 1
        touching = [each for each in seen[way] if each[0] <= end and begin <= each[1]]
        for each in touching:
            seen[way].remove(each)
        seen[way].append((min([begin, *(low for low, _ in touching)]),
                          max([end, *(high for _, high in touching)])))
    return again
