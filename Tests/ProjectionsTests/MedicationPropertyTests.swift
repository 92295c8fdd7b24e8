import CareEpisode
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Medications of random episodes")
struct MedicationPropertyTests {
    private static let seeds: [UInt64] = [61, 62, 63, 64, 65, 66]

    private func histories(_ seed: UInt64) throws -> [EffectiveHistory] {
        var random = RandomMedications(seed: seed)
        let recorded = recorded(random.events(600, episodes: 10))
        return try recorded.sorted { $0.key < $1.key }.map { try EffectiveHistory($0.value) }
            .filter { !$0.entries.isEmpty }
    }

    private func course(_ history: EffectiveHistory) throws -> MedicationCourse? {
        let calendar = try LocalCalendar(timeZone: "UTC")
        return try Course(history, calendar: calendar)?.medications()
    }

    private func times(_ history: EffectiveHistory) -> [Instant] {
        Set(history.entries.map(\.time)).sorted()
    }

    @Test(
        "Intervals of a lineage follow each other, and only the last can be open",
        arguments: seeds
    )
    func intervals(_ seed: UInt64) throws {
        var held = 0
        for history in try histories(seed) {
            for time in times(history) {
                guard let course = try course(history.through(time)) else { continue }
                for lineage in course.lineages {
                    let intervals = lineage.intervals
                    #expect(!intervals.isEmpty, "seed \(seed)")
                    for (one, next) in zip(intervals, intervals.dropFirst()) {
                        #expect(one.to.map { one.from <= $0 && $0 <= next.from } ?? false)
                    }
                    #expect(intervals.allSatisfy { ($0.to == nil) == ($0.endedBy == nil) })
                    #expect(intervals.allSatisfy { $0.from <= time && $0.to ?? $0.from >= $0.from })
                    #expect(!(lineage.isOpen && lineage.hold != nil), "seed \(seed)")
                    #expect(lineage.lastEventAt >= intervals[intervals.count - 1].from)
                    held += lineage.isHeld ? 1 : 0
                }
                let ids = course.lineages.map(\.id)
                #expect(Set(ids).count == ids.count, "seed \(seed)")
            }
        }
        #expect(held > 10)
    }

    @Test("The end closes every lineage; what became known after it is flagged, and nothing else")
    func ended() throws {
        var (ended, planned, flagged) = (0, 0, 0)
        for (seed, history) in try Self.seeds.flatMap({ seed in
            try histories(seed).map { (seed, $0) }
        }) {
            guard let whole = try course(history), let end = whole.endedAt else { continue }
            ended += 1
            let course = whole.ended
            #expect(course.lineages.allSatisfy { !$0.isOpen && !$0.isHeld }, "seed \(seed)")
            let intervals = course.lineages.flatMap(\.intervals)
            #expect(intervals.allSatisfy { $0.from <= end && $0.to.map { $0 <= end } ?? false })
            #expect(
                intervals.allSatisfy { $0.endedBy != MedicationCourse.episodeEnd || $0.to == end }
            )
            // What the end cuts off is there in the whole, for the summary.
            planned += whole.changes.filter { $0.at > end }.count
            let entry = try #require(history.entries.first { $0.type.isEnd && $0.time == end })
            let late = history.entries.filter {
                $0.type == .medicationAdjusted && $0.time >= end && $0.knownAt > entry.knownAt
            }
            flagged += late.count
            #expect(
                Set(whole.flags.only(.afterEnd).flatMap(\.eventIDs)) == Set(late.map(\.eventID)),
                "seed \(seed)"
            )
        }
        #expect(ended > 5 && planned > 5 && flagged > 5)
    }

    @Test("Every entry in force is told once, as a change", arguments: seeds)
    func complete(_ seed: UInt64) throws {
        for history in try histories(seed) {
            guard let course = try course(history) else { continue }
            let entries = history.entries.filter { $0.type == .medicationAdjusted }
            #expect(course.changes.map(\.eventID) == entries.map(\.eventID), "seed \(seed)")
            // An interval for every change that is said to leave a regimen in force, and no other.
            let opened = course.lineages.flatMap(\.intervals).map(\.eventID)
            #expect(Set(opened).isSubset(of: entries.map(\.eventID) + [admission(history)]))
            for change in course.changes {
                let opens = ![.hold, .stop, .unchanged].contains(change.change)
                #expect(opens == opened.contains(change.eventID), "seed \(seed)")
                #expect(!opens || change.lineage != nil, "seed \(seed)")
            }
        }
    }

    private func admission(_ history: EffectiveHistory) -> EventID {
        history.entries.first { $0.type == .admitted }?.eventID ?? EventID(bits: 0)
    }

    @Test("What lies ahead changes nothing that was, but for orders that only start then")
    func stable() throws {
        var compared = 0
        for seed in Self.seeds {
            for history in try histories(seed) {
                guard let whole = try course(history) else { continue }
                let lastStart = history.entries.last(where: \.isStart)?.time
                for time in times(history) where lastStart.map({ $0 <= time }) ?? true {
                    guard let cut = try course(history.through(time)) else { continue }
                    compared += 1
                    #expect(whole.cut(time) == cut.cut(time), "seed \(seed)")
                    #expect(
                        whole.changes.filter { $0.at <= time } == cut.changes,
                        "seed \(seed)"
                    )
                }
            }
        }
        #expect(compared > 100)
    }

    @Test("Without stops, of entries of different times the order of recording does not matter")
    func recording() throws {
        var compared = 0
        for seed in Self.seeds {
            var generator = SeededRandom(seed: seed)
            var random = RandomMedications(seed: seed)
            for events in recorded(random.events(300, episodes: 12)).values {
                let spread = try events.filter { try !$0.type.isAmendment && !$0.isStop }
                    .enumerated().map { index, event in
                        var event = event
                        event.occurredAt = Instant(
                            microseconds: event.occurredAt.microseconds + Int64(10 * index)
                        )
                        return event
                    }
                var shuffled = spread.shuffled(using: &generator)
                for index in shuffled.indices {
                    shuffled[index].position = Position(Int64(index + 1))
                }
                let one = try course(EffectiveHistory(spread))
                let other = try course(EffectiveHistory(shuffled))
                guard let one, let other else { continue }
                compared += 1
                #expect(one.withoutPositions == other.withoutPositions, "seed \(seed)")
            }
        }
        #expect(compared > 20)
    }

    @Test("Each rule of matching, stopping and flagging is met in random episodes")
    func provoked() throws {
        var criteria: [MatchCriterion: Int] = [:]
        var flags: [MedicationFlag.Flag: Int] = [:]
        var (ordered, emptied, single) = (0, 0, 0)
        let calendar = try LocalCalendar(timeZone: "UTC")
        let seeds = Self.seeds
        for (number, history) in try seeds.flatMap({ try histories($0) }).enumerated() {
            for time in times(history) {
                let reviewed = try ReviewedMedications.fold(
                    EpisodeID(bits: UInt128(number)),
                    history,
                    effectiveAt: time,
                    calendar: calendar
                )
                guard let reviewed else { continue }
                let review = MedicationReview(
                    [reviewed],
                    others: [],
                    effectiveAt: time,
                    calendar: calendar
                )
                for flag in review.flags { flags[flag.flag, default: 0] += 1 }
                #expect(review.flags.allSatisfy { !$0.medications.isEmpty })
                // Whatever lies ahead is told once, and by what was known at the time.
                #expect(review.scheduled.allSatisfy { $0.interval.knownAt <= time })
                #expect(review.later.allSatisfy { $0.interval.knownAt > time })
                single += review.active.filter(\.isSingleDose).count
            }
            guard let course = try course(history) else { continue }
            for change in course.changes {
                if let criterion = change.matchedBy { criteria[criterion, default: 0] += 1 }
            }
            for lineage in course.lineages {
                emptied += lineage.intervals.filter(\.isEmptied).count
                ordered +=
                    lineage.isOnArrival && lineage.intervals.dropFirst().first?.startedBy == "start"
                    ? 1 : 0
            }
        }
        #expect(MatchCriterion.allCases.allSatisfy { criteria[$0, default: 0] > 10 }, "\(criteria)")
        let rare = MedicationFlag.Flag.allCases.filter { flags[$0, default: 0] < 5 }
        #expect(rare.isEmpty)
        #expect(ordered >= 3 && emptied > 20 && single > 20, "\(ordered) \(emptied) \(single)")
    }
}

extension HistoryEvent {
    fileprivate var isStop: Bool {
        get throws {
            guard type == .medicationAdjusted,
                case .medicationAdjusted(let data) = try EventData.decode(
                    type,
                    schemaVersion: 1,
                    payload: payload
                )
            else { return false }
            return data.change == .stop
        }
    }
}

extension EffectiveHistory.Entry {
    fileprivate var isStart: Bool {
        guard case .medicationAdjusted(let data)? = try? decode() else { return false }
        return data.change == .start
    }
}

extension MedicationCourse {
    /// The intervals that began up to a time, with the ends they had by then.
    fileprivate func cut(_ time: Instant) -> [[Interval]] {
        lineages.map { lineage in
            lineage.intervals.filter { $0.from <= time }.map { interval in
                var interval = interval
                if let to = interval.to, to > time {
                    (interval.to, interval.endedBy, interval.endKnownAt) = (nil, nil, nil)
                }
                return interval
            }
        }.filter { !$0.isEmpty }
    }

    fileprivate var withoutPositions: MedicationCourse {
        var course = self
        for lineage in course.lineages.indices {
            for interval in course.lineages[lineage].intervals.indices {
                course.lineages[lineage].intervals[interval].position = Position(1)
            }
        }
        return course
    }
}
