import CareEpisode
import Foundation
import Ledger
import Postgres
import Projections
import TestSupport
import TransparencyLog

extension Campaign {
    /// Forges packets in every way in turn, and asks both verifiers, also about untouched ones.
    ///
    /// - Parameters:
    ///   - count: how many forgeries.
    ///   - kinds: in which ways.
    public func forgedPackets(
        _ count: Int,
        _ kinds: [PacketForgery] = PacketForgery.allCases
    ) async throws -> Result {
        try await withFolder { folder in
            var random = SeededRandom(seed: seed &+ 1)
            let verifiers = Verifiers(folder: folder, zone: sealed.ledger.timeZone)
            let packets = try await packets(12)
            var result = Result()
            var tasks: [Verifiers.Task] = []
            for (number, packet) in packets.enumerated() where kinds == PacketForgery.allCases {
                let archive = ForgedArchive(reading: packet)
                let place = "\(folder)/genuine-\(number)"
                try Data(packet).write(to: URL(filePath: "\(place).zip"))
                try ForgedFolder.write(archive, to: place)
                for path in ["\(place).zip", place] {
                    for keys in [[sealed.key], []] {
                        tasks.append(self.packet(path, keys, "untouched packet", isGenuine: true))
                    }
                }
                result.made["untouched packets", default: 0] += 4
            }
            result.failures += try await verifiers.judge(tasks)
            tasks = []
            for number in 0..<count {
                let kind = kinds[number % kinds.count]
                guard let packet = packets.randomElement(using: &random),
                    let forged = kind.forge(ForgedArchive(reading: packet), &random)
                else { continue }
                let path = "\(folder)/forged-\(number)"
                // Unpacked, a folder has nothing of the archive but its files.
                let isFolder = kind.isOfFiles && random.happens(0.3)
                if isFolder {
                    try ForgedFolder.write(forged, to: path)
                } else {
                    try Data(forged.bytes).write(to: URL(filePath: path))
                }
                let what =
                    "seed \(seed), packet \(number), \(kind.rawValue)\(isFolder ? ", unpacked" : "")"
                var task = self.packet(path, [sealed.key], what, isGenuine: false)
                task.isSeenByScript = kind.isSeenByScript
                tasks.append(task)
                result.made[kind.rawValue, default: 0] += 1
                if tasks.count == 100 || number == count - 1 {
                    result.failures += try await verifiers.judge(tasks)
                    for task in tasks { try? FileManager.default.removeItem(atPath: task.path) }
                    tasks = []
                }
            }
            result.failures += try await verifiers.judge(tasks)
            return result
        }
    }

    /// Forges exports with events in every way in turn, and asks both verifiers, also about untouched
    /// ones.
    public func forgedExports(
        _ count: Int,
        _ kinds: [ExportForgery] = ExportForgery.allCases
    ) async throws -> Result {
        try await withFolder { folder in
            guard let genuine = try await sealed.export() else {
                throw NeverHappened(description: "the ledger was exported")
            }
            return try await Verifiers(folder: folder, zone: sealed.ledger.timeZone).refuse(
                count,
                kinds,
                of: .export,
                genuine,
                sealed.key,
                sealed.kept,
                seed: seed &+ 2
            )
        }
    }

    /// Declares restores that never were, in the database, and asks `verify` with the log and with the
    /// key, and both verifiers about an export.
    public func forgedDeclarations(_ count: Int) async throws -> Result {
        try await withFolder { folder in
            var random = SeededRandom(seed: seed &+ 3)
            var result = Result()
            var tasks: [Verifiers.Task] = []
            for number in 0..<count {
                let forgery = DeclarationForgery(sealed, &random)
                try await forgery.make()
                for hasLog in [true, false] {
                    let report = try await sealed.verify(
                        pinned: hasLog ? [] : [sealed.key],
                        hasLog: hasLog
                    )
                    if report.isVerified {
                        result.failures.append(
                            "seed \(seed), declaration \(number), \(hasLog ? "the log" : "a key") at hand: \(forgery)"
                        )
                    }
                }
                result.made["a declared restore that never was", default: 0] += 1
                if number % 4 == 0,
                    let path = try await sealed.export(to: "\(folder)/declared-\(number)")
                {
                    let what = "seed \(seed), declaration \(number), exported: \(forgery)"
                    tasks.append(
                        Verifiers.Task(
                            kind: .export,
                            path: path,
                            keys: [sealed.key],
                            what: what,
                            isGenuine: false
                        )
                    )
                }
                try await sealed.restore(SealedLedger.evidence)
            }
            result.failures += try await Verifiers(folder: folder, zone: sealed.ledger.timeZone)
                .judge(tasks)
            let untouched = try await sealed.verify(pinned: [sealed.key], hasLog: true)
            result.failures += untouched.faults.map { "untouched: \($0)" }
            return result
        }
    }

    private func packet(
        _ path: String,
        _ keys: [NoteVerifierKey],
        _ what: String,
        isGenuine: Bool
    ) -> Verifiers.Task {
        Verifiers.Task(kind: .packet, path: path, keys: keys, what: what, isGenuine: isGenuine)
    }

    /// Packets of some episodes, as the program makes them.
    private func packets(_ count: Int) async throws -> [[UInt8]] {
        let rows = try await sealed.superuser.query(
            """
            select distinct episode_id from event where ledger_id = \(sealed.ledger.id.rawValue)
            order by episode_id limit \(Int64(count))
            """
        )
        var packets: [[UInt8]] = []
        for row in rows {
            packets.append(
                try await EpisodePacket.archive(
                    of: row.get("episode_id"),
                    sealed.database,
                    ledger: sealed.ledger,
                    checkpoint: sealed.kept
                ).bytes
            )
        }
        return packets
    }

    // MARK: - Files

    private func withFolder(_ body: (String) async throws -> Result) async throws -> Result {
        let folder = "\(sealed.folder)/forgeries-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }
}

extension PacketForgery {
    /// Whether the forgery is one of the files, which are as forged when they are unpacked.
    fileprivate var isOfFiles: Bool {
        switch self {
        case .memberTwice, .foreignMember, .otherCase, .prepended, .appended, .gap, .twoHeaders,
            .compressed:
            false
        default: true
        }
    }
}
