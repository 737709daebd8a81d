"""HTTP, as far as it is needed."""


class Request:
    def __init__(self, path, fields):
        self.path = path
        self.fields = fields


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    first, *lines = data.decode("ascii").split("\r\n")
    fields = dict(split_field(line) for line in lines if line)
    return Request(first.split()[1], fields)


def split_field(line):
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


def answer(connection, text):
    body = text.encode("ascii")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode("ascii") + body)
