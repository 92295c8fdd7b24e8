import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Retention by competing ends")
struct RetentionTests {
    private let dropOut = EndReason.discharged(.droppedOut)

    /// The example of docs/read-models.md, "Retention": 14 services.
    private var example: [RetentionCurve.Length] {
        [(3, dropOut), (5, .completed), (5, nil), (5, nil), (6, .completed)]
            + (0..<9).map { (20 + $0, .completed) }
    }

    private func isClose(_ left: Double?, _ right: Double) -> Bool {
        left.map { abs($0 - right) < 1e-12 } ?? false
    }

    @Test("The example that is worked out by hand in the documentation")
    func workedOut() throws {
        let days = RetentionCurve(example).days
        #expect(days.map(\.atRisk) == [14, 14, 14, 13, 13, 10])
        #expect(days.map { $0.ended.values.reduce(0, +) } == [0, 0, 1, 0, 1, 1])
        #expect(isClose(days[1].retained, 1) && days[1].endedShares.isEmpty)
        #expect(isClose(days[2].retained, 13.0 / 14))
        #expect(isClose(days[4].retained, 6.0 / 7))
        let last = try #require(days.last)
        #expect(isClose(last.retained, 27.0 / 35))
        #expect(isClose(last.endedShares[.completed], 11.0 / 70))
        #expect(isClose(last.endedShares[dropOut], 1.0 / 14))
        // Nine reached day 7.
        #expect(RetentionCurve(example, least: 9).days.count == 20)
        #expect(RetentionCurve(Array(example.prefix(9))).days.isEmpty)
        #expect(RetentionCurve([]).days.isEmpty && RetentionCurve([], least: 0).days.isEmpty)
    }

    @Test("Services of centuries make no longer answer than those of ten years")
    func centuries() {
        let days = RetentionCurve((0..<12).map { _ in (665_000, nil) }).days
        #expect(days.count == RetentionCurve.longest && days.last?.atRisk == 12)
        var ended = EndedServices()
        for length in [1, 8, 3_640, 3_641, 665_000] { ended.add(.completed, days: length) }
        #expect(ended.byWeek.count == EndedServices.weekLimit)
        #expect(ended.byWeek.prefix(2) == [1, 1] && ended.byWeek.last == 3)
        #expect(ended.byWeek.reduce(0, +) == 5)
    }

    @Test("In care and ended by reason are 1 together, on every day of random services")
    func sums() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let lengths = (0..<Int.random(in: 1...80, using: &generator)).map { _ in
                RetentionCurve.Length(
                    Int.random(in: 1...60, using: &generator),
                    ([nil] + EndReason.allCases.map { $0 }).randomElement(using: &generator)
                        ?? nil
                )
            }
            let days = RetentionCurve(lengths, least: 1).days
            #expect(days.count == lengths.map(\.days).max())
            for day in days {
                #expect(
                    isClose(day.endedShares.values.reduce(day.retained, +), 1),
                    "\(day) of \(lengths)"
                )
                #expect(day.atRisk == lengths.count { $0.days >= day.day })
            }
            // Without anybody in care the shares are those of counting.
            let closed = lengths.filter { $0.reason != nil }
            let last = RetentionCurve(closed, least: 1).days.last
            for reason in EndReason.allCases {
                let count = closed.count { $0.reason == reason }
                guard count > 0 else { continue }
                #expect(
                    isClose(last?.endedShares[reason], Double(count) / Double(closed.count))
                )
            }
        }
    }

    @Test("The interval of a share is Wilson's")
    func interval() {
        // 24 of 92, and none of 10, as worked out with the formula: see docs/read-models.md.
        let some = wilsonInterval(24, of: 92)
        #expect(abs(some.low - 0.1820) < 5e-5 && abs(some.high - 0.3589) < 5e-5, "\(some)")
        let none = wilsonInterval(0, of: 10)
        #expect(none.low == 0 && abs(none.high - 0.2775) < 5e-5)
        let all = wilsonInterval(10, of: 10)
        #expect(all.high == 1 && abs(all.low - 0.7225) < 5e-5)
        #expect(EndedServices().completion == nil && EndedServices().byWeek.isEmpty)
        var services = EndedServices()
        for days in [1, 7, 8, 22] { services.add(.completed, days: days) }
        #expect(services.byWeek == [2, 1, 0, 1])
    }

    /// An episode with stays, from and to dates of 2024, and the end.
    private func episode(
        _ number: Int,
        _ stays: [(level: LevelOfCare, program: String, from: String, to: String?)],
        end: (reason: EndReason, contact: String)? = nil
    ) -> EpisodeCensus {
        EpisodeCensus(
            episodeID: EpisodeID(bits: UInt128(number)),
            clientID: "C-\(number)",
            admittedAt: instant(stays[0].from),
            stays: stays.enumerated().map { index, stay in
                EpisodeCensus.Stay(
                    program: stay.program,
                    levelOfCare: stay.level,
                    from: instant(stay.from),
                    to: stay.to.map(instant),
                    startReason: index == 0 ? .admission : .transfer(.steppedDown),
                    endReason: stay.to.map { _ in
                        if let end, index == stays.count - 1 { return .end(end.reason) }
                        return .transfer(.steppedDown)
                    },
                    openedBy: EventID(bits: UInt128(number * 10 + index))
                )
            },
            end: end.map {
                EpisodeCensus.End(
                    at: instant(stays[stays.count - 1].to ?? ""),
                    reason: $0.reason,
                    lastContactAt: instant($0.contact),
                    lengthOfStayDays: 1
                )
            },
            sessions: [],
            flags: []
        )
    }

    @Test("Services are those that began, or ended, in the period; who is in care counts up to E")
    func services() throws {
        let calendar = try LocalCalendar(timeZone: "UTC")
        let stepped = episode(
            1,
            [
                (.partialHospitalization, "php", "01-05", "01-15"),
                (.intensiveOutpatient, "iop", "01-15", "02-20"),
            ],
            end: (.completed, "02-13")
        )
        let open = episode(2, [(.intensiveOutpatient, "iop", "01-20", nil)])
        let before = episode(
            3,
            [(.intensiveOutpatient, "iop", "01-01", "01-31")],
            end: (dropOut, "01-30")
        )
        func retention(
            _ from: String,
            _ to: String,
            at time: String,
            program: String? = nil,
            level: LevelOfCare? = nil
        ) -> Retention {
            Retention(
                [stepped, open, before],
                from: date("2024-\(from)"),
                to: date("2024-\(to)"),
                program: program,
                levelOfCare: level,
                effectiveAt: instant(time),
                least: 1,
                calendar: calendar
            )
        }
        let january = retention("01-02", "01-31", at: "02-28 12:00")
        // PHP 11 days, IOP 30 days to the last contact, IOP open since the 20th: 40 days.
        #expect(january.began == 3 && january.open == 1 && january.curve.days.count == 40)
        #expect(january.readings.map(\.atRisk) == [3, 2, 2, 0, 0])
        #expect(january.curve.days[10].ended == [.discharged(.transferred): 1])
        #expect(january.curve.days[29].ended == [.completed: 1])
        #expect(january.readings[2].estimate.map { isClose($0.retained, 1.0 / 3) } == true)
        #expect(january.readings[3].estimate == nil)
        // The step, and the drop-out that began before.
        #expect(january.ended.count == 2 && january.ended.completed == 0)
        #expect(
            january.groups.map { "\($0.dimension.rawValue) \($0.value) \($0.services.count)" }
                == [
                    "program iop 1", "program php 1", "level_of_care intensive_outpatient 1",
                    "level_of_care partial_hospitalization 1", "month 2024-01 2",
                ]
        )
        let early = retention("01-02", "01-31", at: "01-25 12:00")
        #expect(early.began == 3 && early.open == 2 && early.ended.count == 1)
        #expect(early.curve.days.count == 11, "IOP for 11 days, and for 6")
        #expect(retention("01-02", "01-31", at: "02-28", program: "php").began == 1)
        let level = retention("01-02", "01-31", at: "02-28", level: .intensiveOutpatient)
        #expect(level.began == 2 && level.ended.count == 1)
        #expect(retention("02-01", "02-28", at: "02-28").ended.completed == 1)
    }

    @Test("What ended is what outcomes count by service, and tables and folds agree")
    func outcomes() async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: 93, calendar: projection.calendar, days: 90)
            try await fixture.append(histories.events(900, episodes: 90))
            let head = try await fixture.head()
            try await ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            ).catchUp(to: head)
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let events = try await fixture.reader.page(after: .zero, until: head, limit: 1_000)
                .events.map(\.history)
            var random = SeededRandom(seed: 93)
            var found = 0
            for number in 0..<30 {
                let (from, to) = (date("2024-02-01"), date("2024-04-15"))
                let clock = random.pick([KnowledgeClock.source, .ledger])
                let knowledge =
                    number.isMultiple(of: 2)
                    ? nil : Knowledge(at: random.pick(events).knowledgeTime(clock), by: clock)
                let time = random.pick(events).occurredAt
                let end = projection.calendar.startOfDay(to.adding(days: 1))
                let effectiveAt = min(time, justBefore(end))
                let program = random.pick([nil] + RandomHistories.programs)
                let (retention, _) = try await query.retention(
                    from: from,
                    to: to,
                    effectiveAt: effectiveAt,
                    program: program,
                    knowledge: knowledge
                )
                let all = try await model.folded(
                    knownAt: knowledge?.at,
                    knownBy: clock,
                    effectiveAt: effectiveAt
                ).0
                let expected = Retention(
                    all,
                    from: from,
                    to: to,
                    program: program,
                    effectiveAt: effectiveAt,
                    calendar: projection.calendar
                )
                #expect(retention == expected)
                let (outcomes, _) = try await query.outcomes(
                    from: from,
                    to: to,
                    effectiveAt: effectiveAt,
                    program: program,
                    by: .service,
                    knowledge: knowledge
                )
                #expect(retention.ended.byReason == outcomes.byReason)
                #expect(retention.ended.lengthsOfStay.mean == outcomes.lengthsOfStay.mean)
                found += retention.ended.count + retention.began
            }
            #expect(found > 300, "\(found)")
        }
    }
}
