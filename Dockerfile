# mendd in a container. Build: docker build -t mendd .
# Run, with a read-only root:
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v ./definitions:/etc/mendd:ro -v mendd:/var/lib/mendd -p 127.0.0.1:8420:8420 mendd
# In mendd.yaml: api.listen 0.0.0.0:8420 (the port is published above; from outside the container every request needs a token),
# store.path /var/lib/mendd/mendd.db, ssh.known_hosts /etc/mendd/known_hosts, ssh.identity ${file:/run/secrets/ssh_key}.
# Tokens: docker exec CONTAINER mendd token create --name alice --scope act

FROM node:24-slim AS build
WORKDIR /build
# better-sqlite3 compiles where there is no prebuilt driver for this Node.js.
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY core core
COPY config config
COPY sources sources
COPY import import
COPY store store
COPY runner runner
COPY checks checks
COPY actions actions
COPY daemon daemon
COPY api api
COPY cli cli
COPY dashboard dashboard
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
LABEL org.opencontainers.image.title="mendd" \
      org.opencontainers.image.description="Keeps hosts healthy over SSH: Nagios-style checks, and repairs that are verified" \
      org.opencontainers.image.licenses="Apache-2.0"
# openssh-client: ssh-keygen and an agent. git: definitions in a repository. tini: signals reach the daemon, and checks that run here leave no zombies. ping: the check.
RUN apt-get update \
 && apt-get install -y --no-install-recommends openssh-client git ca-certificates tini iputils-ping \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 8420 --home-dir /var/lib/mendd --shell /usr/sbin/nologin mendd \
 && install -d -m 0700 -o mendd -g mendd /var/lib/mendd \
 && install -d -m 0755 /etc/mendd \
 && ln -s /opt/mendd/dist/cli/main.js /usr/local/bin/mendd
WORKDIR /opt/mendd
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY library library
ENV NODE_ENV=production TZ=UTC
USER mendd
VOLUME /var/lib/mendd
EXPOSE 8420
STOPSIGNAL SIGTERM
# Ready: definitions loaded, store writable, scheduler on time.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8420/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "mendd"]
CMD ["serve", "--config", "/etc/mendd/mendd.yaml"]
