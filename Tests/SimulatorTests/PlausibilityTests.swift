import CareEpisode
import Simulator
import Testing

@Suite("Plausibility")
struct PlausibilityTests {
    @Test("Simulated episodes last a median of four to eight weeks, and some end within days")
    func lengths() throws {
        let days = try SimulatedLines.shared.get().courses.compactMap(\.days).sorted()
        #expect((28...56).contains(days[days.count / 2]))
        #expect(days[days.count / 20] < 10)
        let courses = try SimulatedLines.shared.get().courses
        let droppedOut = courses.filter { $0.teds == DischargeReason.droppedOut.teds }
        let early = droppedOut.count { $0.days.map { $0 <= 14 } ?? false }
        #expect((0.25...0.42).contains(Double(early) / Double(droppedOut.count)))
        #expect(try #require(days.last) < 200)
    }

    @Test(
        "Simulated episodes are recorded late in about 3 %, corrected in 1.3 % and retracted in 0.6 %"
    )
    func dirt() throws {
        let simulated = try SimulatedLines.shared.get()
        let total = Double(simulated.lines.count)
        let corrected = simulated.count { $0.type == .entryCorrected }
        let retracted = simulated.count { $0.type == .entryRetracted }
        #expect((0.025...0.04).contains(Double(simulated.late) / total))
        #expect((0.010...0.016).contains(Double(corrected) / total))
        #expect((0.004...0.008).contains(Double(retracted) / total))
    }

    @Test("Simulated episodes have every type of event")
    func variety() throws {
        let simulated = try SimulatedLines.shared.get()
        #expect(Set(simulated.lines.map(\.draft.type)) == Set(EventType.allCases))
    }

    @Test("Simulated episodes step down in 12 to 26 % and step up in 2 to 8 %")
    func steps() throws {
        let simulated = try SimulatedLines.shared.get()
        let admitted = Double(simulated.count { $0.type == .admitted })
        let down = simulated.count { $0.type == .steppedDown }
        let up = simulated.count { $0.type == .steppedUp }
        #expect((0.12...0.26).contains(Double(down) / admitted))
        #expect((0.02...0.08).contains(Double(up) / admitted))
    }

    @Test(
        "Simulated episodes are attended between six in the morning and ten at night, Monday to Friday"
    )
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
                    date - LocalWeek(of: date).firstDate > 4
                {
                    Issue.record("on \(date)")
                }
            default: continue
            }
        }
    }
}
