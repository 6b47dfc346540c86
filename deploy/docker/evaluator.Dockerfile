# Image of the evaluator: data sets, scorers and scores of what the mesh answers
# Build it from the repository root: docker build -f deploy/docker/evaluator.Dockerfile -t chimera/evaluator:0.1.0 .

# Only the manifests, so that the packages are installed anew when one of those changes and not with every line of code.
FROM node:24.21.0-bookworm-slim AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --workspace services/evaluator --include-workspace-root=false --ignore-scripts --no-audit --no-fund
COPY . .
RUN node deploy/docker/assemble.mjs evaluator /image && chmod -R a+rX,go-w /image/modules /image/program

FROM scratch
LABEL org.opencontainers.image.title="chimera-evaluator" \
      org.opencontainers.image.description="data sets, scorers and scores of what the mesh answers" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/system /
COPY --from=build /image/modules /app
COPY --from=build /image/program /app
# The one folder this user may write to. A volume mounted here takes over its owner.
COPY --from=build --chown=65532:65532 /image/data /var/lib/chimera
WORKDIR /app/services/evaluator
USER 65532:65532
# Inside a container the service is reached over the container's own network interface.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=384" \
    EVALUATOR_HOST=0.0.0.0 \
    EVALUATOR_PORT=7103
EXPOSE 7103
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/node", "/app/healthcheck.mjs", "EVALUATOR_PORT"]
ENTRYPOINT ["/usr/local/bin/node", "--enable-source-maps", "--import", "@chimera/telemetry/register", "src/main.ts"]
