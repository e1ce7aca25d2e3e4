# The build's own files, pip's too, stay behind in the first stage.
# The digest is the one that many public build logs of September 2026 have for this tag, of Python 3.13.15; no registry was
# asked. "docker buildx imagetools inspect python:3.13-slim" tells the current one, and Dependabot proposes it.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
ARG EXTRAS=""
WORKDIR /source
COPY packaging/requirements packaging/requirements
RUN pip install --no-cache-dir --require-hashes --requirement packaging/requirements/build.txt \
    && python -m venv --without-pip /opt/qsjwt \
    && for extra in $(echo "$EXTRAS" | tr , " "); do set -- "$@" --requirement "packaging/requirements/qsjwt-$extra.txt"; done \
    && pip --python /opt/qsjwt/bin/python install --no-cache-dir --require-hashes \
        --requirement packaging/requirements/qsjwt.txt "$@"
COPY pyproject.toml setup.cfg setup.py README.md LICENSE ./
COPY qsjwt qsjwt
COPY qsjwt_platforms qsjwt_platforms
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/qsjwt/bin/python install --no-cache-dir --no-deps --no-index /wheels/qsjwt-*.whl

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
LABEL org.opencontainers.image.title="qsjwt" \
      org.opencontainers.image.description="JSON Web Tokens for Qlik" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/qsjwt /opt/qsjwt
ENV PATH="/opt/qsjwt/bin:$PATH"
# A number, so that an orchestrator sees that it is not root; it owns nothing and has no home.
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["qsjwt"]
