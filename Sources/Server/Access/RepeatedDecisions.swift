import CareEpisode
import Ledger

/// Decisions that somebody brings about again and again: the first one is written at once, those that
/// follow once it is on disk are counted, and told in one entry a minute.
///
/// What it holds is lost with a process that ends abnormally.
struct RepeatedDecisions: Sendable {
    /// The most kinds that are counted at a time; each further one is written by itself.
    static let limit = 4_096
    /// The most episodes that an entry about repeats names.
    static let episodeLimit = 16
    /// At most one entry in such a time.
    static let interval: Duration = .seconds(60)

    /// What counts as the same: who, what, in which ledger, and what became of it.
    fileprivate struct Kind: Hashable {
        let subject: String
        let operation: String
        let isAllowed: Bool
        let failure: String?
        let ledger: LedgerID

        init(_ decision: AccessDecision, _ failure: String?, _ ledger: LedgerDescription) {
            subject = decision.subject
            operation = decision.operation
            isAllowed = decision.isAllowed
            self.failure = failure
            self.ledger = ledger.id
        }
    }

    /// An entry to write.
    struct Entry: Sendable {
        /// The last of the repeats, with their number.
        let decision: AccessDecision
        let ledger: LedgerDescription
        fileprivate let kind: Kind
        fileprivate let number: Int
        fileprivate let episodes: [EpisodeID]
        fileprivate let last: AccessDecision

        /// How many decisions it tells of.
        var count: Int { number }
    }

    private struct Repeats {
        let ledger: LedgerDescription
        var last: AccessDecision
        var writtenAt: ContinuousClock.Instant
        /// Whether the last entry could not be written: each is written by itself until one can.
        var isUnwritten = false
        var number = 0
        /// The first of the episodes that were asked for, each once.
        var episodes: [EpisodeID] = []

        mutating func add(_ decision: AccessDecision) {
            last = decision
            number += 1
            add([decision.episodeID].compactMap(\.self))
        }

        mutating func add(_ episodes: [EpisodeID]) {
            // One more than is named, so that it is known whether that were all.
            for episode in episodes
            where self.episodes.count <= RepeatedDecisions.episodeLimit
                && !self.episodes.contains(episode)
            {
                self.episodes.append(episode)
            }
        }

        /// The entry that tells of the repeats.
        func entry(_ kind: Kind) -> Entry {
            var decision = last
            var told = ["repeated \(number) times"]
            decision.episodeID = episodes.count == 1 ? episodes[0] : nil
            if episodes.count > 1 {
                let named = episodes.prefix(RepeatedDecisions.episodeLimit)
                let others = episodes.count > named.count ? " and others" : ""
                told.append(
                    "of episodes \(named.map(\.description).joined(separator: " "))\(others)"
                )
            }
            if let detail = last.detail { told.append("the last one: \(detail)") }
            decision.detail = told.joined(separator: "; ")
            return Entry(
                decision: decision,
                ledger: ledger,
                kind: kind,
                number: number,
                episodes: episodes,
                last: last
            )
        }
    }

    private var kinds: [Kind: Repeats] = [:]
    private let interval: Duration

    /// - Parameter interval: after which repeats are told.
    init(interval: Duration = Self.interval) { self.interval = interval }

    /// When the next entry may be due; nil while nothing is counted.
    var nextDue: ContinuousClock.Instant? {
        kinds.values.filter { $0.number > 0 }.map(\.writtenAt).min().map { $0 + interval }
    }

    /// Counts a decision where one of its kind is on disk.
    ///
    /// - Parameter failure: the code of what the request was answered with; nil where it was answered well.
    /// - Returns: whether it is counted; else it is to be written by itself.
    mutating func counts(
        _ decision: AccessDecision,
        _ failure: String?,
        in ledger: LedgerDescription
    ) -> Bool {
        let kind = Kind(decision, failure, ledger)
        guard let known = kinds[kind], !known.isUnwritten else { return false }
        kinds[kind]?.add(decision)
        return true
    }

    /// Takes note that a decision is on disk: those that follow are counted.
    mutating func wrote(
        _ decision: AccessDecision,
        _ failure: String?,
        in ledger: LedgerDescription,
        at now: ContinuousClock.Instant
    ) {
        let kind = Kind(decision, failure, ledger)
        if kinds[kind] != nil {
            kinds[kind]?.isUnwritten = false
            return
        }
        if kinds.count >= Self.limit { forget(now) }
        guard kinds.count < Self.limit else { return }
        kinds[kind] = Repeats(ledger: ledger, last: decision, writtenAt: now)
    }

    /// The entries that are due; all there is where there is no time to wait.
    mutating func due(at now: ContinuousClock.Instant, all: Bool = false) -> [Entry] {
        forget(now)
        var due: [Entry] = []
        for (kind, repeats) in kinds
        where repeats.number > 0 && (all || repeats.writtenAt + interval <= now) {
            due.append(repeats.entry(kind))
            kinds[kind]?.number = 0
            kinds[kind]?.episodes = []
            kinds[kind]?.writtenAt = now
        }
        return due
    }

    /// Takes back an entry that could not be written: it is told later, and until an entry of its kind is
    /// written nobody is answered without one.
    mutating func takeBack(_ entry: Entry, at now: ContinuousClock.Instant) {
        var repeats =
            kinds[entry.kind] ?? Repeats(ledger: entry.ledger, last: entry.last, writtenAt: now)
        repeats.number += entry.number
        repeats.add(entry.episodes)
        repeats.isUnwritten = true
        kinds[entry.kind] = repeats
    }

    /// An entry of repeats is on disk.
    mutating func wrote(_ entry: Entry) { kinds[entry.kind]?.isUnwritten = false }

    /// Forgets what was not repeated within the time.
    private mutating func forget(_ now: ContinuousClock.Instant) {
        kinds = kinds.filter { $0.value.number > 0 || $0.value.writtenAt + interval > now }
    }
}
