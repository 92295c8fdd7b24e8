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

/// Tests are not optimized, where the rest is: it would take longer than it saves.
let tests: [SwiftSetting] = strict + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let package = Package(
    name: "episode-ledger",
    products: [
        .executable(name: "episode-ledger", targets: ["EpisodeLedger"]),
        .library(name: "Ledger", targets: ["Ledger", "CareEpisode", "Postgres"]),
        // For Benchmarks/, which is a package of its own.
        .library(
            name: "LedgerTools",
            targets: [
                "Simulator", "EmbeddedPostgres", "Migrations", "ProjectionRuntime", "Projections",
            ]
        ),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
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

        // The Merkle tree, signed notes and checkpoints, pure.
        .target(
            name: "TransparencyLog",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict
        ),

        // The ledger and its schema.
        .target(
            name: "Migrations",
            dependencies: ["Postgres", .product(name: "Crypto", package: "swift-crypto")],
            path: "Migrations",
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),
        .target(
            name: "Ledger",
            dependencies: [
                "CareEpisode", "Postgres", "Migrations", "TransparencyLog",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),

        // What people read: blocks and text; HTML.
        .target(name: "Documents", swiftSettings: strict),
        .target(
            name: "Markup",
            dependencies: ["Documents"],
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),

        // The read models.
        .target(
            name: "ProjectionRuntime",
            dependencies: [
                "Documents", "Ledger", "CareEpisode", "Postgres",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "Projections",
            dependencies: [
                "Documents", "ProjectionRuntime", "Ledger", "CareEpisode", "Postgres",
                "TransparencyLog",
            ],
            path: "Projections",
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),

        // The pages, pure: they know no server.
        .target(
            name: "Pages",
            dependencies: [
                "CareEpisode", "Documents", "Ledger", "Markup", "ProjectionRuntime", "Projections",
            ],
            swiftSettings: strict,
            plugins: ["EmbedText"]
        ),

        // The service.
        .target(
            name: "Server",
            dependencies: [
                "CareEpisode", "Documents", "Ledger", "Markup", "Migrations", "Pages", "Postgres",
                "ProjectionRuntime", "Projections", "TransparencyLog",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        // The program.
        .target(
            name: "EmbeddedPostgres",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "EpisodeLedger",
            dependencies: [
                "CareEpisode", "Documents", "Ledger", "Markup", "Migrations", "Postgres",
                "ProjectionRuntime", "Projections", "EmbeddedPostgres", "Server", "Simulator",
                "TransparencyLog",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict
        ),

        // SQL, Python, Markdown, CSS and CSV files become Swift string literals: one file deploys.
        .executableTarget(name: "embed-text", swiftSettings: strict),
        .plugin(name: "EmbedText", capability: .buildTool(), dependencies: ["embed-text"]),

        // Tests, and the programs that some of them start and kill.
        .target(
            name: "TestSupport",
            dependencies: ["CareEpisode", "Ledger", "Migrations", "Postgres"],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        .testTarget(
            name: "PostgresTests",
            dependencies: ["Postgres", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "CareEpisodeTests",
            dependencies: ["CareEpisode", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "SimulatorTests",
            dependencies: ["Simulator", "CareEpisode"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "MigrationsTests",
            dependencies: ["Migrations", "Ledger", "CareEpisode", "Postgres", "TestSupport"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "LedgerTests",
            dependencies: [
                "Ledger", "Migrations", "CareEpisode", "Postgres", "TestSupport",
                "TransparencyLog", "ledger-sealer",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: tests
        ),
        .executableTarget(
            name: "ledger-sealer",
            dependencies: ["CareEpisode", "Ledger", "Postgres"],
            path: "Tests/SealerProcess",
            swiftSettings: strict
        ),
        .target(
            name: "ProjectionTestSupport",
            dependencies: ["CareEpisode", "Postgres", "Ledger", "TestSupport"],
            path: "Tests/ProjectionTestSupport",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "projection-worker",
            dependencies: [
                "CareEpisode", "Ledger", "Postgres", "ProjectionRuntime", "Projections",
            ],
            path: "Tests/ProjectionWorkerProcess",
            swiftSettings: strict
        ),
        .testTarget(
            name: "DocumentsTests",
            dependencies: ["Documents", "Markup"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ProjectionRuntimeTests",
            dependencies: [
                "CareEpisode", "Postgres", "Ledger", "ProjectionRuntime", "Projections",
                "TestSupport", "ProjectionTestSupport", "projection-worker",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ProjectionsTests",
            dependencies: [
                "CareEpisode", "Documents", "Markup", "Postgres", "Ledger", "ProjectionRuntime",
                "Projections",
                "Simulator", "TestSupport", "ProjectionTestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "PagesTests",
            dependencies: [
                "CareEpisode", "Documents", "Ledger", "Markup", "Pages", "ProjectionRuntime",
                "Projections", "ProjectionTestSupport",
            ],
            exclude: ["Golden"],
            swiftSettings: tests
        ),
        .testTarget(
            name: "TransparencyLogTests",
            dependencies: ["TransparencyLog", "TestSupport"],
            exclude: ["Vectors"],
            swiftSettings: tests
        ),
        .target(
            name: "Tampering",
            dependencies: [
                "CareEpisode", "Ledger", "Postgres", "ProjectionRuntime", "Projections",
                "Simulator", "TestSupport", "TransparencyLog",
            ],
            path: "Tests/Tampering",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "tampering-campaign",
            dependencies: ["CareEpisode", "Ledger", "Postgres", "Tampering", "TestSupport"],
            path: "Tests/TamperingCampaign",
            swiftSettings: strict
        ),
        .testTarget(
            name: "TamperingTests",
            dependencies: [
                "CareEpisode", "Ledger", "Postgres", "Tampering", "TestSupport", "TransparencyLog",
            ],
            swiftSettings: tests
        ),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "CareEpisode", "EpisodeLedger", "Ledger", "Markup", "Postgres", "ProjectionRuntime",
                "Projections", "Server", "Simulator", "TestSupport", "TransparencyLog",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: tests
        ),
        .executableTarget(
            name: "append-load",
            dependencies: ["CareEpisode", "Ledger", "Postgres"],
            path: "Tests/AppendLoadProcess",
            swiftSettings: strict
        ),
        .testTarget(
            name: "EpisodeLedgerTests",
            dependencies: [
                "CareEpisode", "Postgres", "TestSupport", "EpisodeLedger", "append-load",
            ],
            exclude: ["Golden", "GoldenEpisodes"],
            swiftSettings: tests
        ),
        .executableTarget(
            name: "embedded-postgres-user",
            dependencies: ["EmbeddedPostgres"],
            path: "Tests/EmbeddedPostgresUser",
            swiftSettings: strict
        ),
        .testTarget(
            name: "EmbeddedPostgresTests",
            dependencies: ["EmbeddedPostgres", "TestSupport", "embedded-postgres-user"],
            swiftSettings: tests
        ),
    ]
)

// For the thread sanitizer, which looks at the client alone: Scripts/test then builds nothing else.
if Context.environment["EPISODE_LEDGER_TARGETS"] == "client" {
    let names = [
        "CLibPQ", "Postgres", "CareEpisode", "TransparencyLog", "Migrations", "Ledger",
        "TestSupport",
        "PostgresTests", "embed-text", "EmbedText",
    ]
    package.products = []
    package.targets.removeAll { !names.contains($0.name) }
    package.dependencies.removeAll { dependency in
        guard case .sourceControl(_, let location, _) = dependency.kind else { return false }
        return !["swift-crypto", "swift-collections", "swift-metrics"].contains {
            location.hasSuffix("/\($0)")
        }
    }
}
