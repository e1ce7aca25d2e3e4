"""Keys that are plain files below the folder of a password store."""

import os
from pathlib import Path

from qsjwt.api import InputError, KeyProvider, KeyUnavailable, local_signer, quoted, read_file, user_path


class PassProvider(KeyProvider):
    summary = "pass:NAME        a private key that is a plain file in the password store's folder"

    def open(self, reference, secrets):
        folder = os.environ.get("PASSWORD_STORE_DIR") or "~/.password-store"
        name = Path(reference)
        if not name.parts or name.anchor or ".." in name.parts:
            raise InputError(f"pass:{quoted(reference)} is not a path below the password store's folder")
        path = os.path.join(user_path(folder), name)
        if not os.path.exists(path) and os.path.exists(f"{path}.gpg"):
            raise KeyUnavailable(
                f"the key {quoted(reference)} in the password store is encrypted with gpg, which is not read here",
                hint="let pass decrypt it: --key 'exec:pass show NAME'",
            )
        data = read_file(path, "key file of the password store", error=KeyUnavailable)
        return local_signer(data, f"the key {quoted(reference)} in the password store", secrets)
