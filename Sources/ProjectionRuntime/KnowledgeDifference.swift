public import CareEpisode
public import Ledger

/// A part of an answer under a name of its own, so that two answers can be compared.
public struct AnswerItem: Sendable {
    /// Unique within the answer, such as `groups/iop-day/intensive_outpatient`.
    public var name: String
    /// What the answer says there.
    public var value: AnswerJSON

    /// A named part.
    public init(_ name: String, _ value: AnswerJSON) {
        self.name = name
        self.value = value
    }
}

/// What differs in an answer between two knowledge times, and which events made the difference.
public struct KnowledgeDifference: Sendable {
    /// One part that differs.
    public struct Change: Sendable {
        /// The part's name.
        public var item: String
        /// What the answer said at the first time; nil where it had no such part.
        public var before: AnswerJSON?
        /// What it said at the second time; nil where it had no such part any more.
        public var after: AnswerJSON?
        /// The events that became known in between and without which the part would be another.
        public var because: [EventID]
    }

    /// The earlier knowledge time.
    public var first: Instant
    /// The later knowledge time.
    public var second: Instant
    /// Which clock they are on.
    public var clock: KnowledgeClock
    /// By the order of the items.
    public var changes: [Change]
    /// What the comparison rests on.
    public var basis: ReadModelBasis
}

extension HistoryFold {
    /// Where leaving out each event that an episode learned would fold more events than this, all of
    /// them are named.
    static let singleOutLimit = 200_000

    /// Compares an answer at two knowledge times.
    ///
    /// An event made a difference where the later answer would be another without it alone; where
    /// that is true of none, as of two corrections that say the same, or to find out would take too
    /// long, all that the episode learned are named.
    ///
    /// - Parameters:
    ///   - episodes: which take part.
    ///   - first: the earlier knowledge time.
    ///   - second: the later one.
    ///   - clock: which clock they are on.
    ///   - through: the position up to which events take part; nil for the head.
    ///   - settings: what the fold goes by besides the history, each as it was known at its time.
    ///   - fold: as for ``run(of:known:through:_:)``.
    ///   - items: the answer's parts; called with all episodes, and with single ones to see what
    ///     each contributes.
    public func difference<Part: Sendable>(
        of episodes: EpisodeChoice = .all,
        from first: Instant,
        to second: Instant,
        by clock: KnowledgeClock,
        through: Position? = nil,
        settings: LedgerSettings = LedgerSettings(),
        fold: @escaping @Sendable (EpisodeID, EffectiveHistory) throws -> Part?,
        items: @escaping @Sendable ([Part]) -> [AnswerItem]
    ) async throws -> KnowledgeDifference {
        let newest = try await EventReader(database, ledger: ledger).head().position
        let head = through ?? newest
        var chosen: Set<EpisodeID>? = []
        for time in [first, second] {
            let known = Knowledge(at: time, by: clock)
            let some = try await episodes.choose(self, known, head)
            chosen = some.flatMap { chosen?.union($0) }
        }
        let comparison = EpisodeComparison(
            first: first,
            second: second,
            clock: clock,
            haveSettingsChanged: settings.known(at: first) != settings.known(at: second),
            fold: fold,
            items: items
        )
        let found = try await each(of: chosen?.sorted(), through: head) {
            try comparison.compare($0, $1)
        }
        var because: [String: [EventID]] = [:]
        for part in found.parts { because.merge(part.because) { $0 + $1 } }
        let changes = answerChanges(
            items(found.parts.compactMap(\.before)),
            items(found.parts.compactMap(\.after))
        )
        var basis = ReadModelBasis(position: head, head: newest, parked: found.parked)
        basis.calendar = try LocalCalendar(timeZone: ledger.timeZone)
        return KnowledgeDifference(
            first: first,
            second: second,
            clock: clock,
            changes: changes.map { change in
                var change = change
                change.because = because[change.item] ?? []
                return change
            },
            basis: basis
        )
    }
}

/// Compares one episode's part of an answer at two knowledge times.
private struct EpisodeComparison<Part: Sendable>: Sendable {
    let first: Instant
    let second: Instant
    let clock: KnowledgeClock
    let haveSettingsChanged: Bool
    let fold: @Sendable (EpisodeID, EffectiveHistory) throws -> Part?
    let items: @Sendable ([Part]) -> [AnswerItem]

    struct Result: Sendable {
        var before: Part?
        var after: Part?
        var because: [String: [EventID]] = [:]
    }

    func compare(_ episode: EpisodeID, _ events: [HistoryEvent]) throws -> Result? {
        let learned = events.filter {
            let time = $0.knowledgeTime(clock)
            return time > first && time <= second
        }.map(\.eventID)
        var result = Result()
        result.after = try part(episode, events, second)
        guard !learned.isEmpty || haveSettingsChanged else {
            result.before = result.after
            return result
        }
        result.before = try part(episode, events, first)
        let after = items([result.after].compactMap { $0 })
        let changes = answerChanges(items([result.before].compactMap { $0 }), after)
        guard !changes.isEmpty else { return result }
        if learned.count * events.count <= HistoryFold.singleOutLimit {
            let changed = Set(changes.map(\.item))
            for event in learned {
                try Task.checkCancellation()
                let without = try part(episode, events.filter { $0.eventID != event }, second)
                for change in answerChanges(after, items([without].compactMap { $0 }))
                where changed.contains(change.item) {
                    result.because[change.item, default: []].append(event)
                }
            }
        }
        // What the settings alone have changed is because of no event.
        var bySettings: Set<String> = []
        if haveSettingsChanged {
            let known = events.filter { $0.knowledgeTime(clock) <= first }
            let unlearned = try part(episode, known, second)
            let others = answerChanges(items([unlearned].compactMap { $0 }), after).map(\.item)
            bySettings = Set(changes.map(\.item)).subtracting(others)
        }
        for change in changes
        where result.because[change.item] == nil && !bySettings.contains(change.item) {
            result.because[change.item] = learned
        }
        return result
    }

    private func part(
        _ episode: EpisodeID,
        _ events: [HistoryEvent],
        _ time: Instant
    ) throws -> Part? {
        try fold(episode, EffectiveHistory(events, knownAt: time, knownBy: clock))
    }
}

/// The parts in which two answers differ, in the order of their names' first appearance.
///
/// - Parameter because: the events that made the difference, where they are known already.
func answerChanges(
    _ before: [AnswerItem],
    _ after: [AnswerItem],
    because: [EventID] = []
) -> [KnowledgeDifference.Change] {
    let old = Dictionary(before.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let new = Dictionary(after.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let names = after.map(\.name) + before.map(\.name).filter { new[$0] == nil }
    return names.compactMap { name in
        let (left, right) = (old[name], new[name])
        guard left?.bytes != right?.bytes else { return nil }
        return KnowledgeDifference.Change(item: name, before: left, after: right, because: because)
    }
}
