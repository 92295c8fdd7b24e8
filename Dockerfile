# Two stages: the compiler stays behind, and what runs is one file and the libraries it needs.

FROM swift:6.3-bookworm AS build
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends libpq-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN swift build -c release --static-swift-stdlib -debug-info-format none -Xlinker -s --product episode-ledger \
    && install -D "$(swift build -c release --static-swift-stdlib --show-bin-path)/episode-ledger" \
        /out/episode-ledger

FROM debian:12-slim
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends ca-certificates libpq5 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home --shell /usr/sbin/nologin episode-ledger \
    && install -d -o episode-ledger -g episode-ledger -m 0700 /var/lib/episode-ledger \
    && install -d -o episode-ledger -g episode-ledger -m 0700 /var/lib/episode-ledger-tokens
COPY --from=build /out/episode-ledger /usr/local/bin/episode-ledger
USER episode-ledger
WORKDIR /tmp
# No PostgreSQL in here: the database is named by EPISODE_LEDGER_DATABASE_URL. What lies outside it,
# the signing key and the checkpoint log, is in this folder: keep it in a volume. A named volume takes
# over the folder's owner.
ENV EPISODE_LEDGER_DATA_DIR=/var/lib/episode-ledger
ENTRYPOINT ["episode-ledger"]
CMD ["help"]
