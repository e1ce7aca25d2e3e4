"""``python -m tests.site_stand_in``: both sites, for a trial by hand, until Ctrl-C."""

import sys
import tempfile
import threading
from pathlib import Path

from tests.site_stand_in import Certificates, Cloud, Qseow, Request, Site

ABOUT = """\
Two stand-ins for Qlik's servers listen at loopback. They are no Qlik software: what they answer follows Qlik's
documentation, and where that says nothing the answer has a code of its own, STAND-IN-1.

  CA for --ca-file       {ca}
  key that signs         {key}
  client certificate     {cert}
  its key                {cert_key}
  fingerprint            {fingerprint}

Client-managed Qlik Sense
  virtual proxy          {prefix}
  repository             {repository}

  qsjwt try qseow --url {prefix} --ca-file {ca} \\
      --key {key} --userdir LAB --userid anna --expires 60s
  qsjwt register qseow --url {repository} --ca-file {ca} \\
      --client-cert {cert} --client-key {cert_key} \\
      --cert-publickey-file YOUR-CERTIFICATE.cer --prefix mine
  curl -i --cacert {ca} {prefix}/qps/csrftoken \\
      -H "$(qsjwt create-qseow --key {key} --userdir LAB --userid anna --expires 60s -f header)"

Qlik Cloud
  tenant                 {tenant}
  administrator's key    {api_key}

  qsjwt try qscloud --url {tenant} --ca-file {ca} \\
      --key {key} --issuer https://idp --keyid k1 --subject anna --expires 60s
  QLIK_API_KEY={api_key} \\
  qsjwt register qscloud --url {tenant} --ca-file {ca} \\
      --cert-publickey-file YOUR-CERTIFICATE.cer --issuer https://mine --keyid k2

Requests as they come, and why a token was refused, which the answer does not tell:
"""


def main() -> None:
    """Run both sites until the program is interrupted."""
    with tempfile.TemporaryDirectory(prefix="site-stand-in-") as folder:
        certificates = Certificates(Path(folder))
        with Qseow(certificates) as qseow, Cloud(certificates) as cloud:
            qseow.register("jwt")
            cloud.register("https://idp", "k1")
            _say(
                ABOUT.format(
                    ca=certificates.ca_file,
                    key=certificates.signing_key_file,
                    cert=certificates.client_cert,
                    cert_key=certificates.client_key,
                    fingerprint=certificates.fingerprint,
                    prefix=qseow.prefix_url("jwt"),
                    repository=qseow.repository_url,
                    tenant=cloud.url,
                    api_key=cloud.api_key,
                )
            )
            for name, site in (("qseow", qseow), ("cloud", cloud)):
                _follow(name, site)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                _say("")


def _follow(name: str, site: Site) -> None:
    """Write a line for each answer of *site*."""
    told = 0

    def write(request: Request) -> None:
        nonlocal told
        causes, told = site.refusals[told:], len(site.refusals)
        _say(f"{name:5} {request.method:6} {request.target} {request.status} {'; '.join(causes)}".rstrip())

    site.on_answer = write


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
