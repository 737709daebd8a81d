"""tracebraid check and sockets on recordings whose truth is known from elsewhere: what the scenario's
README says, the labels of planted misbehaviour, and byte counts that the traced programs wrote down.
"""
import marshal
import json
import re
import sys
from decimal import Decimal

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import WHEN, check


def records(command, *arguments):
    return harness.run("tracebraid", command, *WHEN, "-f", "jsonl", *arguments,
                       status=(0, 1)).records()


def findings(*inputs):
    return records("check", *inputs)


corpus = harness.corpus("scenarios", "strace/logs")
scenarios = corpus / "scenarios"

# The storm: numbers by grep and from the scenario's description.
storm = scenarios / "storm"
log = (storm / "strace.log").read_text(errors="replace")
refused = [line for line in log.splitlines() if "accept4(-1" in line and "= -1 EBADF" in line]
found = findings(*sorted(storm.iterdir()))
errors = [finding for finding in found if finding["severity"] == "error"]
check(len(errors) == 1 and found[0] is errors[0], f"storm: {errors}")
storm_finding = errors[0]
check(storm_finding["id"] == "error_loop", f"storm: {storm_finding['id']}")
check(storm_finding["count"] == len(refused) == 29790, f"storm: {storm_finding['count']}")
check("accept4(-1) failed with EBADF 29,790 times" in storm_finding["summary"], "storm: summary")
check("0.54 ms after the close of the listener 127.0.0.1:34949" in storm_finding["detail"],
      f"storm: {storm_finding['detail']}")
first, last = refused[0].split()[1], refused[-1].split()[1]
check(f"{storm_finding['ts']:.6f}" == first and f"{storm_finding['last_ts']:.6f}" == last,
      "storm: times")
# Whose greenlets they were: the last switch of the log before each.
switches = [line.split() for line in (storm / "greenlet.bt.txt").read_text().splitlines()
            if " switch " in line]


def greenlet_at(time):
    return [switch[4] for switch in switches if float(switch[0]) <= float(time)][-1]


check(storm_finding["greenlet"] == greenlet_at(first), f"storm: {storm_finding['greenlet']}")
closing = next(line for line in log.splitlines() if "close(16<TCP:[127.0.0.1:34949]>" in line)
check(f"by greenlet {greenlet_at(closing.split()[1])}" in storm_finding["detail"], "storm: closer")
# pstats: the only functions that were called so often are those that lead to accept.
check("socket_accept" in storm_finding["function"], f"storm: {storm_finding['function']}")
line = log.splitlines().index(closing) + 1
check(f"strace.log:{line}: close(16" in storm_finding["evidence"], "storm: evidence")
check([finding["severity"] for finding in found[1:]] == ["note"] * len(found[1:]),
      f"storm: {[finding['summary'] for finding in found[1:]]}")

def empty_edges(name):
    """Edges of 0 calls in a dump of cProfile, by its own form: {function: (…, {caller: (calls, …)})}."""
    with open(scenarios / name / "profiling.cprof", "rb") as file:
        return sum(edge[0] == 0 for entry in marshal.load(file).values() for edge in entry[4].values())


for name, count in (("hub-asyncio", 86), ("hub-epolls", 84), ("hub-selects", 84), ("threads-py311", 0)):
    check(empty_edges(name) == count, f"{name}: edges of 0 calls")

# The healthy ones. Every finding is here, once: its id, severity, count and line of evidence, what its
# sentences say, and why that is right, by tshark's times and bytes, and by grep in the log. None is
# an error.


def hub(epipe, unread, nscd_line, shutdown_line, empty_edges):
    """The 23 tests of Eventlet's WSGI server, the same under each hub: 26 connections. epipe: the
    server's port, the client's and the line. unread: server's port, client's, line of the close, and
    the milliseconds by which bytes came after it."""
    keep_alive, (tricksy, tricksy_client, tricksy_line), *aborted, idle = unread
    return [
        ("connection_reset", "warning", 1, epipe[2],
         [f"on connections to 127.0.0.1:{epipe[0]} failed with EPIPE: the peer had closed before",
          "the peer sent the RST"],
         "the only EPIPE of the log, 2 ms after the server's FIN and RST on the wire"),
        ("connect_failed", "note", 2, nscd_line,
         ["2 connections to unix socket /var/run/nscd/socket failed: ENOENT"],
         "both of the log's attempts to ask nscd, which does not run"),
        ("bad_descriptor", "note", 26, shutdown_line,
         ["shutdown(-1) failed with EBADF 26 times", "closed already"],
         "grep -c: one for each connection, a few lines behind the close of its accepted socket"),
        ("unread_data", "note", 1, keep_alive[2],
         [f"35 bytes arrived after the close of 1 connection of clients to 127.0.0.1:{keep_alive[0]}.",
          f":{keep_alive[0]}→127.0.0.1:{keep_alive[1]}; 35 bytes came {keep_alive[3]} ms after it"],
         "a GET behind the answer to Connection: close; the RST comes at once"),
        ("unread_data", "note", 1, tricksy_line,
         [f"1 connection of clients to 127.0.0.1:{tricksy} ended with 23 bytes that the program never "
          "read.", "They had come before the close",
          f":{tricksy}→127.0.0.1:{tricksy_client} with 23 bytes unread"],
         "the line GET /tricksy came 0.5 ms before close returned; the RST came within the close"),
        *[("unread_data", "note", 1, line,
           [f"122 bytes arrived after the close of 1 connection to 127.0.0.1:{server}; it had read none.",
            f":{client}→127.0.0.1:{server}; 122 bytes came {late} ms after it"],
           "a client that closes behind its request; the answer of 122 bytes gets a RST")
          for server, client, line, late in aborted],
        ("unread_data", "note", 1, idle[2],
         [f"35 bytes arrived after the close of 1 connection of clients to 127.0.0.1:{idle[0]}.",
          f":{idle[0]}→127.0.0.1:{idle[1]}; 35 bytes came {idle[3]} ms after it"],
         "a PUT on a connection that the server had given up after 0.1 s without a request"),
        ("untrue_callers", "note", empty_edges, None,
         ["the profile's callers cannot be trusted", "greenlet that ran before"],
         "the program has greenlets; the edges of 0 calls, counted in the dump by marshal")]


EXPECTED = {
    "hub-asyncio": hub((46353, 45960, 19219),
                       [(40625, 52542, 18502, "1.41"), (46353, 45960, 19212),
                        (35511, 42304, 20242, "2.04"), (45515, 38394, 20354, "1.69"),
                        (39799, 50490, 20464, "2.21"), (45273, 47444, 21066, "0.43")], 18178, 18228, 86),
    "hub-epolls": hub((41897, 33050, 19105),
                      [(44653, 36028, 18456, "1.25"), (41897, 33050, 19099),
                       (37977, 60050, 20023, "4.24"), (35761, 39786, 20129, "4.48"),
                       (38371, 41410, 20233, "4.67"), (36759, 51092, 20781, "0.59")], 18162, 18207, 84),
    "hub-selects": hub((45853, 41220, 19022),
                       [(46593, 47564, 18426, "0.93"), (45853, 41220, 19017),
                        (41879, 40532, 19857, "3.73"), (37423, 41318, 19959, "3.32"),
                        (33597, 37830, 20059, "3.79"), (35981, 48984, 20574, "0.51")], 18158, 18199, 84),
    "threads-py311": [
        ("connect_failed", "warning", 1, 3453,
         ["1 connection to 127.0.0.1:1 failed: ECONNREFUSED, nobody listens there"],
         "the client's refused connect; its SYN got the capture's only RST"),
        ("connect_failed", "note", 2, 1934,
         ["2 connections to unix socket /var/run/nscd/socket failed: ENOENT"],
         "both of the log's attempts to ask nscd, which does not run"),
        ("nagle_delay", "note", 7, 3309,
         ["7 times on 1 connection with 127.0.0.1:42203"],
         "GET /keep2 to /keep9 come 40.4 to 42.9 ms after the server's second send of an answer; the "
         "first of the 8 is what makes check look"),
        ("waiting_time", "note", 4, None,
         ["are waiting, not work", "'recv_into' of '_socket.socket'"],
         "pstats: recv_into, acquire and others by their tottime")]}


def fits(finding, expected):
    id, severity, count, line, says, _ = expected
    said = f"{finding['summary']}.\n{finding['detail']}\n{finding['evidence']}"
    return ((finding["id"], finding["severity"], finding["count"]) == (id, severity, count) and
            (line is None or f"/strace.log:{line}: " in finding["evidence"].split("\n")[0]) and
            all(text in said for text in says))


# Without -yy, date or -T, the same.
EXPECTED["threads-py39-noyy"] = [
    (*one[:2], count, line, [text.replace("42203", "41625") for text in one[4]], one[5])
    for one, count, line in zip(EXPECTED["threads-py311"], (1, 2, 7, 3), (3675, 2212, 3520, None))]
for name, expected in EXPECTED.items():
    found = findings(*sorted((scenarios / name).iterdir()))
    for one in expected:
        fitting = [finding for finding in found if fits(finding, one)]
        check(len(fitting) == 1, f"{name}: {len(fitting)} findings fit {one}")
    for finding in found:
        fitting = [one for one in expected if fits(finding, one)]
        check(len(fitting) == 1, f"{name}: fits {len(fitting)} that are expected: {finding}")
    # The numbers that grep tells of, anew.
    log = (scenarios / name / "strace.log").read_text(errors="replace")
    is_hub = name.startswith("hub")
    for pattern, times in ((r" shutdown\(-1.*= -1 EBADF", 26 * is_hub), (r" = -1 EPIPE ", int(is_hub)),
                           (r" connect\(.*/var/run/nscd/socket.*= -1 ENOENT", 2),
                           (r" = -1 ECONNREFUSED ", int(not is_hub)), (r" = -1 EBADF ", 26 * is_hub)):
        check(len(re.findall(pattern, log)) == times, f"{name}: {pattern}")

# Every socket of the scenarios has its flow; both ends of a connection on loopback name each other.
for name in ("storm", "hub-asyncio", "hub-epolls", "hub-selects", "threads-py311",
             "threads-py39-noyy", "threads-py312-perf"):
    sockets = records("sockets", scenarios / name / "strace.log", scenarios / name / "tcpdump.pcap")
    talking = [socket for socket in sockets if socket["peer_p"]]
    check(talking and all(socket["match"] in ("address", "time") for socket in talking),
          f"{name}: {[socket['match'] for socket in talking]}")
    if "noyy" not in name:
        check(all(socket["match"] == "address" for socket in talking if socket["local_p"] and
                  socket["conn_state"] != "REJ"), f"{name}: by time")
    files = {socket["file"]: socket for socket in talking}
    for socket in talking:
        if socket["conn_state"] == "REJ":
            continue
        other = files.get(socket["peer_file"])
        check(other and other["uid"] == socket["uid"] and other["peer_file"] == socket["file"] and
              (other["local_p"], other["peer_p"]) == (socket["peer_p"], socket["local_p"]),
              f"{name}: peer of {socket['file']}")
        check(socket["bytes_out"] == socket["wire_out"], f"{name}: {socket['file']} bytes_out")
        check(socket["bytes_in"] <= socket["wire_in"] and
              (socket["bytes_in"] == socket["wire_in"]) == (socket["difference"] is None or
                                                            "never read" not in
                                                            socket["difference"]),
              f"{name}: {socket['file']} bytes_in")
        check(socket["unmeasured_in"] == 0 and socket["unmeasured_out"] == 0,
              f"{name}: {socket['file']} unmeasured")

# Labelled misbehaviour: the one planted thing, and at most what every such program does at its end.
PLANTED = {"f01_ebadf_storm": ("error_loop", 400), "f02_ebadf_old": ("error_loop", 300),
           "f04_eagain_spin": ("error_loop", 400), "f05_double_close": ("double_close", 3),
           "f07_fd_leak": ("fd_leak", None), "f08_close_wait": ("close_wait", 1),
           "f10_econnreset": ("connection_reset", 1), "f11_epoll_spin": ("busy_poll", 300),
           "f13_backlog": ("backlog_overflow", None), "f14_connect_fail": ("connect_failed", None),
           # It waits for a peer, and sleeps: that is what both calls are for, and no loop's.
           "f16_slow": (None, None), "f17_clean": (None, None), "f19_partial": ("partial_write", 1),
           "c10_eintr": ("interrupted_loop", 30), "c05_segv": ("killed", 1),
           "c06_abort": ("killed", 1), "c11_sigkill": ("killed", 1)}
logs = corpus / "strace" / "logs"
for name, (planted, count) in PLANTED.items():
    loud = [finding for finding in findings(logs / f"{name}.log")
            if finding["severity"] != "note"]
    ids = {finding["id"] for finding in loud}
    check(ids == ({planted} if planted else set()), f"{name}: {ids}")
    if count is not None:
        check([finding["count"] for finding in loud] == [count], f"{name}: {loud}")
# f16's peer was late by 350 ms: sockets tells how long it waited.
slow = records("sockets", logs / "f16_slow.log")
received = [socket for socket in slow if socket["bytes_in"]]
check(len(received) == 1 and received[0]["blocked"] == Decimal("0.350632"), f"f16: {received}")
# Programs that do nothing wrong to anybody's network.
for name in ("a05_ttt_T_C", "a13_a0", "d01_gcc", "d05_tar", "d09_sqlite", "e01_thr_yy",
             "e03_prefork", "e04_aio", "e06_eventlet_yy", "e07_t_seconds", "e10_curl",
             "e12_httpclient", "e17_tls"):
    loud = [finding for finding in findings(logs / f"{name}.log")
            if finding["severity"] != "note"]
    check(not loud, f"{name}: {[finding['summary'] for finding in loud]}")

# What the traced programs counted themselves: bytes of each connection, by the peer's port.
for name in ("e01_thr_yy", "e03_prefork", "e04_aio", "e06_eventlet_yy", "e07_t_seconds"):
    truth = json.loads((logs / f"{name}.truth").read_text())
    sockets = records("sockets", logs / f"{name}.log", logs / f"{name}.pcap")
    accepted = {socket["peer_p"]: socket for socket in sockets if socket["role"] == "accepted"}
    compared = 0
    for connection in truth:
        port = int(connection["remote"].rsplit(":", 1)[1])
        if connection.get("role", "server") != "server" or port not in accepted:
            continue
        compared += 1
        socket = accepted[port]
        numbers = (connection["recv"], connection["sent"])
        check((socket["bytes_in"], socket["bytes_out"]) == numbers,
              f"{name}: {port}: {socket['bytes_in']}, {socket['bytes_out']}, {connection}")
        check((socket["wire_in"], socket["wire_out"]) == numbers,
              f"{name}: {port} on the wire: {socket['wire_in']}, {socket['wire_out']}")
    check(compared == len(accepted), f"{name}: compared {compared} of {len(accepted)}")

harness.finish()
