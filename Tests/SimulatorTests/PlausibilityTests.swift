import CareEpisode
import Simulator
import Testing

@Suite("Simulated episodes")
struct PlausibilityTests {
    /// What became of an episode, after corrections and retractions.
    struct Course {
        let client: String
        let admittedAt: Instant
        let endedAt: Instant?
        let teds: Int?

        init?(_ lines: [SimulatedLines.Line]) {
            var retracted: Set<EventID> = []
            for line in lines {
                if case .entryRetracted(let it) = line.draft.data {
                    retracted.insert(it.targetEventID)
                }
            }
            let valid = lines.map(\.draft).filter { !retracted.contains($0.eventID) }
            guard let first = valid.first, case .admitted(let admission) = first.data else {
                return nil
            }
            client = admission.clientID
            admittedAt = first.occurredAt
            let end = valid.first { $0.type.isEnd }
            endedAt = end?.occurredAt
            switch end?.data {
            case .completed: teds = 1
            case .discharged(let discharged): teds = discharged.reason.teds
            default: teds = nil
            }
        }

        var days: Int? {
            endedAt.map { Int(($0.microseconds - admittedAt.microseconds) / 86_400_000_000) }
        }
    }

    func courses(_ simulated: SimulatedLines) -> [Course] {
        simulated.byEpisode.values.compactMap { Course($0) }
    }

    @Test("end as TEDS-D 2019 counts intensive outpatient discharges")
    func endings() throws {
        let courses = courses(try SimulatedLines.shared.get())
        let ended = courses.compactMap(\.teds)
        let expected = [1: 25.9, 2: 26.8, 3: 6.8, 4: 33.0, 5: 1.9, 6: 0.2, 7: 5.4]
        for (reason, percent) in expected {
            let found = 100 * Double(ended.count { $0 == reason }) / Double(ended.count)
            #expect(abs(found - percent) < 5, "TEDS reason \(reason): \(found) %")
        }
        #expect(courses.count - ended.count > 30, "some are still open")
        #expect(courses.count - ended.count < 160)
    }

    @Test("last a median of four to eight weeks, and some end within days")
    func lengths() throws {
        let days = courses(try SimulatedLines.shared.get()).compactMap(\.days).sorted()
        #expect((28...56).contains(days[days.count / 2]))
        #expect(days[days.count / 20] < 10)
        #expect(try #require(days.last) < 200)
    }

    @Test("share their group sessions, which begin at one time for all")
    func groups() throws {
        var starts: [String: Set<Instant>] = [:]
        var members: [String: Set<EpisodeID>] = [:]
        let simulated = try SimulatedLines.shared.get()
        let corrected = simulated.lines.compactMap { line in
            if case .entryCorrected(let it) = line.draft.data { it.targetEventID } else { nil }
        }
        let mistaken = Set(corrected)
        for line in simulated.lines where !mistaken.contains(line.draft.eventID) {
            guard case .sessionAttended(let session) = line.draft.data, session.groupSize != nil
            else { continue }
            starts[session.sessionID, default: []].insert(line.draft.occurredAt)
            members[session.sessionID, default: []].insert(line.episodeID)
        }
        #expect(starts.values.allSatisfy { $0.count == 1 })
        let sizes = members.values.map(\.count).sorted()
        #expect(sizes[sizes.count / 2] >= 4)
        #expect(try #require(sizes.last) <= 40)
    }

    @Test("are recorded late in about 3 %, corrected in 1 % and retracted in half a percent")
    func dirt() throws {
        let simulated = try SimulatedLines.shared.get()
        let total = Double(simulated.lines.count)
        let late = simulated.lines.count {
            !$0.draft.type.isAmendment
                && $0.draft.occurredAt.advanced(bySeconds: 86_400) < $0.knownAt
        }
        let corrected = simulated.count { $0.type == .entryCorrected }
        let retracted = simulated.count { $0.type == .entryRetracted }
        #expect((0.02...0.045).contains(Double(late) / total))
        #expect((0.007...0.017).contains(Double(corrected) / total))
        #expect((0.003...0.009).contains(Double(retracted) / total))
    }

    @Test("have every type of event, and every change of medication but of route and frequency")
    func variety() throws {
        let simulated = try SimulatedLines.shared.get()
        #expect(Set(simulated.lines.map(\.draft.type)) == Set(EventType.allCases))
        let changes = Set(
            simulated.lines.compactMap { line in
                if case .medicationAdjusted(let it) = line.draft.data { it.change } else { nil }
            }
        )
        #expect(
            changes == Set(MedicationChange.allCases).subtracting([.changeRoute, .changeFrequency])
        )
    }

    @Test("are attended between six in the morning and ten at night, Monday to Friday")
    func hours() throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        for line in try SimulatedLines.shared.get().lines {
            switch line.draft.type {
            case .sessionAttended, .sessionMissed, .familySessionHeld:
                let date = calendar.date(of: line.draft.occurredAt)
                let midnight = calendar.startOfDay(date).microseconds
                let minute = (line.draft.occurredAt.microseconds - midnight) / 60_000_000
                if !(6 * 60..<22 * 60).contains(minute) { Issue.record("at minute \(minute)") }
                // A wrong date, later corrected, may fall on any day.
                if line.draft.type == .sessionMissed,
                    date - calendar.isoWeek(of: date).firstDate > 4
                {
                    Issue.record("on \(date)")
                }
            default: continue
            }
        }
    }
}
