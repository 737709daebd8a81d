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
    pairs = (line.partition(":") for line in lines if line)
    return Request(first.split()[1], {name.lower(): value.strip() for name, _, value in pairs})


class Writer:
    """Since 1.5: an answer in as many parts as one likes."""

    def __init__(self, connection):
        self.connection = connection

    def line(self, text):
        self.connection.sendall(text.encode("ascii") + b"\r\n")


def answer(connection, text):
    writer = Writer(connection)
    writer.line("HTTP/1.1 200 OK")
    writer.line(f"Content-Length: {len(text)}")
    writer.line("Connection: close")
    writer.line("")
    connection.sendall(text.encode("ascii"))
