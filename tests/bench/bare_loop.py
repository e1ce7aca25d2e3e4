"""What signing, or signing and verifying, costs by itself: a signature for each row on stdin, and no token."""

import argparse
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key", required=True)
    parser.add_argument("--algorithm", choices=("RS256", "ES384"), default="RS256")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_args()
    key: Any = load_pem_private_key(Path(options.key).read_bytes(), None)
    public = key.public_key()
    how: tuple[Any, ...] = (PKCS1v15(), SHA256()) if options.algorithm == "RS256" else (ECDSA(SHA384()),)
    count = 0
    next(sys.stdin)
    for row in sys.stdin:
        data = row.encode()
        signature = key.sign(data, *how)
        if options.verify:
            public.verify(signature, data, *how)
        count += 1
    print(f"{count} signatures")
