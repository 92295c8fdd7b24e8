import CareEpisode
public import Ledger
import ProjectionRuntime
import TransparencyLog

extension CensusStays {
    private static let basisName = LogExport.documentNames[0]
    private static let staysName = LogExport.documentNames[1]

    /// Folds the events of an export again, and compares the stays in it.
    ///
    /// Which position they reflect, and the zone, are what the export says of itself: both are told.
    ///
    /// - Parameters:
    ///   - export: one whose events are in order.
    ///   - report: what was found about it, with its checkpoint.
    /// - Throws: what keeps a file from being read.
    public static func compare(
        _ export: ExportVerification,
        _ report: inout VerificationReport
    ) async throws {
        guard let stored = try await export.file(staysName),
            let bytes = try await export.file(basisName), let basis = ExportBasis(bytes),
            let checkpoint = report.newest,
            (0...checkpoint.size).contains(basis.position.rawValue),
            let projection = try? CensusProjection(basis.ledger)
        else {
            report.add(.file("\(basisName) is not of this export"))
            return
        }
        guard stored.count(where: { $0 == 0x0A }) <= checkpoint.size,
            var stays = byEpisode(stored[...])
        else {
            report.add(.readModel("\(staysName) is not a stay a line, by episode"))
            return
        }
        var (found, parked) = (report, basis.parked)
        try await export.forEachEpisode(in: checkpoint, through: basis.position) {
            episode,
            events,
            isWhole in
            let stored = stays.removeValue(forKey: episode) ?? []
            // Without an admission that counts there is no stay.
            var census: EpisodeCensus?
            if parked.remove(episode) != nil {
                let part = longestPart(projection, episode, events.map(\.history), isWhole)
                guard let part else { return found.add(falselyParked(episode)) }
                census = part.census
                found.add(
                    notice: "episode \(episode) is parked: its stays are those of its "
                        + "version \(part.count), the next event cannot be folded"
                )
            } else if isWhole, let history = history(events) {
                census = try? projection.fold(episode, history)
            }
            let lines = rows(episode, census).flatMap { line($0, census) }
            if !stored.elementsEqual(lines) {
                found.add(fault(episode, events.last?.history.position))
            }
        }
        for episode in stays.keys.sorted() {
            found.add(.readModel("\(staysName) has stays of \(episode), which has no events"))
        }
        for episode in parked.sorted() { found.add(falselyParked(episode)) }
        found.add(
            readModel: "the census of the export",
            basis: "as of position \(basis.position) of \(checkpoint.size)"
        )
        found.add(timeZone: basis.ledger.timeZone)
        report = found
    }

    /// The events as this program records them; nil where one is not.
    private static func history(_ events: [RecordedEvent]) -> EffectiveHistory? {
        for event in events {
            guard let draft = try? event.draft(), draft.payload() == event.history.payload else {
                return nil
            }
        }
        return try? EffectiveHistory(events.map(\.history))
    }

    /// What the stays of a parked episode rest on: its events before the first that cannot be folded; nil
    /// where there is none.
    private static func longestPart(
        _ projection: CensusProjection,
        _ episode: EpisodeID,
        _ events: [HistoryEvent],
        _ isWhole: Bool
    ) -> (count: Int, census: EpisodeCensus?)? {
        do {
            let census = try projection.fold(episode, events)
            return isWhole ? nil : (events.count, census)
        } catch {
            let part = projection.foldLongestPart(episode, events)
            return (part.count, part.model)
        }
    }

    private static func falselyParked(_ episode: EpisodeID) -> EvidenceFault {
        EvidenceFault(
            .readModel(
                "\(basisName) says that episode \(episode) is parked, which has no event that cannot "
                    + "be folded"
            )
        )
    }

    private static func fault(_ episode: EpisodeID, _ newest: Position?) -> EvidenceFault {
        EvidenceFault(
            .readModel(
                "\(staysName): the stays of episode \(episode) are not what its events lead to"
            ),
            at: newest
        )
    }

    /// The lines of each episode, which follow each other; nil where that is not so.
    private static func byEpisode(
        _ bytes: ArraySlice<UInt8>
    ) -> [EpisodeID: ArraySlice<UInt8>]? {
        var stays: [EpisodeID: ArraySlice<UInt8>] = [:]
        var last: EpisodeID?
        var rest = bytes
        while !rest.isEmpty {
            guard let end = rest.firstIndex(of: 0x0A),
                let id = CanonicalObject(rest[..<end]).string("episode_id"),
                let episode = EpisodeID(id)
            else { return nil }
            let start = last == episode ? stays[episode]?.startIndex : rest.startIndex
            guard let start, last.map({ $0 <= episode }) ?? true else { return nil }
            stays[episode] = bytes[start...end]
            last = episode
            rest = rest[(end + 1)...]
        }
        return stays
    }
}

/// What the stays of an export rest on, as it says itself.
private struct ExportBasis {
    let position: Position
    let ledger: LedgerDescription
    let parked: Set<EpisodeID>

    /// Reads the file; nil where it is not written as an export writes it.
    init?(_ bytes: [UInt8]) {
        let object = CanonicalObject(bytes.last == 0x0A ? bytes.dropLast() : bytes[...])
        guard let position = object.int("position"), let zone = object.string("time_zone"),
            let list = object.rawValue("parked"), list.count >= 2
        else { return nil }
        let parked = list.dropFirst().dropLast().split(separator: UInt8(ascii: ","))
            .map { EpisodeID(String(decoding: $0.dropFirst().dropLast(), as: UTF8.self)) }
        let json: AnswerJSON = [
            "position": .integer(Int64(position)), "time_zone": .string(zone),
            "parked": Set(parked.compactMap { $0 }).sorted().json,
        ]
        guard json.bytes.elementsEqual(bytes.dropLast()), bytes.last == 0x0A else { return nil }
        self.position = Position(Int64(position))
        self.parked = Set(parked.compactMap { $0 })
        ledger = LedgerDescription(id: LedgerID(rawValue: 0), name: .default, timeZone: zone)
    }
}
