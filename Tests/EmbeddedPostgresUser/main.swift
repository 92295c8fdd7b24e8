// A process that uses a cluster until its standard input ends, for the tests to start and to kill.
//
//     embedded-postgres-user DATA-FOLDER [FOLDER-OF-POSTGRESQL-PROGRAMS]
//
// It prints the connection URI when the cluster is ready, or why it cannot be, and exits with 1 then.

import EmbeddedPostgres
import Glibc

var options = EmbeddedPostgres.Options(dataDirectory: CommandLine.arguments[1])
options.flushesToDisk = false
options.startTimeout = .seconds(120)
if CommandLine.arguments.count > 2 {
    options.locator = InstallationLocator(folders: [CommandLine.arguments[2]])
}
do {
    try await EmbeddedPostgres.withCluster(options) { connection in
        print(connection.uri)
        fflush(nil)
        while readLine() != nil {}
    }
} catch {
    print("failed: \(error)")
    exit(1)
}
