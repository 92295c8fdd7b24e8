// A process that appends what a seed says, with many writers at once, for the tests to run twice.
//
//     append-load DATABASE-URL LEDGER SEED PROCESS WRITERS EPISODES REQUESTS
//
// PROCESS is 0 or 1. What is appended follows from the seed, so that either process can send what
// the other one sends: the admissions of all episodes, and now and then a request of the other.
// A line is printed for each acknowledged event, `event ID VERSION POSITION appended|duplicate`, and
// at the end one for each kind of outcome, `outcome NAME COUNT`.

import CareEpisode
import Glibc
import Ledger
import Postgres
import Synchronization

let arguments = CommandLine.arguments
let numbers = arguments.dropFirst(3).compactMap { UInt64($0) }
guard arguments.count == 8, numbers.count == 5, let name = LedgerName(arguments[2]) else {
    print("usage: append-load DATABASE-URL LEDGER SEED PROCESS WRITERS EPISODES REQUESTS")
    exit(64)
}
// Whatever becomes of the tests: no such process outlives them for long.
alarm(120)

do {
    var configuration = try PostgresConfiguration(url: arguments[1])
    configuration.applicationName = "append-load"
    let database = LedgerDatabase(configuration, connectionLimit: 2)
    let ledger = try await database.ledger(named: name)
    let load = Load(
        seed: numbers[0],
        process: numbers[1],
        writers: numbers[2],
        episodes: numbers[3],
        requests: numbers[4]
    )
    try await Sequencer.with(database, ledger: ledger) { sequencer in
        for phase in [Load.Phase.admissions, .everything] {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<load.writers {
                    group.addTask { try await load.run(phase, writer: writer, sequencer) }
                }
                try await group.waitForAll()
            }
        }
    }
    await database.close()
    for (outcome, count) in load.outcomes.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
        print("outcome \(outcome) \(count)")
    }
    fflush(nil)
} catch {
    print("failed: \(error)")
    exit(1)
}
