// A process that keeps the census of a ledger at its head, for the tests to start and to kill.
//
//     projection-worker DATABASE-URL LEDGER BATCH-LIMIT NAME

import CareEpisode
import Glibc
import Ledger
import Postgres
import ProjectionRuntime
import Projections

let arguments = CommandLine.arguments
guard arguments.count == 5, let name = LedgerName(arguments[2]), let limit = Int(arguments[3])
else {
    print("usage: projection-worker DATABASE-URL LEDGER BATCH-LIMIT NAME")
    exit(64)
}
// Whatever becomes of the tests: no such process outlives them for long.
alarm(120)
do {
    var configuration = try PostgresConfiguration(url: arguments[1])
    configuration.applicationName = arguments[4]
    let database = LedgerDatabase(configuration, connectionLimit: 2)
    let ledger = try await database.ledger(named: name)
    let worker = ProjectionWorker(
        try CensusProjection(ledger),
        database,
        ledger: ledger,
        holder: arguments[4],
        batchLimit: limit
    )
    try await worker.run(feed: LiveFeed()) { print("trouble: \($0)") }
} catch {
    print("failed: \(error)")
    exit(1)
}
