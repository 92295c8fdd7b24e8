import CareEpisode
import Testing

@testable import Simulator

/// What the read models must get right is there to be got right: each kind, counted in 200 episodes.
@Suite("Kinds of what happens")
struct KindsTests {
    static let simulated = Result { try SimulatedLines(episodes: 200, seed: 1) }
    static let calendar = Result { try LocalCalendar(timeZone: "America/New_York") }

    /// The changes of one episode, as they were recorded, after what its client arrived on.
    struct Course {
        let home: [ArrivalMedication]
        let changes: [(change: MedicationAdjusted, at: Instant, knownAt: Instant)]
        let end: (at: Instant, knownAt: Instant)?

        init(_ lines: [SimulatedLines.Line]) {
            home = lines.compactMap { line in
                if case .admitted(let admission) = line.draft.data {
                    admission.medications
                } else {
                    nil
                }
            }.joined().map { $0 }
            changes = lines.compactMap { line in
                guard case .medicationAdjusted(let change) = line.draft.data else { return nil }
                return (change, line.draft.occurredAt, line.knownAt)
            }
            end = lines.last { $0.draft.type.isEnd }.map { ($0.draft.occurredAt, $0.knownAt) }
        }

        /// The changes that are so, each told the last change or arrival of the same medication before.
        func count(
            _ isCounted: (_ change: MedicationAdjusted, _ before: (Medication, Regimen?)?) -> Bool
        ) -> Int {
            var last: [Substring: (Medication, Regimen?)] = [:]
            for arrival in home {
                if let drug = Formulary.drug(of: arrival.medication) {
                    last[drug.ingredient] = (arrival.medication, arrival.regimen)
                }
            }
            return changes.count { entry in
                guard let drug = Formulary.drug(of: entry.change.medication) else { return false }
                let before = last[drug.ingredient]
                last[drug.ingredient] =
                    (entry.change.medication, entry.change.regimen ?? before?.1)
                return isCounted(entry.change, before)
            }
        }

        /// The changes that were known when the end was and take effect later, or at its own instant.
        func planned(_ change: MedicationChange, atEnd: Bool = false) -> Int {
            guard let end else { return 0 }
            return changes.count {
                $0.change.change == change && $0.knownAt <= end.knownAt
                    && (atEnd ? $0.at == end.at : $0.at > end.at)
            }
        }
    }

    static let medicationKinds: [(String, @Sendable (Course) -> Int)] = [
        ("brands", { course in course.home.count { Formulary.isBrand($0.medication) } }),
        (
            "strengths by a new order or none",
            {
                $0.count { change, before in
                    [.increase, .decrease].contains(change.change) && before != nil
                        && change.medication.strength != before?.0.strength
                }
            }
        ),
        (
            "split doses",
            {
                $0.count { change, before in
                    change.change == .start && before?.1?.frequency == "at bedtime"
                        && change.regimen?.frequency == "every morning"
                }
            }
        ),
        (
            "single doses",
            {
                $0.count { change, _ in
                    ["once", "single dose", "x1"].contains(change.regimen?.frequency)
                }
            }
        ),
        (
            "injections every week",
            { $0.count { $0.regimen?.frequency == "weekly" ? $1 != nil : false } }
        ),
        (
            "injections every four weeks",
            {
                $0.count { change, _ in
                    change.regimen?.timesPerDay.map { abs($0 * 28 - 1) < 0.001 } ?? false
                }
            }
        ),
        (
            "home medication ordered here",
            {
                $0.count { change, before in
                    change.change == .start && change.medication.orderID != nil
                        && before.map { $0.0.orderID == nil } ?? false
                }
            }
        ),
        ("decreases planned for after the end", { $0.planned(.decrease) }),
        ("stops planned for after the end", { $0.planned(.stop) }),
        ("starts planned for after the end", { $0.planned(.start) }),
        ("injections at the end's own instant", { $0.planned(.changeRoute, atEnd: true) }),
        (
            "stops by the generic name",
            {
                $0.count { change, _ in
                    change.change == .stop
                        && change.medication == Medication(name: change.medication.name)
                }
            }
        ),
        (
            "stops of an order that name none",
            {
                $0.count { change, before in
                    change.change == .stop && change.medication.strength != nil
                        && change.medication.orderID == nil && before?.0.orderID != nil
                }
            }
        ),
        (
            "as needed to scheduled",
            {
                $0.count { change, before in
                    change.change == .changeFrequency && before?.1?.asNeeded == true
                        && change.regimen?.asNeeded == nil
                }
            }
        ),
        (
            "incomplete regimens",
            {
                $0.count { change, _ in
                    change.change == .start
                        && (change.regimen?.unit == nil || change.regimen?.route == nil
                            || change.regimen?.frequency == nil)
                }
            }
        ),
        ("arrivals without a regimen", { $0.home.count { $0.regimen == nil } }),
    ]

    @Test(
        "Two hundred simulated episodes have every kind of medication that is hard to follow",
        arguments: medicationKinds
    )
    func medication(kind: String, count: @Sendable (Course) -> Int) throws {
        let found = try Self.simulated.get().byEpisode.values.map { count(Course($0)) }
        #expect(found.reduce(0, +) > 0, "\(kind)")
    }

    @Test("Two hundred simulated episodes use one session id on several dates")
    func series() throws {
        let calendar = try Self.calendar.get()
        var dates: [String: Set<CalendarDate>] = [:]
        for line in try Self.simulated.get().lines {
            guard case .sessionAttended(let session) = line.draft.data else { continue }
            dates[session.sessionID, default: []].insert(calendar.date(of: line.draft.occurredAt))
        }
        #expect(dates.values.count { $0.count > 3 } > 10)
    }

    @Test("Two hundred simulated episodes have weeks that the program canceled as a whole")
    func closedWeeks() throws {
        let calendar = try Self.calendar.get()
        var closed: [EpisodeID: Int] = [:]
        for (id, lines) in try Self.simulated.get().byEpisode {
            var weeks: [CalendarDate: (entries: Int, canceled: Int)] = [:]
            for line in lines {
                let date = calendar.date(of: line.draft.occurredAt)
                let week = LocalWeek(of: date).firstDate
                switch line.draft.data {
                case .sessionAttended, .familySessionHeld: weeks[week, default: (0, 0)].entries += 1
                case .sessionMissed(let missed):
                    weeks[week, default: (0, 0)].entries += 1
                    if missed.reason == .cancelledByProgram { weeks[week]?.canceled += 1 }
                default: continue
                }
            }
            closed[id] = weeks.values.count { $0.entries > 5 && $0.entries == $0.canceled }
        }
        #expect(closed.values.reduce(0, +) > 10)
    }

    @Test("Two hundred simulated episodes have ends told days later, with misses told meanwhile")
    func toldLater() throws {
        let found = try Self.simulated.get().byEpisode.values.count { lines in
            guard let end = lines.last(where: { $0.draft.type.isEnd }),
                end.draft.occurredAt.advanced(bySeconds: 4 * 86_400) < end.knownAt
            else { return false }
            let later = lines.filter {
                $0.draft.type == .sessionMissed && $0.draft.occurredAt > end.draft.occurredAt
            }
            #expect(later.allSatisfy { $0.knownAt <= end.knownAt })
            return later.count > 1
        }
        #expect(found > 3)
    }

    @Test("Two hundred simulated episodes have clients who are in two of them at the same time")
    func twoAtOnce() throws {
        let courses = try Self.simulated.get().courses
        let pairs = Dictionary(grouping: courses, by: \.client).values.filter { $0.count == 2 }
        let together = pairs.count { pair in
            let second = pair.map(\.admittedAt).max() ?? pair[0].admittedAt
            return pair.allSatisfy { $0.endedAt.map { second < $0 } ?? true }
        }
        #expect(together > 1)
    }
}

extension Formulary {
    /// The medication that a note means, by brand, product or generic name.
    static func drug(of medication: Medication) -> Drug? {
        all.first { drug in
            medication.name == drug.generic || medication.name.hasPrefix(drug.brand + " ")
                || drug.strengths.contains { medication.name == drug.name(strength: $0.mg) }
        }
    }

    static func isBrand(_ medication: Medication) -> Bool {
        all.contains { medication.name.hasPrefix($0.brand + " ") }
    }
}
