// A process that seals a ledger, for the tests to start and to kill.
//
//     ledger-sealer DATABASE-URL LEDGER FOLDER LEASE-SECONDS NAME

import CareEpisode
import Glibc
import Ledger
import Postgres

let arguments = CommandLine.arguments
guard arguments.count == 6, let name = LedgerName(arguments[2]), let lease = Double(arguments[4])
else {
    print("usage: ledger-sealer DATABASE-URL LEDGER FOLDER LEASE-SECONDS NAME")
    exit(64)
}
// Whatever becomes of the tests: no such process outlives them for long.
alarm(120)
do {
    var configuration = try PostgresConfiguration(url: arguments[1])
    configuration.applicationName = arguments[5]
    let database = LedgerDatabase(configuration, connectionLimit: 2)
    let ledger = try await database.ledger(named: name)
    var settings = Sealer.Settings()
    settings.interval = .milliseconds(5)
    settings.batch = 64
    settings.leaseSeconds = lease
    let sealer = Sealer(
        database,
        ledger: ledger,
        place: SealingPlace(
            keys: SigningKeyFile("\(arguments[3])/key"),
            log: CheckpointLog("\(arguments[3])/checkpoints")
        ),
        holder: arguments[5],
        settings: settings
    )
    try await sealer.run(feed: LiveFeed()) { print("trouble: \($0)") }
} catch {
    print("failed: \(error)")
    exit(1)
}
