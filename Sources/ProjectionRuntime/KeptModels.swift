public import CareEpisode
import Ledger
public import Postgres
import Synchronization

/// What the tables hold of the episodes of the last months, kept by a process that is asked for it again
/// and again: only episodes with new events are read once more.
///
/// Exact all the same. Every look is one snapshot of the tables: it names the events since the kept
/// models, and an episode's rows change with its own events alone, or with its being parked. Another
/// generation of the rows, too many new events, or some minutes, and everything is read again.
public final class KeptModels: Sendable {
    /// The last so many days are kept: episodes that ended earlier are not.
    private let days: Int64
    /// The most read models that are kept, those of all ledgers together.
    private static let readModelLimit = 16
    /// The most episodes of one read model that are kept.
    private static let episodeLimit = 50_000
    /// The most events since the kept models that are looked at one by one.
    private static let eventLimit: Int64 = 5_000
    /// So long until everything is read again.
    private static let longest: Duration = .seconds(600)

    private struct Key: Hashable {
        let ledger: LedgerID
        let readModel: String
    }

    private struct Kept {
        let models: any Sendable
        var askedAt: ContinuousClock.Instant
    }

    private let kept = Mutex<[Key: Kept]>([:])
    /// Those of the process; nil where these are.
    private let shared: KeptModels?
    /// What was found for one answer, with what it rests on.
    private let found = Mutex<[Key: (models: any Sendable, basis: ReadModelBasis)]>([:])

    /// Keeps nothing yet.
    public init(days: Int64 = 100) {
        self.days = days
        shared = nil
    }

    private init(sharing shared: KeptModels) {
        self.shared = shared
        days = shared.days
    }

    /// The same for the parts of one answer: each read model is looked at once, in one snapshot.
    public func forOneAnswer() -> KeptModels { KeptModels(sharing: self) }

    /// What ended before this time is not kept.
    public var start: Instant { .now.advanced(bySeconds: -days * 86_400) }

    /// The models of one read model as one snapshot had them.
    struct Models<Model: Sendable>: Sendable {
        let generation: Int32
        private(set) var position: Position
        private(set) var parked: Set<EpisodeID>
        /// What ended before is not among them.
        let from: Instant
        /// When everything was read.
        let readAt: ContinuousClock.Instant
        /// Of these episodes, in order.
        private(set) var episodes: [EpisodeID]
        /// What the tables hold of each.
        private(set) var models: [Model]

        init(
            _ models: [EpisodeID: Model],
            _ basis: ReadModelBasis,
            _ generation: Int32,
            from: Instant
        ) {
            self.generation = generation
            self.from = from
            position = basis.position
            parked = Set(basis.parked)
            readAt = .now
            let sorted = models.sorted { $0.key < $1.key }
            episodes = sorted.map(\.key)
            self.models = sorted.map(\.value)
        }

        /// The same with what has become of some episodes.
        func replacing(
            _ changed: [EpisodeID],
            with fresh: [EpisodeID: Model],
            _ basis: ReadModelBasis
        ) -> Self {
            var next = self
            next.position = basis.position
            next.parked = Set(basis.parked)
            for episode in changed { next.replace(episode, with: fresh[episode]) }
            return next
        }

        private mutating func replace(_ episode: EpisodeID, with model: Model?) {
            var place = episodes.startIndex
            var rest = episodes.count
            while rest > 0 {
                let half = rest / 2
                if episodes[place + half] < episode {
                    place += half + 1
                    rest -= half + 1
                } else {
                    rest = half
                }
            }
            let isKnown = place < episodes.count && episodes[place] == episode
            switch (isKnown, model) {
            case (true, let model?): models[place] = model
            case (true, nil):
                episodes.remove(at: place)
                models.remove(at: place)
            case (false, let model?):
                episodes.insert(episode, at: place)
                models.insert(model, at: place)
            case (false, nil): break
            }
        }

        /// Whether what changed since can be read episode by episode.
        func reaches(_ basis: ReadModelBasis, _ generation: Int32) -> Bool {
            let events = basis.position.rawValue - position.rawValue
            return self.generation == generation && (0...KeptModels.eventLimit).contains(events)
                && readAt + KeptModels.longest > .now
        }
    }

    /// What was found already for the answer at hand.
    func found<Model: Sendable>(
        of ledger: LedgerID,
        _ readModel: String,
        notEndedBefore from: Instant
    ) -> (models: Models<Model>, basis: ReadModelBasis)? {
        found.withLock { found in
            guard let known = found[Key(ledger: ledger, readModel: readModel)],
                let models = known.models as? Models<Model>, models.from <= from
            else { return nil }
            return (models, known.basis)
        }
    }

    func models<Model: Sendable>(
        of ledger: LedgerID,
        _ readModel: String
    ) -> Models<Model>? {
        if let shared { return shared.models(of: ledger, readModel) }
        return kept.withLock { kept in
            let key = Key(ledger: ledger, readModel: readModel)
            kept[key]?.askedAt = .now
            return kept[key]?.models as? Models<Model>
        }
    }

    func keep<Model: Sendable>(
        _ models: Models<Model>,
        _ basis: ReadModelBasis,
        of ledger: LedgerID,
        _ readModel: String
    ) {
        let key = Key(ledger: ledger, readModel: readModel)
        if let shared {
            found.withLock { $0[key] = (models, basis) }
            return shared.keep(models, basis, of: ledger, readModel)
        }
        kept.withLock { kept in
            guard models.models.count <= Self.episodeLimit else {
                kept[key] = nil
                return
            }
            if let other = kept[key]?.models as? Models<Model>,
                other.generation == models.generation, other.position > models.position
            {
                return
            }
            kept[key] = Kept(models: models, askedAt: .now)
            guard kept.count > Self.readModelLimit else { return }
            let oldest = kept.min { $0.value.askedAt < $1.value.askedAt }
            if let oldest { kept[oldest.key] = nil }
        }
    }
}

extension ReadModel {
    /// The models of every episode that had not ended before a time, as the tables hold them, by
    /// episode.
    ///
    /// - Parameters:
    ///   - from: the time, not before ``KeptModels/start``.
    ///   - kept: those of an earlier look; nil where nothing is kept.
    ///   - read: reads the models of every episode that had not ended before a time, of some alone
    ///     where they are named.
    public func keptModels(
        notEndedBefore from: Instant,
        _ kept: KeptModels,
        read:
            @escaping @Sendable (
                PostgresConnection, Int32, Instant, [EpisodeID]?
            ) async throws -> [EpisodeID: Projection.Model]
    ) async throws -> ([Projection.Model], ReadModelBasis) {
        typealias Models = KeptModels.Models<Projection.Model>
        let before: (models: Models, basis: ReadModelBasis)? = kept.found(
            of: ledger.id,
            projection.name,
            notEndedBefore: from
        )
        if let before { return (before.models.models, before.basis) }
        let known: Models? = kept.models(of: ledger.id, projection.name)
        let (found, basis) = try await withTables {
            connection,
            generation,
            basis -> (Models, ReadModelBasis) in
            guard let known, known.from <= from, known.reaches(basis, generation) else {
                let start = kept.start
                let models = try await read(connection, generation, start, nil)
                return (Models(models, basis, generation, from: start), basis)
            }
            let changed = try await changed(since: known, basis, connection)
            let fresh =
                changed.isEmpty
                ? [:] : try await read(connection, generation, known.from, changed)
            return (known.replacing(changed, with: fresh, basis), basis)
        }
        kept.keep(found, basis, of: ledger.id, projection.name)
        return (found.models, basis)
    }

    /// The episodes whose rows may have changed since, in order.
    private func changed(
        since known: KeptModels.Models<Projection.Model>,
        _ basis: ReadModelBasis,
        _ connection: PostgresConnection
    ) async throws -> [EpisodeID] {
        let parked = known.parked.symmetricDifference(basis.parked)
        guard basis.position > known.position else { return parked.sorted() }
        let rows = try await connection.query(
            """
            select distinct episode_id from event
            where ledger_id = \(ledger.id.rawValue)
            and position > \(known.position.rawValue) and position <= \(basis.position.rawValue)
            """
        )
        return parked.union(try rows.map { try $0.get("episode_id") }).sorted()
    }
}
