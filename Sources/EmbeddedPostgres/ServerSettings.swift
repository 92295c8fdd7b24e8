/// The settings of the server.
enum ServerSettings {
    /// Written to `postgresql.conf` when the cluster is made; the user may change them there.
    static let initial: [(name: String, value: String)] = [
        ("max_connections", "100"),
        ("shared_buffers", "256MB"),
        // Imports and rebuilds write much at once: fewer checkpoints, and fewer bytes.
        ("max_wal_size", "4GB"),
        ("wal_compression", "on"),
        // The disks of today's machines read at random nearly as fast as in order.
        ("random_page_cost", "1.1"),
        // Compiling costs more than it saves in statements as short as ours.
        ("jit", "off"),
    ]

    /// Passed at each start, since privacy and safety depend on them.
    static func enforced(
        _ options: EmbeddedPostgres.Options,
        socketFolder: String
    ) -> [(name: String, value: String)] {
        let flushes = options.flushesToDisk ? "on" : "off"
        return [
            // No network, and a socket that only the cluster's user (and root) may open.
            ("listen_addresses", ""),
            ("port", "\(SocketFolder.port)"),
            ("unix_socket_directories", socketFolder),
            ("unix_socket_permissions", "0700"),
            ("ssl", "off"),
            ("fsync", flushes),
            ("full_page_writes", flushes),
            ("synchronous_commit", "on"),
            ("autovacuum", "on"),
            ("TimeZone", "UTC"),
            ("log_timezone", "UTC"),
            // No health information in the server's log. The messages of warnings and errors quote
            // values, and their details whole rows, so that only the server's own events are logged.
            ("log_destination", "stderr"),
            ("logging_collector", "off"),
            ("log_min_messages", "log"),
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "panic"),
            ("log_statement", "none"),
            ("log_min_duration_statement", "-1"),
            ("log_min_duration_sample", "-1"),
            ("log_transaction_sample_rate", "0"),
            ("log_parameter_max_length", "0"),
            ("log_parameter_max_length_on_error", "0"),
            ("log_checkpoints", "off"),
            (NameSpace.setting, NameSpace.current),
        ] + options.settings
    }

    /// The settings as options of `postgres`, for the shell that `pg_ctl` starts it with.
    static func commandLine(_ settings: [(name: String, value: String)]) -> String {
        settings.map { "-c \(shellQuoted("\($0.name)=\($0.value)"))" }.joined(separator: " ")
    }

    /// The settings as lines of `postgresql.conf`.
    static func file(_ settings: [(name: String, value: String)]) -> String {
        settings.map { "\($0.name) = '\($0.value)'\n" }.joined()
    }

    private static func shellQuoted(_ text: String) -> String {
        "'"
            + text.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: "'\\''"
            )
            + "'"
    }
}
