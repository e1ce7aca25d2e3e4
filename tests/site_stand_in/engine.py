"""Client-managed Qlik Sense: the websocket to the engine, from the handshake to the first answers."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tests.site_stand_in.entities import Entity
from tests.site_stand_in.messages import Answer, Request
from tests.site_stand_in.proxy_sessions import ProxySession, Switches
from tests.site_stand_in.websocket import WebSocket

MAX_SESSIONS = 5
CSWSH = (
    "Cross-Site Websocket Hijacking attack prevention check failed. "
    "Possible Cross-Site Websocket Hijacking attack (CSWSH) discovered."
)
_RESULTS: Mapping[str, Any] = {
    "EngineVersion": {"qVersion": {"qComponentVersion": "12.2015.0"}},
    "OpenDoc": {"qReturn": {"qType": "Doc", "qHandle": 1, "qGenericType": "stand-in", "qGenericId": "stand-in"}},
    "GetDocList": {"qDocList": []},
}


class Engine:
    """Opens websockets to those with a session."""

    def __init__(self, switches: Switches, sessions: Mapping[str, ProxySession]) -> None:
        self._switches = switches
        self._sessions = sessions

    def answer(
        self, request: Request, path: str, session: ProxySession | None, virtual_proxy: Entity, *, origin_allowed: bool
    ) -> Answer:
        """Return the answer to the handshake at *path*, which is what follows the prefix."""
        if "authorization" in request.headers or not origin_allowed:
            return Answer.text(403, CSWSH)
        if session is None:
            return Answer.text(403, "STAND-IN-1: forbidden")
        if not self._switches.older and request.query.get("qlik-csrf-token") != session.csrf_token:
            return Answer.text(403, CSWSH)
        if not path.lower().startswith("app/"):
            return Answer.text(404, "STAND-IN-1: not found")
        if not virtual_proxy["loadBalancingServerNodes"]:
            return Answer.text(500, f"Unable to route to {quote(path)}")
        headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        return Answer(101, b"", headers, conversation=self._conversation(session))

    def _conversation(self, session: ProxySession) -> Callable[[WebSocket], None]:
        fatal = self._fatal(session)

        def converse(socket: WebSocket) -> None:
            who = {"userDirectory": session.directory, "userId": session.user_id, "mustAuthenticate": False}
            socket.send(_notification("OnAuthenticationInformation", who))
            if fatal:
                socket.send(_notification(fatal, {"severity": "fatal"}))
                socket.close(1008)
                return
            socket.send(_notification("OnConnected", {"qSessionState": "SESSION_CREATED"}))
            while (text := socket.receive()) is not None:
                socket.send(_replied(json.loads(text), session))

        return converse

    def _fatal(self, session: ProxySession) -> str | None:
        """Return what ends the session at once; sockets with one cookie count as one session."""
        if session.user in self._switches.without_access:
            return "OnLicenseAccessDenied"
        if sum(one.user == session.user for one in self._sessions.values()) > MAX_SESSIONS:
            return "OnMaxParallelSessionsExceeded"
        return None


def _notification(method: str, params: Mapping[str, object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def _replied(call: Mapping[str, Any], session: ProxySession) -> dict[str, object]:
    user = {"qReturn": f"UserDirectory={session.directory}; UserId={session.user_id}"}
    results = {**_RESULTS, "GetAuthenticatedUser": user}
    if call.get("params") == [
        "OSUser()"
    ]:  # the one expression that it knows; that it tells the same is reported, not documented
        results["Evaluate"] = user
    reply: dict[str, object] = {"jsonrpc": "2.0", "id": call.get("id")}
    if call.get("method") in results:
        return {**reply, "result": results[call["method"]]}
    return {**reply, "error": {"code": -32601, "message": "Method not found"}}
