// swift-tools-version: 6.2
import PackageDescription

/// Every target is built with the same, strict settings: Swift 6 mode, warnings are errors.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    // A connection is not Sendable and is used by one task at a time: its async methods run where
    // their caller runs, without a hop.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "episode-ledger",
    products: [
        .executable(name: "episode-ledger", targets: ["EpisodeLedger"]),
        .library(name: "Ledger", targets: ["Ledger", "CareEpisode", "Postgres"]),
        // For Benchmarks/, which is a package of its own.
        .library(
            name: "LedgerTools",
            targets: ["Simulator", "EmbeddedPostgres", "Migrations", "ProjectionRuntime", "Projections"]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // The libpq client.
        .systemLibrary(
            name: "CLibPQ",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        .target(name: "Postgres", dependencies: ["CLibPQ"], swiftSettings: strict),

        // The domain, pure.
        .target(name: "CareEpisode", swiftSettings: strict),
        .target(name: "Simulator", dependencies: ["CareEpisode"], swiftSettings: strict),

        // The ledger and its schema.
        .target(
            name: "Migrations",
            dependencies: ["Postgres", .product(name: "Crypto", package: "swift-crypto")],
            path: "Migrations",
            swiftSettings: strict,
            plugins: ["EmbedSQL"]
        ),
        .target(
            name: "Ledger",
            dependencies: [
                "CareEpisode", "Postgres", "Migrations",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict
        ),

        // The read models.
        .target(
            name: "ProjectionRuntime",
            dependencies: ["Ledger", "CareEpisode", "Postgres"],
            swiftSettings: strict
        ),
        .target(
            name: "Projections",
            dependencies: ["ProjectionRuntime", "Ledger", "CareEpisode", "Postgres"],
            path: "Projections",
            swiftSettings: strict,
            plugins: ["EmbedSQL"]
        ),

        // The program.
        .target(
            name: "EmbeddedPostgres",
            dependencies: [.product(name: "Subprocess", package: "swift-subprocess")],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "EpisodeLedger",
            dependencies: [
                "CareEpisode", "Ledger", "Migrations", "Postgres", "ProjectionRuntime", "Projections",
                "EmbeddedPostgres", "Simulator",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        // SQL files become Swift string literals: one file deploys.
        .executableTarget(name: "embed-sql", swiftSettings: strict),
        .plugin(name: "EmbedSQL", capability: .buildTool(), dependencies: ["embed-sql"]),
    ]
)
