"""Client-managed Qlik Sense: a session at a virtual proxy, and what a site may be like."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class ProxySession:
    """A session that a token opened at a virtual proxy."""

    virtual_proxy: str
    directory: str
    user_id: str
    attributes: Mapping[str, Any]
    used: float
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    csrf_token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def user(self) -> str:
        """The user as ``DIRECTORY\\user``."""
        return f"{self.directory}\\{self.user_id}"


@dataclass
class Switches:
    """What a site may be like.

    :ivar older: without ``/qps/csrftoken`` (404), and its websockets ask for no token.
    :ivar origin_required: whether a websocket must have an Origin, as some report; Qlik's own client on Node sends
        none. One that is not allowed is refused in any case.
    :ivar own_names: host names of nodes, which count as allowed without standing in a host allow list: an assumption.
    :ivar disabled: users (``DIRECTORY\\user``) whose tokens get 401.
    :ivar without_access: users to whom no access pass is assigned.
    """

    older: bool = False
    origin_required: bool = False
    own_names: set[str] = field(default_factory=lambda: {"localhost"})
    disabled: set[str] = field(default_factory=set)
    without_access: set[str] = field(default_factory=set)
