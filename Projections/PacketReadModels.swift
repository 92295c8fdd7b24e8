public import CareEpisode
public import Ledger
import ProjectionRuntime
public import TransparencyLog

/// The read models that go along with the packet of an episode: a pure function of its events, the
/// size of the checkpoint and one instant, so that whoever has the packet can fold them again.
public struct PacketReadModels: Sendable {
    private static let folder = "read-models"

    /// What they rest on, in the packet as `read-models/basis.json`.
    public struct Basis: Sendable, Hashable {
        /// IANA name of the ledger's zone.
        public let timeZone: String
        /// The size of the checkpoint: later events take no part.
        public let position: Position
        /// The effective time and the knowledge time: when the newest event that the checkpoint covers
        /// was recorded.
        public let at: Instant
        /// What the ledger had set by then.
        public let settings: LedgerSettings

        /// What read models rest on.
        ///
        /// - Parameter settings: of those that were recorded later nothing is kept.
        public init(timeZone: String, position: Position, at: Instant, settings: LedgerSettings) {
            self.timeZone = timeZone
            self.position = position
            self.at = at
            self.settings = settings.known(at: at)
        }

        /// Reads `read-models/basis.json`; nil where it is none.
        public init?(_ json: [UInt8]) {
            let object = CanonicalObject(json)
            guard let zone = object.string("time_zone"), let position = object.int("position"),
                let instant = object.instant("at")
            else { return nil }
            var settings: [LedgerSetting] = []
            let recorded = object.objects("settings") ?? []
            guard recorded.count <= LedgerDatabase.settingLimit else { return nil }
            for json in recorded {
                guard let setting = LedgerSetting(json) else { return nil }
                settings.append(setting)
            }
            self.init(
                timeZone: zone,
                position: Position(Int64(position)),
                at: instant,
                settings: LedgerSettings(settings)
            )
        }

        var json: AnswerJSON {
            .object(
                [("at", .instant(at)), ("position", .integer(position.rawValue))]
                    // Without any, as in packets of programs that knew of none.
                    + (settings.entries.isEmpty ? [] : [("settings", settings.entries.json)])
                    + [("time_zone", .string(timeZone))]
            )
        }
    }

    /// The file with the basis.
    public static let basisName = "\(folder)/basis.json"

    /// The files, in the order in which they stand in a packet.
    public let documents: [EpisodePacket.Document]

    /// Folds the events of an episode.
    ///
    /// - Parameters:
    ///   - events: all of the episode's that the checkpoint covers, by version.
    ///   - episode: whose.
    ///   - ledger: the ledger's name.
    ///   - basis: what the answers rest on.
    ///   - checkpoint: what covers them.
    /// - Throws: what makes the history unreadable, or the zone unknown.
    public init(
        _ events: [RecordedEvent],
        of episode: EpisodeID,
        ledger: LedgerName,
        basis: Basis,
        checkpoint: TreeCheckpoint
    ) throws {
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 0),
            name: ledger,
            timeZone: basis.timeZone
        )
        let calendar = try LocalCalendar(timeZone: basis.timeZone)
        let known = ReadModelBasis(position: basis.position, head: basis.position)
        var answers: [(name: String, json: AnswerJSON)] = [("basis", basis.json)]
        for clock in [KnowledgeClock.source, .ledger] {
            let replay = try Replay(events, knownBy: clock, effectiveAt: nil)
            answers.append(
                (
                    "replay-by-\(clock.rawValue)-clock",
                    ReplayAnswer(
                        ledger: ledger.name,
                        episodeID: episode,
                        knownBy: clock,
                        replay: replay,
                        state: try CensusProjection(ledger).fold(episode, replay.history)
                    ).json
                )
            )
        }
        let history = try EffectiveHistory(events.map(\.history))
        if let attendance = try EpisodeAttendance.fold(
            history,
            effectiveAt: basis.at,
            calendar: calendar,
            settings: AttendanceSettings(ledger: basis.settings)
        ) {
            var rests = known
            rests.settings = attendance.settings
            answers.append(
                ("attendance", attendance.json(episode, ledger, effectiveAt: basis.at, rests))
            )
        }
        if let medications = try ReviewedMedications.fold(
            episode,
            history,
            effectiveAt: basis.at,
            calendar: calendar
        ) {
            let reviewed = medications.with(basis.settings, on: calendar.date(of: basis.at))
            var rests = known
            rests.settings = [reviewed.settings.by].compactMap { $0 }
            let review = EpisodeMedicationReview(
                episodeID: episode,
                // A packet has the events of one episode: others of the client are not looked for.
                review: MedicationReview(
                    [reviewed],
                    others: nil,
                    effectiveAt: basis.at,
                    calendar: calendar
                ),
                basis: rests
            )
            answers.append(("medication-review", review.json(ledger, rests)))
        }
        if let summary = try DischargeSummaryQuery.fold(episode, history, calendar, basis.at) {
            var answer = DischargeSummaryAnswer(
                summary: summary,
                effectiveAt: basis.at,
                basis: known,
                clock: .source
            )
            answer.checkpoint = checkpoint
            answers.append(("discharge-summary", answer.json(ledger, known)))
        }
        documents = answers.map { answer in
            EpisodePacket.Document(
                name: "\(Self.folder)/\(answer.name).json",
                bytes: answer.json.bytes + [0x0A]
            )
        }
    }
}

extension EpisodePacket {
    /// The packet of an episode as of a checkpoint, read models and all.
    ///
    /// - Parameters:
    ///   - episode: whose.
    ///   - database: where the ledger is.
    ///   - ledger: which.
    ///   - checkpoint: what proves the events.
    /// - Returns: the ZIP archive, the same bytes for the same state and checkpoint, and the number of
    ///   events in it.
    /// - Throws: ``LedgerError/unknownEpisode(_:)`` where the checkpoint covers none of its events.
    public static func archive(
        of episode: EpisodeID,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        checkpoint: SignedCheckpoint
    ) async throws -> (bytes: [UInt8], events: Int) {
        let packet = try await EpisodePacket(
            of: episode,
            database,
            ledger: ledger,
            checkpoint: checkpoint
        )
        let models = try PacketReadModels(
            packet.recordedEvents,
            of: episode,
            ledger: ledger.name,
            basis: PacketReadModels.Basis(
                timeZone: ledger.timeZone,
                position: Position(checkpoint.checkpoint.size),
                at: packet.newest.recordedAt,
                settings: try await database.settings(of: ledger)
            ),
            checkpoint: checkpoint.checkpoint
        )
        return (try packet.archive(with: models.documents), packet.events.count)
    }
}
