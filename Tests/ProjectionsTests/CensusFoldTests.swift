import CareEpisode
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The fold of the census")
struct CensusFoldTests {
    private typealias Stay = EpisodeCensus.Stay

    private func stay(
        _ level: LevelOfCare,
        _ program: String = "iop",
        track: String? = nil,
        from: String,
        _ start: String,
        to: String? = nil,
        _ end: String? = nil
    ) throws -> Stay {
        Stay(
            program: program,
            levelOfCare: level,
            from: instant(from),
            to: to.map(instant),
            startReason: try #require(StayOpening(rawValue: start)),
            endReason: try end.map { try #require(StayClosing(rawValue: $0)) },
            openedBy: EventID(bits: 0),
            tracks: .init(track, from: instant(from))
        )
    }

    /// Without what opened them and their schedules, and with their last track alone.
    private func stays(_ census: EpisodeCensus) -> [Stay] {
        census.stays.map { stay in
            var stay = stay
            stay.openedBy = EventID(bits: 0)
            stay.tracks = .init(stay.track, from: stay.from)
            stay.schedules = .init()
            return stay
        }
    }

    private func flags(_ census: EpisodeCensus) -> [String: [[EventID]]] {
        Dictionary(grouping: census.flags, by: \.flag.rawValue).mapValues { $0.map(\.eventIDs) }
    }

    // MARK: Stays

    @Test("An admission opens a stay that lasts")
    func admission() throws {
        var story = try Story()
        story.admit(track: .coOccurring, "03-01 09:00")
        let census = try #require(try story.census())
        #expect(
            try stays(census) == [
                stay(
                    .intensiveOutpatient,
                    track: "co_occurring",
                    from: "03-01 09:00",
                    "admitted"
                )
            ]
        )
        #expect(census.clientID == "C-1")
        #expect(census.end == nil && census.flags.isEmpty && census.sessions.isEmpty)
    }

    @Test("Steps and program changes close a stay and open the next, with their own reasons")
    func transfers() throws {
        var story = try Story()
        story.admit(.partialHospitalization, program: "php", track: .mentalHealth, "03-01")
        story.step(
            .partialHospitalization,
            .intensiveOutpatient,
            program: "iop-day",
            track: .coOccurring,
            "03-05"
        )
        story.step(.intensiveOutpatient, .outpatient, "03-08")
        story.step(.outpatient, .residential, "03-09")
        story.add(.programChanged(ProgramChanged(rationale: "r", program: "house")), "03-10")
        story.add(.programChanged(ProgramChanged(rationale: "r", track: .substanceUse)), "03-11")
        story.add(.discharged(Discharged(reason: .transferred)), "03-12")
        let census = try #require(try story.census())
        #expect(
            try stays(census) == [
                stay(
                    .partialHospitalization,
                    "php",
                    track: "mental_health",
                    from: "03-01",
                    "admitted",
                    to: "03-05",
                    "stepped_down"
                ),
                stay(
                    .intensiveOutpatient,
                    "iop-day",
                    track: "co_occurring",
                    from: "03-05",
                    "stepped_down",
                    to: "03-08",
                    "stepped_down"
                ),
                stay(
                    .outpatient,
                    "iop-day",
                    track: "co_occurring",
                    from: "03-08",
                    "stepped_down",
                    to: "03-09",
                    "stepped_up"
                ),
                stay(
                    .residential,
                    "iop-day",
                    track: "co_occurring",
                    from: "03-09",
                    "stepped_up",
                    to: "03-10",
                    "program_changed"
                ),
                stay(
                    .residential,
                    "house",
                    track: "substance_use",
                    from: "03-10",
                    "program_changed",
                    to: "03-12",
                    "transferred"
                ),
            ]
        )
        #expect(census.flags.isEmpty)
        #expect(census.end?.reason == .discharged(.transferred))
    }

    @Test(
        "The last stay ends for the episode's reason",
        arguments: ["completed"] + DischargeReason.allCases.map(\.rawValue)
    )
    func endReasons(_ reason: String) throws {
        var story = try Story()
        story.admit("03-01")
        if let discharge = DischargeReason(rawValue: reason) {
            story.add(.discharged(Discharged(reason: discharge)), "03-02")
        } else {
            story.add(.completed(EpisodeEnd()), "03-02")
        }
        let census = try #require(try story.census())
        #expect(census.stays.last?.endReason?.rawValue == reason)
        #expect(census.stays.last?.isEndedByTransfer == false)
        #expect(census.end?.reason.rawValue == reason)
        #expect(census.end?.at == instant("03-02"))
    }

    @Test("A change of track alone opens no stay: the stay lists its tracks with their times")
    func tracks() throws {
        var story = try Story()
        let admission = story.admit(track: .mentalHealth, "03-02")
        story.add(
            .programChanged(ProgramChanged(rationale: "r", track: .coOccurring)),
            "03-12"
        )
        // It was so already.
        story.add(
            .programChanged(ProgramChanged(rationale: "r", track: .coOccurring)),
            "03-13"
        )
        let step = story.step(.intensiveOutpatient, .outpatient, "03-20")
        let census = try #require(try story.census())
        #expect(
            census.stays.map(\.tracks) == [
                EpisodeCensus.Names(
                    ["mental_health", "co_occurring"],
                    [instant("03-02"), instant("03-12")]
                ),
                // The next stay goes on with the last one.
                EpisodeCensus.Names(["co_occurring"], [instant("03-20")]),
            ]
        )
        #expect(census.stays.map(\.track) == ["co_occurring", "co_occurring"])
        #expect(census.stays.map(\.openedBy) == [admission, step])
        #expect(
            String(decoding: census.stays[0].json.bytes, as: UTF8.self).hasSuffix(
                #""tracks":[{"track":"mental_health","from":"2024-03-02T00:00:00.000000Z"},"#
                    + #"{"track":"co_occurring","from":"2024-03-12T00:00:00.000000Z"}]}"#
            )
        )
        // As it stood before the change, and as a fold up to then has it.
        let before = try #require(census.cut(instant("03-11")))
        #expect(before.stays.map(\.track) == ["mental_health"])
        #expect(try before == story.census(effectiveAt: instant("03-11")))
    }

    @Test("A track that is named within a stay is none before; schedules likewise")
    func namedLater() throws {
        var story = try Story()
        story.admit("03-02")
        story.add(
            .programChanged(
                ProgramChanged(rationale: "r", track: .substanceUse, schedule: .evening)
            ),
            "03-05"
        )
        let stay = try #require(try story.census()?.stays.first)
        let names = EpisodeCensus.Names(["substance_use"], [instant("03-05")])
        #expect(stay.tracks == names)
        #expect(stay.schedules == EpisodeCensus.Names(["evening"], [instant("03-05")]))
        #expect(stay.cut(instant("03-04"))?.track == nil)
    }

    @Test("A change of neither level nor program opens no stay")
    func noChange() throws {
        var story = try Story()
        story.admit(track: .mentalHealth, "03-01")
        story.add(
            .programChanged(ProgramChanged(rationale: "r", schedule: .evening)),
            "03-02"
        )
        story.add(
            .programChanged(
                ProgramChanged(rationale: "r", program: "iop", track: .mentalHealth)
            ),
            "03-03"
        )
        let census = try #require(try story.census())
        #expect(
            try stays(census) == [
                stay(
                    .intensiveOutpatient,
                    track: "mental_health",
                    from: "03-01",
                    "admitted"
                )
            ]
        )
        #expect(census.flags.isEmpty)
    }

    @Test("Stays of no length are kept")
    func zeroLength() throws {
        var story = try Story()
        story.admit("03-01")
        story.step(.intensiveOutpatient, .outpatient, "03-01")
        story.step(.outpatient, .residential, "03-01")
        story.add(.completed(EpisodeEnd()), "03-01")
        let census = try #require(try story.census())
        #expect(census.stays.count == 3)
        #expect(census.stays.allSatisfy { $0.from == instant("03-01") && $0.to == $0.from })
        #expect(
            census.stays.map(\.endReason)
                == [.transfer(.steppedDown), .transfer(.steppedUp), .end(.completed)]
        )
        #expect(census.flags.isEmpty)
    }

    @Test("Without an admission in force there is no census")
    func retractedAdmission() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        story.attend("s", "03-02")
        #expect(try story.census() != nil)
        story.retract(admission)
        #expect(try story.census() == nil)
    }

    @Test("A corrected admission gives program, level, client and time")
    func correctedAdmission() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        story.correct(
            admission,
            to: .admitted(
                Admitted(clientID: "C-2", program: "php", levelOfCare: .partialHospitalization)
            ),
            at: "02-27"
        )
        let census = try #require(try story.census())
        #expect(census.clientID == "C-2" && census.admittedAt == instant("02-27"))
        #expect(
            try stays(census) == [
                stay(.partialHospitalization, "php", from: "02-27", "admitted")
            ]
        )
    }

    @Test("A retracted end opens the episode again")
    func reopened() throws {
        var story = try Story()
        story.admit("03-01")
        let end = story.add(.completed(EpisodeEnd()), "03-05")
        story.retract(end)
        let census = try #require(try story.census())
        #expect(census.end == nil && census.stays.last?.to == nil)
        #expect(census.stays.last?.endReason == nil && census.flags.isEmpty)
    }

    // MARK: Life cycle

    @Test("Of two ends the first counts and the second is a life_cycle_conflict")
    func secondEnd() throws {
        var story = try Story()
        story.admit("03-01")
        story.add(.discharged(Discharged(reason: .died)), "03-05")
        let second = story.add(.completed(EpisodeEnd()), "03-09")
        let census = try #require(try story.census())
        #expect(census.end?.at == instant("03-05") && census.end?.reason == .discharged(.died))
        #expect(census.stays.count == 1)
        #expect(flags(census) == ["life_cycle_conflict": [[second]]])
    }

    @Test("Steps and changes ordered at or after the end are ignored and a life_cycle_conflict")
    func afterEnd() throws {
        var story = try Story()
        story.admit("03-01")
        story.step(.intensiveOutpatient, .outpatient, "03-05")
        story.add(.completed(EpisodeEnd()), "03-05")
        let same = story.step(.outpatient, .residential, "03-05")
        let later = story.add(
            .programChanged(ProgramChanged(rationale: "r", program: "php")),
            "03-06"
        )
        let census = try #require(try story.census())
        #expect(census.stays.map(\.levelOfCare) == [.intensiveOutpatient, .outpatient])
        #expect(census.stays.last?.to == instant("03-05"))
        #expect(flags(census) == ["life_cycle_conflict": [[same], [later]]])
    }

    @Test("What a correction moved before the admission is ignored and a life_cycle_conflict")
    func beforeAdmission() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        let step = story.step(.intensiveOutpatient, .outpatient, "03-02")
        let end = story.add(.completed(EpisodeEnd()), "03-03")
        story.correct(
            admission,
            to: .admitted(
                Admitted(clientID: "C-1", program: "iop", levelOfCare: .intensiveOutpatient)
            ),
            at: "03-04"
        )
        let census = try #require(try story.census())
        #expect(
            try stays(census) == [stay(.intensiveOutpatient, from: "03-04", "admitted")]
        )
        #expect(census.end == nil)
        #expect(flags(census) == ["life_cycle_conflict": [[step], [end]]])
    }

    @Test("A step whose from_level no longer fits changes the level and is a life_cycle_conflict")
    func wrongFromLevel() throws {
        var story = try Story()
        let admission = story.admit(.partialHospitalization, "03-01")
        let step = story.step(.partialHospitalization, .outpatient, "03-05")
        story.correct(
            admission,
            to: .admitted(
                Admitted(clientID: "C-1", program: "iop", levelOfCare: .intensiveOutpatient)
            ),
            at: nil
        )
        let census = try #require(try story.census())
        #expect(census.stays.map(\.levelOfCare) == [.intensiveOutpatient, .outpatient])
        #expect(flags(census) == ["life_cycle_conflict": [[step]]])
    }

    @Test("A step in the wrong direction is one life_cycle_conflict")
    func wrongDirection() throws {
        var story = try Story()
        let admission = story.admit(.partialHospitalization, "03-01")
        let step = story.step(.partialHospitalization, .intensiveOutpatient, "03-05")
        story.correct(
            admission,
            to: .admitted(
                Admitted(clientID: "C-1", program: "iop", levelOfCare: .outpatient)
            ),
            at: nil
        )
        var census = try #require(try story.census())
        #expect(census.stays.map(\.levelOfCare) == [.outpatient, .intensiveOutpatient])
        #expect(flags(census) == ["life_cycle_conflict": [[step]]])
        // To the level that is in force already: no stay.
        story.correct(
            admission,
            to: .admitted(
                Admitted(clientID: "C-1", program: "iop", levelOfCare: .intensiveOutpatient)
            ),
            at: nil
        )
        census = try #require(try story.census())
        #expect(census.stays.map(\.levelOfCare) == [.intensiveOutpatient])
        #expect(flags(census) == ["life_cycle_conflict": [[step]]])
    }

    // MARK: Sessions

    @Test("Sessions on dates before the admission's or after the end's count in nothing")
    func outside() throws {
        var story = try Story()
        story.admit("03-01 09:00")
        let before = story.attend("s-0", "02-29 23:59")
        story.attend("s-1", minutes: 10, "03-01 00:00")
        story.attend("s-2", minutes: 20, "03-05 23:59")
        let after = story.attend("s-3", "03-06 00:00")
        story.add(.completed(EpisodeEnd()), "03-05 12:00")
        let census = try #require(try story.census())
        #expect(census.sessions.map(\.minutes) == [10, 20])
        #expect(census.end?.lastContactAt == instant("03-05 23:59"))
        #expect(flags(census) == ["outside_episode": [[before], [after]]])
    }

    @Test("A session recorded twice counts once: attended beats missed, then the later position")
    func duplicates() throws {
        var story = try Story()
        story.admit("03-01")
        let one = story.attend("s-1", minutes: 10, "03-03 12:00")
        // Recorded later, though it lies earlier.
        let two = story.attend("s-1", minutes: 20, "03-03")
        let attended = story.attend("s-2", minutes: 30, "03-05")
        let missed = story.add(
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow, sessionID: "s-2")),
            "03-05 10:00"
        )
        story.add(.sessionMissed(SessionMissed(kind: .group, reason: .noShow)), "03-07")
        story.add(.sessionMissed(SessionMissed(kind: .group, reason: .noShow)), "03-07")
        let census = try #require(try story.census())
        #expect(
            census.sessions == [
                .init(start: instant("03-03"), minutes: 20, outcome: .attended),
                .init(start: instant("03-05"), minutes: 30, outcome: .attended),
                // Two without an id are two.
                .init(start: instant("03-07"), minutes: 0, outcome: .missed(.noShow)),
                .init(start: instant("03-07"), minutes: 0, outcome: .missed(.noShow)),
            ]
        )
        #expect(flags(census) == ["duplicate_session": [[two, one], [attended, missed]]])
    }

    @Test("A duplicate outside the episode is outside, and takes nothing from the one within")
    func duplicateOutside() throws {
        var story = try Story()
        story.admit("03-01")
        story.attend("s-1", minutes: 10, "03-04")
        let outside = story.attend("s-1", minutes: 20, "02-03")
        let census = try #require(try story.census())
        #expect(census.sessions.map(\.minutes) == [10])
        #expect(flags(census) == ["outside_episode": [[outside]]])
    }

    @Test("Overlapping attended sessions are flagged in pairs; touching and missed ones are not")
    func overlapping() throws {
        var story = try Story()
        story.admit("03-01")
        let long = story.attend("s-1", minutes: 120, "03-04 10:00")
        let inner = story.attend("s-2", minutes: 30, "03-04 10:30")
        let other = story.family("s-3", present: true, "03-04 11:30")
        story.attend("s-4", minutes: 30, "03-04 12:20")
        story.family("s-5", present: false, "03-04 10:10")
        story.add(.sessionMissed(SessionMissed(kind: .individual, reason: .noShow)), "03-04 10:00")
        let census = try #require(try story.census())
        #expect(flags(census) == ["overlapping_sessions": [[long, inner], [long, other]]])
        // Missed, and held without the client: no minutes count.
        #expect(census.sessions.map(\.minutes) == [120, 0, 0, 30, 50, 30])
    }

    @Test(
        "A family session counts as events.md says",
        arguments: [
            (true, nil, 50), (true, true, 50), (true, false, 0),
            (false, nil, 0), (false, true, 50), (false, false, 0),
        ] as [(Bool, Bool?, Int)]
    )
    func family(_ present: Bool, _ counts: Bool?, _ minutes: Int) throws {
        var story = try Story()
        story.admit("03-01")
        story.family("s-1", present: present, counts: counts, "03-04")
        story.add(.completed(EpisodeEnd()), "03-09")
        let census = try #require(try story.census())
        #expect(census.sessions.reduce(0) { $0 + $1.minutes } == minutes)
        // Without the client it is no contact with the client.
        #expect(census.end?.lastContactAt == instant(present ? "03-04" : "03-09"))
    }

    @Test("A session that does not count toward the hours is attended all the same")
    func doesNotCount() throws {
        var story = try Story()
        story.admit("03-01")
        story.attend("s-1", counts: false, "03-04")
        story.add(.completed(EpisodeEnd()), "03-09")
        let census = try #require(try story.census())
        #expect(
            census.sessions == [.init(start: instant("03-04"), minutes: 0, outcome: .attended)]
        )
        #expect(census.end?.lastContactAt == instant("03-04"))
    }

    // MARK: Length of stay

    @Test(
        "Outpatients count both days, inpatients and residents nights and at least one",
        arguments: LevelOfCare.allCases
    )
    func lengthOfStay(_ level: LevelOfCare) throws {
        let countsNights = level == .inpatient || level == .residential
        for (end, days) in [("03-01 23:59", 0), ("03-02", 1), ("03-04 08:00", 3)] {
            var story = try Story()
            story.admit(level, "03-01 09:00")
            story.add(.completed(EpisodeEnd()), end)
            let census = try #require(try story.census())
            #expect(
                census.end?.lengthOfStayDays == (countsNights ? max(1, days) : days + 1),
                "until \(end)"
            )
        }
    }

    @Test("The last level decides which days count, and days are the ledger's")
    func lastLevel() throws {
        var story = try Story(timeZone: "America/New_York")
        // 22:00 on 29 February in New York.
        story.admit(.inpatient, "03-01 03:00")
        story.step(.inpatient, .outpatient, "03-03 12:00")
        story.add(.completed(EpisodeEnd()), "03-05 12:00")
        #expect(try story.census()?.end?.lengthOfStayDays == 6)
    }

    @Test("The last contact is what the end says, else the last attended session, else the end")
    func lastContact() throws {
        var story = try Story()
        story.admit("03-01")
        let end = story.add(.completed(EpisodeEnd()), "03-20")
        #expect(try story.census()?.end?.lastContactAt == instant("03-20"))
        #expect(try story.census()?.end?.lengthOfStayDays == 20)
        story.attend("s-1", "03-10")
        story.attend("s-2", "03-08")
        story.add(.sessionMissed(SessionMissed(kind: .group, reason: .noShow)), "03-12")
        #expect(try story.census()?.end?.lastContactAt == instant("03-10"))
        #expect(try story.census()?.end?.lengthOfStayDays == 10)
        story.correct(
            end,
            to: .completed(EpisodeEnd(lastContactAt: instant("03-15"))),
            at: nil
        )
        let census = try #require(try story.census())
        #expect(census.end?.lastContactAt == instant("03-15") && census.flags.isEmpty)
        #expect(census.end?.lengthOfStayDays == 15)
    }

    @Test(
        "A stated contact outside the episode is flagged and replaced by the end",
        arguments: [
            ("02-29 23:59", true), ("03-01", false), ("03-20 23:59", false), ("03-21", true),
        ]
    )
    func contactOutside(_ contact: String, _ isOutside: Bool) throws {
        var story = try Story()
        story.admit("03-01")
        story.attend("s-1", "03-10")
        let end = story.add(
            .completed(EpisodeEnd(lastContactAt: instant(contact))),
            "03-20"
        )
        let census = try #require(try story.census())
        #expect(census.end?.lastContactAt == instant(isOutside ? "03-20" : contact))
        #expect(flags(census) == (isOutside ? ["outside_episode": [[end]]] : [:]))
    }
}
