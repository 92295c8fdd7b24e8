import CareEpisode
import TestSupport
import Testing

@Suite("Effective history")
struct EffectiveHistoryTests {
    @Test("Random histories are folded as read-models.md says, at any two times")
    func againstNaive() throws {
        for seed in UInt64(1)...300 {
            var random = RandomHistories(generator: SeededRandom(seed: seed))
            let episode = random.episode(events: 25)
            for _ in 0..<12 {
                let known = Bool.random(using: &random.generator) ? random.hour() : nil
                let effective = Bool.random(using: &random.generator) ? random.hour() : nil
                let clock: KnowledgeClock =
                    Bool.random(using: &random.generator) ? .source : .ledger
                let naive = try NaiveHistory(
                    episode.history,
                    knownAt: known.map(EpisodeBuilder.time),
                    knownBy: clock,
                    effectiveAt: effective.map(EpisodeBuilder.time)
                )
                let history = try EffectiveHistory(
                    episode.history,
                    knownAt: known.map(EpisodeBuilder.time),
                    knownBy: clock,
                    effectiveAt: effective.map(EpisodeBuilder.time)
                )
                let entries = history.entries.map {
                    NaiveHistory.Entry(
                        eventID: $0.eventID,
                        type: $0.type,
                        time: $0.time,
                        position: $0.position,
                        payload: $0.payload,
                        correctedBy: $0.correctedBy
                    )
                }
                #expect(entries == naive.entries, "\(random.generator)")
                for entry in history.entries {
                    let original = try #require(
                        episode.history.first { $0.eventID == entry.eventID }
                    )
                    #expect(
                        entry.knownAt == original.knownAt && entry.recordedAt == original.recordedAt
                            && entry.version == original.version,
                        "\(random.generator)"
                    )
                }
            }
        }
    }

    @Test("The random histories hold what they are to test")
    func randomHistoriesAreRich() throws {
        var seen: Set<EventType> = []
        var corrected = 0
        var twice = 0
        var reordered = 0
        for seed in UInt64(1)...300 {
            var random = RandomHistories(generator: SeededRandom(seed: seed))
            let history = try EffectiveHistory(random.episode(events: 25).history)
            seen.formUnion(history.entries.map(\.type))
            corrected += history.entries.count { !$0.correctedBy.isEmpty }
            twice += history.entries.count { $0.correctedBy.count > 1 }
            if history.entries.map(\.position) != history.entries.map(\.position).sorted() {
                reordered += 1
            }
        }
        #expect(
            seen.isSuperset(of: [.admitted, .completed, .discharged, .steppedDown, .steppedUp])
        )
        #expect(corrected > 200)
        #expect(twice > 50)
        #expect(reordered > 100)
    }

    @Test("The later correction counts, and the time last given by any")
    func twoCorrections() throws {
        var episode = EpisodeBuilder()
        episode.append(0, .admission())
        episode.append(1, .session)
        episode.append(
            2,
            .correction(
                2,
                .sessionAttended(
                    SessionAttended(sessionID: "s", kind: .individual, minutes: 30)
                ),
                at: 5
            )
        )
        episode.append(
            3,
            .correction(
                2,
                .sessionAttended(SessionAttended(sessionID: "t", kind: .group, minutes: 45))
            )
        )
        let entry = try EffectiveHistory(episode.history).entries[1]
        #expect(entry.time == EpisodeBuilder.time(5))
        #expect(entry.correctedBy == [episode.id(3), episode.id(4)])
        guard case .sessionAttended(let session) = try entry.decode() else { throw Unexpected() }
        #expect(session.sessionID == "t" && session.minutes == 45)
    }

    @Test("Before its correction is known an entry stands as it was")
    func knownBefore() throws {
        var episode = EpisodeBuilder()
        episode.append(0, .admission())
        episode.append(1, .session)
        episode.append(2, .correction(2, .session, at: 7))
        episode.append(3, .retraction(2))
        let times = try (0..<4).map { index in
            try EffectiveHistory(
                episode.history,
                knownAt: episode.history[index].recordedAt,
                knownBy: .ledger
            ).entries.map(\.time)
        }
        #expect(
            times == [[0], [0, 1], [0, 7], [0]].map { $0.map(EpisodeBuilder.time) }
        )
    }

    @Test("Retracting the admission leaves no effective history")
    func noAdmission() throws {
        var episode = EpisodeBuilder()
        episode.append(0, .admission())
        episode.append(1, .session)
        #expect(try EffectiveHistory(episode.history).entries.count == 2)
        episode.append(2, .retraction(1))
        #expect(try EffectiveHistory(episode.history).entries.isEmpty)
        #expect(try EffectiveHistory([]).entries.isEmpty)
    }

    @Test("A payload that lacks its target is an error, not a guess")
    func unreadable() {
        var episode = EpisodeBuilder()
        episode.append(0, .admission())
        episode.append(2, .retraction(1))
        var history = episode.history
        history[1].payload = Array(#"{"reason":"r"}"#.utf8)
        #expect(throws: UnreadablePayload.self) { try EffectiveHistory(history) }
    }
}

@Suite("The life cycle, by its history")
struct LifeCyclePropertyTests {
    /// `docs/events.md`, step 4, word by word, on the effective history instead of the folded state.
    private func mayAppend(_ draft: EventDraft, to events: [HistoryEvent]) throws -> Bool {
        if events.isEmpty { return draft.type == .admitted }
        let entries = try EffectiveHistory(events).entries
        guard let admission = entries.first(where: { $0.type == .admitted }) else { return false }
        if draft.type == .admitted { return false }
        switch draft.data {
        case .entryCorrected(let correction):
            guard let target = entries.first(where: { $0.eventID == correction.targetEventID })
            else { return false }
            return (try? correction.replacement.decode(as: target.type)) != nil
        case .entryRetracted(let retraction):
            return entries.contains { $0.eventID == retraction.targetEventID }
        default: break
        }
        let end = entries.first { $0.type.isEnd }
        if draft.type.isEnd { return end == nil && draft.occurredAt >= admission.time }
        guard draft.type.kind == .transfer else { return true }
        if draft.occurredAt < admission.time { return false }
        if let end, draft.occurredAt >= end.time { return false }
        let levels = try entries.drop { $0.eventID != admission.eventID }
            .filter { $0.time <= draft.occurredAt }
            .compactMap { entry -> LevelOfCare? in
                switch try entry.decode() {
                case .admitted(let data): data.levelOfCare
                case .steppedDown(let data), .steppedUp(let data): data.toLevel
                default: nil
                }
            }
        switch draft.data {
        case .steppedDown(let step), .steppedUp(let step): return step.fromLevel == levels.last
        default: return true
        }
    }

    @Test(
        "Whatever was recorded, the state decides as the history says; recorded bytes fold the same"
    )
    func decisions() throws {
        var accepted = 0
        var refused = 0
        for seed in UInt64(1)...250 {
            var random = RandomHistories(generator: SeededRandom(seed: seed &* 7919))
            var episode = EpisodeBuilder()
            var folded = EpisodeState()
            for _ in 0..<60 {
                let draft = episode.draft(
                    random.hour(),
                    episode.history.isEmpty && accepted % 3 > 0
                        ? .admission() : random.data(episode.history)
                )
                let errors = episode.state.decide(draft)
                let expected = try mayAppend(draft, to: episode.history)
                #expect(errors.isEmpty == expected, "\(draft.type) \(errors) \(random.generator)")
                #expect(folded.decide(draft) == errors, "\(random.generator)")
                if errors.isEmpty {
                    accepted += 1
                    episode.record(draft)
                    try folded.apply(episode.history[episode.history.count - 1])
                    #expect(folded.version == episode.state.version)
                } else {
                    refused += 1
                }
            }
        }
        #expect(accepted > 2000 && refused > 2000)
    }

    @Test("A copy of a state stays as it was")
    func copies() {
        var episode = EpisodeBuilder()
        episode.append(0, .admission())
        let before = episode.state
        episode.append(1, .completion)
        let late = episode.draft(5, .programChange)
        #expect(before.decide(late) == [])
        #expect(episode.state.decide(late).map(\.code) == ["after_end"])
        #expect(before.version == Version(1) && before.eventCount == 1)
    }
}
