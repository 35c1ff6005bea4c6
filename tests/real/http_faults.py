"""Answers of an HTTP server that are wrong, late, or none."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from tests.real.scripted_http import Request, ScriptedServer, answer_206

__all__ = [
    "Bad",
    "delayed",
    "elsewhere",
    "encoded",
    "garbage",
    "hangs",
    "longer",
    "replaced",
    "reset",
    "short",
    "shrunk",
    "status",
    "unlengthened",
    "untold",
    "whole",
    "whole_of_that_length",
]

Bad = Callable[[ScriptedServer, Request, socket.socket], bool]


def status(line: str) -> Bad:
    return lambda server, request, peer: answer_206(server, request, peer, status=line, told="")


def whole(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, status="200 OK", told="", body=server.content)


def whole_of_that_length(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, status="200 OK", told="")


def elsewhere(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    length = request.last - request.first + 1
    return answer_206(
        server, request, peer, told=f"bytes 0-{length - 1}/20000", body=server.content[:length]
    )


def untold(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, told="")


def shrunk(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    told = f"bytes {request.first}-{request.last}/19999"
    return answer_206(server, request, peer, told=told)


def replaced(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, headers='ETag: "two"\r\n')


def encoded(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    return answer_206(server, request, peer, headers="Content-Encoding: gzip\r\n")


def longer(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : request.last + 2]
    return answer_206(server, request, peer, body=body)


def short(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : request.last]
    return answer_206(server, request, peer, body=body, length=len(body) + 1)


def unlengthened(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    """Send too little until the end of the connection, which is all that tells the length."""
    told = f"bytes {request.first}-{request.last}/{len(server.content)}"
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: {told}\r\nConnection: close\r\n\r\n"
    peer.sendall(head.encode() + server.content[request.first : request.last])
    return False


def reset(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : min(request.first + 10, request.last)]
    answer_206(server, request, peer, body=body, length=request.last - request.first + 1)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hangs(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
    body = server.content[request.first : min(request.first + 10, request.last)]
    answer_206(server, request, peer, body=body, length=request.last - request.first + 1)
    server.closing.wait(30)
    return False


def garbage(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:  # noqa: ARG001
    peer.sendall(b"SSH-2.0-what\r\n\r\n")
    return False


def delayed(seconds: float) -> Bad:
    def script(server: ScriptedServer, request: Request, peer: socket.socket) -> bool:
        server.closing.wait(seconds)
        return answer_206(server, request, peer)

    return script
