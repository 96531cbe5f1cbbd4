# The command as an image, for Linux on x86-64 and aarch64:
#   docker build -t nudge .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" nudge train --model … --data … --out …
FROM eclipse-temurin:25-jdk AS build
# Any Maven of the base image's system will do, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends maven && rm -rf /var/lib/apt/lists/*
COPY . /opt/nudge
WORKDIR /opt/nudge
# cli/target/app* is what runs; what it was made of stays behind.
RUN ./nudge --version && find cli/target -mindepth 1 -maxdepth 1 ! -name 'app*' -exec rm -rf {} +

# The same Java again, because the start-up cache is good for no other; no Maven and no sources.
FROM eclipse-temurin:25-jdk
ENV NUDGE_CACHE=/var/cache/nudge
WORKDIR /opt/nudge
COPY --from=build /opt/nudge/nudge /opt/nudge/NOTICE /opt/nudge/LICENSE ./
COPY --from=build /opt/nudge/base base
COPY --from=build /opt/nudge/cli/target cli/target
# Natives are unpacked once and belong to root: all users load them, none may write them. What another user wants to keep
# (tokens of data, digests of models) needs a cache of their own: -e NUDGE_CACHE=/work/.cache
RUN mkdir "$NUDGE_CACHE" && ./nudge doctor && chmod -R a+rX,go-w "$NUDGE_CACHE"
WORKDIR /work
ENTRYPOINT ["/opt/nudge/nudge"]
CMD ["--help"]
