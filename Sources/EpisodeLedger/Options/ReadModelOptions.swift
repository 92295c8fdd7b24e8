import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

/// What every question to a read model may say.
struct ReadModelOptions: ParsableArguments {
    @OptionGroup var knowledge: KnowledgeOptions

    @Flag(
        help: """
            Answer at once from what the read model has reached, and say how far it is behind the \
            head. Without it, a read model that lags is caught up first.
            """
    )
    var staleOk = false

    @OptionGroup var ledger: LedgerOptions
}

/// The census of a ledger, ready to be asked.
struct CensusSession: Sendable {
    let session: Session
    let ledger: LedgerDescription
    let query: CensusQuery
    /// Nil where the tables answer.
    let knowledge: CensusQuery.Knowledge?

    /// - Throws: ``ProjectionError`` where the read model cannot be caught up.
    init(_ session: Session, _ options: ReadModelOptions) async throws {
        self.session = session
        ledger = try await session.ledger()
        query = try CensusQuery(session.database, ledger: ledger)
        let head = try await EventReader(session.database, ledger: ledger).head()
        let knownAt = options.knowledge.knownAt?.instant(query.calendar)
        if let knownAt, let newest = head.recordedAt, knownAt < newest {
            knowledge = CensusQuery.Knowledge(at: knownAt, by: options.knowledge.knownBy)
            return
        }
        // Everything is known: the tables answer.
        knowledge = nil
        let worker = ProjectionWorker(
            try CensusProjection(ledger),
            session.database,
            ledger: ledger,
            holder: Session.holder
        )
        if options.staleOk {
            try await worker.register()
        } else {
            let progress = ProgressBar("Catching up", unit: "events")
            try await worker.catchUp(to: head.position) {
                progress.update($0.rawValue, of: head.position.rawValue)
            }
            progress.finish()
        }
    }

    /// Today in the ledger's zone.
    var today: CalendarDate { query.calendar.date(of: .now) }

    /// Up to when entries take part in an answer for a date: just before its 24:00, or now.
    func effectiveAt(_ date: CalendarDate) -> Instant {
        let end = query.calendar.startOfDay(date.adding(days: 1))
        return min(Instant(microseconds: end.microseconds - 1), .now)
    }

    /// What an answer rests on, for people.
    func note(_ basis: ReadModelBasis) -> String {
        var text = "Position \(grouped(basis.position.rawValue))"
        text += basis.lag > 0 ? ", \(grouped(basis.lag)) events behind the head" : ", the head"
        if let knownAt = basis.knownAt {
            text += "; as known at \(knownAt) by the "
            text += basis.knownBy == .source ? "source's clock where it says so" : "ledger's clock"
        }
        text += "."
        if !basis.parked.isEmpty {
            text += " May be wrong about \(basis.parked.count) parked episodes: "
            text += basis.parked.prefix(3).map(\.description).joined(separator: ", ")
            text += basis.parked.count > 3 ? ", …" : ""
        }
        return text
    }
}
