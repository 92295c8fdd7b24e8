// The whole campaign of changes to sealed ledgers, as docs/audit.md describes it:
//
//     swift run -c release tampering-campaign [CHANGES] [LARGE CHANGES] [EXPORTED] [UNTOUCHED] [FORGERIES]
//
// 20,000 changes on ledgers of about 500 events, 300 on one of about 50,000, 100 of each kind found by
// the independent verifier in exports, 1,000 untouched ledgers without a false alarm, and 10,000
// forgeries of packets, exports, declared restores and access logs, none of which passes in either verifier.
// The shorter run in TamperingTests uses the same code.

import CareEpisode
import Glibc
import Ledger
import Postgres
import Tampering
import TestSupport

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
func argument(_ index: Int, _ standard: Int) -> Int {
    index < arguments.count ? arguments[index] : standard
}
let counts = (argument(0, 20_000), argument(1, 300), argument(2, 100), argument(3, 1_000))
let forgeries = argument(4, 10_000)

let began = ContinuousClock.now

/// Prints a line at once, also into a file.
func tell(_ text: String) {
    let line = Array("\(began.duration(to: .now).components.seconds) s: \(text)\n".utf8)
    _ = write(STDOUT_FILENO, line, line.count)
}

var failures: [String] = []
var made = 0

func campaign(
    _ name: String,
    episodes: Int,
    seed: UInt64,
    isCopied: Bool = true,
    _ body: (Campaign) async throws -> Campaign.Result
) async throws -> Campaign.Result {
    try await LedgerFixture.withConfiguration { configuration in
        let superuser = PostgresPool(configuration, limit: 2)
        defer { Task { await superuser.close() } }
        return try await LedgerFixture.withDatabase(configuration) { database in
            var template = Array("/tmp/el-campaign-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil, let ledger = LedgerName(name) else {
                throw NeverHappened(description: "a folder in /tmp")
            }
            let folder = String(
                decoding: template.dropLast().map(UInt8.init(bitPattern:)),
                as: UTF8.self
            )
            let sealed = try await SealedLedger(
                database,
                superuser: superuser,
                name: ledger,
                episodes: episodes,
                seed: seed,
                folder: folder,
                isCopied: isCopied
            )
            try await SealedLedger.disableTriggers(superuser)
            let result = try await body(Campaign(sealed, seed: seed))
            _ = await runningProgram(["rm", "-rf", folder])
            return result
        }
    }
}

// Ledgers of about 500 events, 500 changes on each.
for seed in 0..<UInt64((counts.0 + 499) / 500) {
    let wanted = min(500, counts.0 - Int(seed) * 500)
    let result = try await campaign("small", episodes: 12, seed: seed) {
        try await $0.changes(wanted)
    }
    made += result.made.values.reduce(0, +)
    failures += result.failures
    if seed % 4 == 3 { tell("\(made) changes, \(failures.count) failures") }
}
tell("\(made) changes of ledgers of about 500 events, \(failures.count) failures")

if counts.1 > 0 {
    let result = try await campaign("large", episodes: 1_190, seed: 1) {
        try await $0.changes(counts.1)
    }
    failures += result.failures
    let number = result.made.values.reduce(0, +)
    tell("\(number) changes of a ledger of about 50,000 events, \(failures.count) failures")
}

if counts.2 > 0 {
    let result = try await campaign("exported", episodes: 20, seed: 2) {
        try await $0.exportedChanges(counts.2)
    }
    failures += result.failures
    for (kind, number) in result.foundIndependently.sorted(by: { $0.key < $1.key }) {
        tell("independent verifier: \(number) of \"\(kind)\"")
    }
    tell("\(result.notExported) changes kept the ledger from being exported")
}

for seed in 0..<UInt64(counts.3) {
    let result = try await campaign(
        "untouched",
        episodes: 1 + Int(seed % 25),
        seed: 1_000 + seed,
        isCopied: false
    ) { campaign in
        var result = Campaign.Result()
        result.failures = try await campaign.untouched()
        return result
    }
    failures += result.failures
    if seed % 100 == 99 { tell("\(seed + 1) untouched ledgers, \(failures.count) failures") }
}

// Half of the forgeries are packets, a fifth exports, a tenth declared restores, and the rest access logs
// and their exports; 500 on a ledger.
var forged = 0
for seed in 0..<UInt64((forgeries + 499) / 500) {
    let wanted = min(500, forgeries - Int(seed) * 500)
    let result = try await campaign("forged", episodes: 12, seed: 5_000 + seed) { campaign in
        var result = try await campaign.forgedPackets(wanted / 2)
        result.add(try await campaign.forgedExports(wanted - wanted / 2 - 3 * (wanted / 10)))
        result.add(try await campaign.forgedDeclarations(wanted / 10))
        return result
    }
    let accesses = try await SealedAccessLog.with { log in
        var result = try await log.forged(wanted / 10, seed: 6_000 + seed)
        result.add(try await log.forgedExports(wanted / 10, seed: 6_000 + seed))
        return result
    }
    failures += accesses.failures
    forged += accesses.made.filter { !$0.key.hasPrefix("untouched") }.values.reduce(0, +)
    failures += result.failures
    forged += result.made.filter { !$0.key.hasPrefix("untouched") }.values.reduce(0, +)
    if seed % 4 == 3 { tell("\(forged) forgeries, \(failures.count) failures") }
}
tell("\(forged) forgeries of all kinds, \(failures.count) failures")

for failure in failures.prefix(50) { tell(failure) }
tell(failures.isEmpty ? "every change was detected, no false alarm" : "\(failures.count) failures")
exit(failures.isEmpty ? 0 : 1)
