"""The server's side of a websocket (RFC 6455), as far as a trial of it needs: text, ping, close, no extensions."""

import base64
import hashlib
import io
import json
import struct
from typing import Any

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
MAX_FRAME_BYTES = 1 << 20


def accept(key: str) -> str:
    """Return ``Sec-WebSocket-Accept`` for the client's *key* (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


class WebSocket:
    """An open websocket with a client at its other end."""

    def __init__(self, reader: io.BufferedIOBase, writer: Any) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, value: object) -> None:
        """Send *value* as JSON in one text frame."""
        self._send(_TEXT, json.dumps(value).encode())

    def close(self, code: int = 1000) -> None:
        """Say that it ends, with *code* of RFC 6455, section 7.4."""
        self._send(_CLOSE, struct.pack("!H", code))

    def receive(self) -> str | None:
        """Return the next text; None when the client is gone."""
        text = b""
        while True:
            frame = self._frame()
            if frame is None:
                return None
            final, kind, data = frame
            if kind == _CLOSE:
                self._send(_CLOSE, data[:2])
                return None
            if kind == _PING:
                self._send(_PONG, data)
            elif kind != _PONG:
                text += data
                if final:
                    return text.decode()

    def _send(self, kind: int, data: bytes) -> None:
        if len(data) < 126:
            head = struct.pack("!BB", 0x80 | kind, len(data))
        else:
            head = struct.pack("!BBH", 0x80 | kind, 126, len(data))
        self._writer.write(head + data)

    def _frame(self) -> tuple[bool, int, bytes] | None:
        head = self._reader.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 0x7F
        if length >= 126:
            form = "!H" if length == 126 else "!Q"
            (length,) = struct.unpack(form, self._reader.read(struct.calcsize(form)))
        if not head[1] & 0x80 or length > MAX_FRAME_BYTES:
            return None
        mask = self._reader.read(4)
        data = self._reader.read(length)
        return bool(head[0] & 0x80), head[0] & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
