import CareEpisode
import Testing

@testable import Projections

@Suite("A discharge summary")
struct DischargeSummaryTests {
    private func summary(_ story: Story, at time: String? = nil) throws -> DischargeSummary {
        try #require(try story.summary(at: time))
    }

    // MARK: Client and stay

    @Test("Client, program, dates and levels of care come from the stays and name what made them")
    func client() throws {
        var story = try Story(timeZone: "America/New_York")
        let admission = story.admit(
            .partialHospitalization,
            program: "php",
            track: .coOccurring,
            "03-01 03:00"
        )
        let step = story.step(
            .partialHospitalization,
            .intensiveOutpatient,
            program: "iop",
            "03-10"
        )
        story.add(.programChanged(ProgramChanged(rationale: "r", schedule: .evening)), "03-12")
        let last = story.step(.intensiveOutpatient, .outpatient, "03-20")
        let end = story.add(.completed(EpisodeEnd(lastContactAt: instant("03-29"))), "03-31")
        let client = try summary(story).client
        #expect(client.clientID.value == "C-1" && client.clientID.eventIDs == [admission])
        #expect(client.program.value == "iop" && client.program.eventIDs == [step])
        #expect(client.track.value == "co_occurring" && client.track.eventIDs == [admission])
        #expect(client.admissionDate.value == date("2024-02-29"), "the date in the ledger's zone")
        #expect(client.endDate.value == date("2024-03-30") && client.endDate.eventIDs == [end])
        #expect(client.lastContactAt.value == instant("03-29"))
        #expect(client.lengthOfStayDays.value == 29)
        #expect(client.lengthOfStayDays.eventIDs == [admission, last, end])
        #expect(client.levelsOfCare.value?.count == 3)
        #expect(client.levelsOfCare.eventIDs == [admission, step, last, end])
    }

    @Test("Without a stated last contact, the last attended session is what it comes from")
    func lastContact() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        story.attend("a", "03-04")
        let session = story.attend("b", "03-05")
        let end = story.complete("03-09")
        let client = try summary(story).client
        #expect(client.lastContactAt.value == instant("03-05"))
        #expect(client.lastContactAt.eventIDs == [session])
        #expect(client.lengthOfStayDays.value == 5)
        #expect(client.lengthOfStayDays.eventIDs == [admission, session, end])
    }

    // MARK: Admission

    @Test(
        "Allergies are listed, said to be none, or said not to be recorded",
        arguments: [
            (["penicillin"], #"{"status":"recorded","list":["penicillin"]}"#),
            ([], #"{"status":"none_known","list":[]}"#),
            (nil, #"{"status":"not_recorded","list":[]}"#),
        ] as [([String]?, String)]
    )
    func allergies(_ recorded: [String]?, _ json: String) throws {
        var story = try Story()
        story.add(
            .admitted(
                Admitted(
                    clientID: "C-1",
                    program: "iop",
                    levelOfCare: .outpatient,
                    allergies: recorded
                )
            ),
            "03-01"
        )
        story.complete("03-02")
        #expect(try summary(story).json("admission/allergies") == json)
    }

    @Test("What is not recorded has no value and names no event")
    func nothingRecorded() throws {
        var story = try Story()
        story.admit("03-01")
        story.complete("03-02")
        let summary = try summary(story)
        #expect(summary.admission.reason == .none && summary.admission.diagnoses == .none)
        #expect(summary.discharge.goals == .none && summary.discharge.summary == .none)
        #expect(summary.followUp.aftercare == .none && summary.followUp.instructions == .none)
        #expect(summary.courseOfCare.attendanceRate == .none)
        #expect(summary.courseOfCare.attended.value == 0)
    }

    // MARK: Course of care

    @Test("Sessions count once, by kind and modality; a losing duplicate is named in a flag alone")
    func sessions() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        let group = story.attend("a", minutes: 90, "03-04 09:00")
        let lost = story.add(
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow, sessionID: "a")),
            "03-04 09:00"
        )
        let cbt = story.add(
            .sessionAttended(
                SessionAttended(
                    sessionID: "b",
                    kind: .individual,
                    minutes: 60,
                    modality: .cbt,
                    countsTowardHours: false
                )
            ),
            "03-05"
        )
        let with = story.family("c", present: true, "03-06")
        let alone = story.family("d", present: false, "03-07")
        let missed = story.add(
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow)),
            "03-08"
        )
        let cancelled = story.add(
            .sessionMissed(SessionMissed(kind: .group, reason: .cancelledByProgram)),
            "03-09"
        )
        let end = story.complete("03-18")
        let summary = try summary(story)
        let care = summary.courseOfCare
        #expect(care.attended.value == 3 && care.attended.eventIDs == [group, cbt, with])
        #expect(care.byKind.value == ["group": 1, "individual": 1, "family": 1])
        #expect(care.byModality.value == ["cbt": 1] && care.byModality.eventIDs == [cbt])
        #expect(care.hours.value == 140.0 / 60 && care.hours.eventIDs == [group, with])
        #expect(care.weeks.value == 1 && care.weeks.eventIDs == [admission, with, end])
        #expect(care.attendanceRate.value == 0.75)
        #expect(care.attendanceRate.eventIDs == [group, cbt, with, missed])
        #expect(care.missed.value == ["no_show": 1, "cancelled_by_program": 1])
        #expect(care.missed.eventIDs == [missed, cancelled])
        #expect(care.familySessions.eventIDs == [with, alone])
        #expect(
            summary.json("course_of_care/family_sessions")
                == #"{"held":2,"with_client":1,"participants":{"parent":2}}"#
        )
        #expect(summary.flags.map(\.code) == ["duplicate_session"])
        #expect(summary.flags[0].eventIDs == [group, lost])
        #expect(!summary.namedEvents.contains(lost))
    }

    // MARK: The end

    private let wholeEnd = EpisodeEnd(
        disposition: .home,
        condition: "stable",
        goals: [Goal(text: "sleep", status: .partlyMet)],
        diagnoses: [Diagnosis(system: .icd10CM, code: "F33.1", role: .principal)],
        aftercare: [Aftercare(provider: "clinic", at: instant("04-02 14:00"))],
        instructions: "call",
        summary: "went well"
    )

    @Test("What is recorded at the end is stated, and so is who recorded it")
    func end() throws {
        var story = try Story()
        story.admit("03-01")
        let end = story.add(.discharged(Discharged(reason: .died, end: wholeEnd)), "03-09")
        let summary = try summary(story)
        #expect(summary.status == .final)
        #expect(summary.json("discharge/reason") == #"{"reason":"died","teds_reason":6}"#)
        #expect(summary.json("discharge/disposition") == #""home""#)
        #expect(
            summary.json("discharge/goals") == #"[{"text":"sleep","status":"partly_met"}]"#
        )
        #expect(
            summary.json("discharge/diagnoses")
                == #"[{"system":"icd-10-cm","code":"F33.1","description":null,"role":"principal"}]"#
        )
        #expect(
            summary.json("follow_up/aftercare")
                == #"[{"provider":"clinic","kind":null,"at":"2024-04-02T14:00:00.000000Z"}]"#
        )
        #expect(summary.json("authorship/author") == #"{"id":"T-1","role":"therapist"}"#)
        #expect(summary.authorship.recordedBy.value == "cli:a")
        #expect(summary.authorship.recordedAt.value == story.events[1].recordedAt)
        #expect(summary.json("authorship/signature") == #""not signed""#)
        #expect(summary.authorship.author.eventIDs == [end])
        #expect(summary.discharge.summary.eventIDs == [end])
    }

    @Test("A completed episode has TEDS reason 1")
    func completed() throws {
        var story = try Story()
        story.admit("03-01")
        story.complete("03-09")
        #expect(
            try summary(story).json("discharge/reason")
                == #"{"reason":"completed","teds_reason":1}"#
        )
    }

    @Test("Completeness tells which elements are present and which are missing")
    func completeness() throws {
        var story = try Story()
        story.add(
            .admitted(
                Admitted(clientID: "C-1", program: "iop", levelOfCare: .outpatient, reason: "r")
            ),
            "03-01"
        )
        story.family("a", present: false, "03-02")
        let whole = story.add(.completed(wholeEnd), "03-09")
        #expect(try summary(story).completeness.missing == [])
        var bare = EpisodeEnd(disposition: .home, condition: " ", aftercare: [])
        bare.instructions = nil
        story.correct(whole, to: .completed(bare), at: nil)
        #expect(
            try summary(story).completeness.missing == [
                "condition_and_disposition", "information_to_client_and_family", "follow_up",
            ]
        )
        var empty = try Story()
        empty.admit("03-01")
        empty.complete("03-09")
        #expect(try summary(empty).completeness.missing.count == 5)
    }

    // MARK: Interim

    @Test("An open episode is summarized so far, without anything of an end")
    func interim() throws {
        var story = try Story()
        story.admit("03-01")
        let session = story.attend("a", "03-04")
        story.attend("b", "03-20")
        story.add(.completed(wholeEnd), "03-25")
        let summary = try summary(story, at: "03-12")
        #expect(summary.status == .interim)
        #expect(summary.courseOfCare.attended.eventIDs == [session])
        #expect(summary.courseOfCare.weeks.value == 2)
        #expect(summary.client.endedAt == .none && summary.client.lengthOfStayDays == .none)
        #expect(summary.client.lastContactAt.value == instant("03-04"))
        #expect(summary.discharge.reason == .none && summary.authorship.signature == .none)
        #expect(summary.completeness.missing.contains("follow_up"))
    }

    @Test("Without an admission in force there is no summary")
    func retractedAdmission() throws {
        var story = try Story()
        let admission = story.admit("03-01")
        story.complete("03-09")
        story.retract(admission)
        #expect(try story.summary() == nil)
    }

    // MARK: Amendments

    @Test("Corrections of named entries are listed, with where and what they touch")
    func corrections() throws {
        var story = try Story()
        story.admit("03-01")
        let session = story.attend("a", "03-04")
        let review = story.adjust(.unchanged, medication("x"), "03-05")
        let end = story.complete("03-09")
        let session2 = SessionAttended(sessionID: "a", kind: .group, minutes: 30)
        let first = story.correct(session, to: .sessionAttended(session2), at: "03-03")
        let second = story.correct(end, to: .completed(wholeEnd), at: nil)
        story.correct(
            review,
            to: .medicationAdjusted(
                MedicationAdjusted(medication: medication("y"), change: .unchanged, prescriber: "p")
            ),
            at: nil
        )
        let corrections = try summary(story).amendments.corrections
        #expect(corrections.compactMap(\.value?.correction) == [first, second])
        #expect(corrections[0].eventIDs == [session, first])
        #expect(corrections[0].value?.occurredAt == instant("03-04"))
        #expect(corrections[0].value?.correctedAt == instant("03-03"))
        #expect(corrections[0].value?.elements.contains("course_of_care/hours") == true)
        #expect(corrections[1].value?.targetType == .completed)
        #expect(corrections[1].value?.correctedAt == instant("03-09"))
    }

    @Test("An entry is late that became known more than 24 hours after it happened")
    func lateEntries() throws {
        var story = try Story()
        story.admit("03-01 09:00")
        func session(_ id: String) -> EventData {
            .sessionAttended(SessionAttended(sessionID: id, kind: .group, minutes: 30))
        }
        story.add(session("a"), "03-04 09:00", known: "03-05 09:00")
        let late = story.add(session("b"), "03-05 09:00", known: "03-06 09:01")
        let moved = story.add(session("c"), "03-06 09:00", known: "03-06 10:00")
        story.correct(moved, to: session("c"), at: "03-02")
        story.complete("03-09")
        let entries = try summary(story).amendments.lateEntries
        #expect(entries.map(\.eventIDs) == [[late]], "a correction does not make its target late")
        #expect(entries.first?.value?.knownAt == instant("03-06 09:01"))
    }
}
