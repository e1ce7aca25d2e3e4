# The build's own files, pip's too, stay behind in the first stage.
FROM python:3.13-slim AS build
ARG EXTRAS=""
WORKDIR /source
COPY pyproject.toml setup.cfg setup.py README.md LICENSE ./
COPY qsjwt qsjwt
COPY qsjwt_platforms qsjwt_platforms
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/qsjwt \
    && pip --python /opt/qsjwt/bin/python install --no-cache-dir "$(echo /wheels/qsjwt-*.whl)${EXTRAS:+[$EXTRAS]}"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="qsjwt" \
      org.opencontainers.image.description="JSON Web Tokens for Qlik" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/qsjwt /opt/qsjwt
ENV PATH="/opt/qsjwt/bin:$PATH"
# A number, so that an orchestrator sees that it is not root; it owns nothing and has no home.
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["qsjwt"]
