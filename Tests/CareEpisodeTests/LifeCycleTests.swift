import TestSupport
import Testing

@testable import CareEpisode

@Suite("The life cycle")
struct LifeCycleTests {
    @Test(
        "The first event of an episode is its admission",
        arguments: [
            EventData.session, .stop, .completion, .discharge, .programChange,
            .step(.inpatient, .outpatient), .step(.outpatient, .inpatient), .retraction(1),
            .correction(1, .session),
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow)),
            .familySessionHeld(
                FamilySessionHeld(
                    sessionID: "s",
                    minutes: 1,
                    participants: [FamilyParticipant(relation: .child)],
                    clientPresent: true
                )
            ),
        ]
    )
    func firstEvent(_ data: EventData) {
        var episode = EpisodeBuilder()
        #expect(episode.append(0, data) == ["/type not_admitted"])
        #expect(episode.state.version == .zero)
        #expect(episode.append(0, .admission()) == [])
        #expect(episode.state.version == Version(1))
    }

    @Test("There is only one admission")
    func oneAdmission() {
        var episode = admitted()
        #expect(episode.append(5, .admission()) == ["/type already_admitted"])
        episode.append(10, .completion)
        #expect(episode.append(20, .admission()) == ["/type already_admitted"])
    }

    @Test(
        "After the admission is retracted nothing more is accepted",
        arguments: [
            EventData.admission(), .session, .completion, .retraction(2), .correction(2, .session),
            .programChange,
        ]
    )
    func retractedAdmission(_ data: EventData) {
        var episode = admitted()
        #expect(episode.append(1, .session) == [])
        #expect(episode.append(2, .retraction(1)) == [])
        #expect(episode.append(3, data) == ["/type admission_retracted"])
    }

    @Test("One end is in force at a time, and not before the admission")
    func ends() {
        var episode = admitted(hour: 10)
        #expect(episode.append(9, .completion) == ["/occurred_at before_admission"])
        #expect(episode.append(10, .discharge) == [])
        #expect(episode.append(10, .completion) == ["/type already_ended"])
        #expect(
            episode.append(9, .completion) == [
                "/type already_ended", "/occurred_at before_admission",
            ]
        )
        #expect(episode.append(11, .retraction(3)) == [])
        #expect(episode.append(50, .completion) == [])
        #expect(episode.append(60, .discharge) == ["/type already_ended"])
    }

    @Test("While an end is in force facts of any time are accepted, but no step, change or end")
    func afterTheEnd() {
        var episode = admitted()
        episode.append(100, .completion)
        let family = FamilySessionHeld(
            sessionID: "s",
            minutes: 1,
            participants: [FamilyParticipant(relation: .child)],
            clientPresent: true
        )
        for data in [
            EventData.session, .stop, .familySessionHeld(family),
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow)),
        ] {
            for hour in [-500, 100, 101, 5_000] { #expect(episode.append(hour, data) == []) }
        }
        #expect(episode.append(99, .programChange) == [])
        for hour in [100, 101] {
            #expect(episode.append(hour, .programChange) == ["/occurred_at after_end"])
            #expect(
                episode.append(hour, .step(.intensiveOutpatient, .outpatient))
                    == ["/occurred_at after_end"]
            )
            #expect(episode.append(hour, .discharge) == ["/type already_ended"])
        }
        // Corrections and retractions are decided later than what they are about.
        #expect(episode.append(500, .correction(3, .session)) == [])
        #expect(episode.append(501, .retraction(3)) == [])
    }

    @Test("Retracting the end reopens the episode")
    func reopening() {
        var episode = admitted()
        episode.append(100, .discharge)
        #expect(episode.append(150, .programChange) == ["/occurred_at after_end"])
        #expect(episode.append(160, .retraction(2)) == [])
        #expect(episode.append(150, .programChange) == [])
        #expect(episode.append(200, .completion) == [])
    }

    @Test("Correcting the time of the end moves it")
    func movedEnd() {
        var episode = admitted()
        episode.append(100, .completion)
        #expect(episode.append(110, .programChange) == ["/occurred_at after_end"])
        #expect(episode.append(120, .correction(2, .completion, at: 115)) == [])
        #expect(episode.append(110, .programChange) == [])
        #expect(episode.append(115, .programChange) == ["/occurred_at after_end"])
        // A correction that gives no time leaves the one last given.
        #expect(episode.append(121, .correction(2, .completion)) == [])
        #expect(episode.append(114, .programChange) == [])
        #expect(episode.append(115, .programChange) == ["/occurred_at after_end"])
    }

    @Test("A step lies at or after the admission and starts from the level in force")
    func steps() {
        var episode = admitted(.partialHospitalization, hour: 10)
        #expect(
            episode.append(9, .step(.partialHospitalization, .outpatient))
                == ["/occurred_at before_admission"]
        )
        #expect(episode.append(9, .programChange) == ["/occurred_at before_admission"])
        #expect(
            episode.append(20, .step(.intensiveOutpatient, .outpatient))
                == ["/data/from_level not_in_force"]
        )
        #expect(episode.append(10, .step(.partialHospitalization, .intensiveOutpatient)) == [])
        #expect(episode.append(20, .step(.intensiveOutpatient, .outpatient)) == [])
        // At the same moment the later position comes after.
        #expect(episode.append(20, .step(.outpatient, .residential)) == [])
        // Between two steps the level is that of the earlier one.
        #expect(
            episode.append(15, .step(.outpatient, .recoveryMonitoring))
                == ["/data/from_level not_in_force"]
        )
        #expect(episode.append(15, .step(.intensiveOutpatient, .inpatient)) == [])
        // The one at 20 started from what was in force when it was appended; folds flag that.
        #expect(episode.append(30, .step(.residential, .inpatient)) == [])
        #expect(episode.append(30, .programChange) == [])
    }

    @Test("Late facts of any earlier time are accepted")
    func lateFacts() {
        var episode = admitted(hour: 1000)
        #expect(episode.append(-100_000, .session) == [])
        #expect(episode.append(999, .stop) == [])
    }

    @Test("Corrections and retractions of steps and of the admission count")
    func foldedCorrections() {
        var episode = admitted(.residential)
        episode.append(10, .step(.residential, .outpatient))
        #expect(
            episode.append(20, .step(.residential, .inpatient)) == ["/data/from_level not_in_force"]
        )
        #expect(
            episode.append(21, .correction(2, .step(.residential, .partialHospitalization))) == []
        )
        #expect(
            episode.append(30, .step(.outpatient, .inpatient)) == ["/data/from_level not_in_force"]
        )
        let id = episode.draft(30, .step(.partialHospitalization, .inpatient))
        #expect(episode.state.decide(id) == [])
        #expect(episode.append(40, .correction(2, .step(.residential, .outpatient), at: 35)) == [])
        #expect(episode.state.decide(id).map(\.code) == ["not_in_force"])
        #expect(episode.append(40, .retraction(2)) == [])
        #expect(episode.append(41, .step(.residential, .outpatient)) == [])
    }

    @Test("A corrected admission gives another level and another time")
    func correctedAdmission() {
        var episode = admitted(.residential, hour: 10)
        #expect(episode.append(11, .correction(1, .admission(.inpatient), at: 5)) == [])
        #expect(
            episode.append(6, .step(.residential, .outpatient)) == ["/data/from_level not_in_force"]
        )
        #expect(episode.append(6, .step(.inpatient, .outpatient)) == [])
        // The admission moves behind the step, which then is no step of the episode any more.
        #expect(episode.append(12, .correction(1, .admission(.inpatient), at: 8)) == [])
        #expect(episode.append(7, .completion) == ["/occurred_at before_admission"])
        #expect(episode.append(9, .step(.inpatient, .residential)) == [])
    }

    @Test("A correction or retraction is of an entry of the episode that still stands")
    func targets() {
        var episode = admitted()
        episode.append(1, .session)
        episode.append(2, .correction(2, .session))
        episode.append(3, .session)
        episode.append(4, .retraction(4))
        for data in [EventData.retraction(77), .correction(77, .session)] {
            #expect(episode.append(9, data) == ["/data/target_event_id unknown_target"])
        }
        for data in [EventData.retraction(3), .correction(3, .session)] {
            #expect(episode.append(9, data) == ["/data/target_event_id target_not_an_entry"])
        }
        for data in [EventData.retraction(5), .correction(5, .session)] {
            #expect(episode.append(9, data) == ["/data/target_event_id target_not_an_entry"])
        }
        for data in [EventData.retraction(4), .correction(4, .session)] {
            #expect(episode.append(9, data) == ["/data/target_event_id target_retracted"])
        }
        #expect(episode.append(9, .correction(2, .session)) == [])
        #expect(episode.state.eventCount == 6)
    }

    @Test("A correction may leave a history that an append would refuse")
    func correctionsAreNotJudged() {
        var episode = admitted(hour: 10)
        episode.append(20, .session)
        episode.append(30, .completion)
        #expect(episode.append(40, .correction(2, .session, at: 500)) == [])
        #expect(episode.append(41, .correction(3, .completion, at: 1)) == [])
        #expect(episode.append(42, .correction(1, .admission(), at: 300)) == [])
        #expect(episode.append(43, .retraction(2)) == [])
    }

    @Test(
        "A replacement is valid for the target's type, and all its errors are told",
        arguments: [
            ("{}", ["session_id is required", "kind is required", "minutes is required"]),
            (
                #"{"session_id":"s","kind":"group","minutes":12.0}"#,
                ["minutes must be an integer, written without fraction and exponent"]
            ),
            (
                #"{"session_id":"s","kind":"group","minutes":1e1}"#,
                ["minutes must be an integer, written without fraction and exponent"]
            ),
            (
                #"{"session_id":"","kind":"family","minutes":0,"from_level":"inpatient"}"#,
                [
                    "from_level is not a field of this object",
                    "kind must be one of individual, group, psychoeducation, activity, occupational_therapy, medication_management, case_management, peer_support, assessment, crisis_intervention, other",
                    "minutes must be from 1 to 720", "session_id must not be empty",
                ]
            ),
            (
                #"{"session_id":"s","kind":"group","minutes":9,"facilitators":[{"role":1}]}"#,
                ["facilitators/0/id is required", "facilitators/0/role must be a string"]
            ),
        ]
    )
    func replacementShape(_ replacement: String, _ errors: [String]) throws {
        var episode = admitted()
        episode.append(1, .session)
        let correction = try EventSamples.draft(
            .entryCorrected,
            data: """
                {"target_event_id":"00000000-0000-0000-0000-000000000002","reason":"r",\
                "replacement":\(replacement)}
                """
        )
        #expect(
            episode.state.decide(correction).map(\.description)
                == errors.map { "/data/replacement/\($0)" }
        )
    }

    @Test("A replacement is recorded in canonical form, whole numbers without fraction included")
    func replacementBytes() throws {
        var episode = admitted()
        episode.append(1, .completion)
        let sent = { (time: String) in
            try EventSamples.draft(
                .entryCorrected,
                data: """
                    {"target_event_id":"00000000-0000-0000-0000-000000000001","reason":"r",\
                    "replacement":{"program":"p","planned_hours_per_week":9.0,"client_id":"C",\
                    "level_of_care":"outpatient","reason":"\(time)"}}
                    """
            )
        }
        let draft = try sent("2025-01-31T18:05:00+01:00")
        #expect(episode.state.decide(draft).isEmpty)
        // "reason" is no time, though it looks like one.
        #expect(
            String(decoding: draft.payload(), as: UTF8.self) == """
                {"reason":"r","replacement":{"client_id":"C","level_of_care":"outpatient",\
                "planned_hours_per_week":9,"program":"p","reason":"2025-01-31T18:05:00+01:00"},\
                "target_event_id":"00000000-0000-0000-0000-000000000001"}
                """
        )
        #expect(
            try EventData.decode(.entryCorrected, schemaVersion: 1, payload: draft.payload())
                .canonicalBytes() == draft.payload()
        )
    }

    /// Why a replacement can be made canonical before the target's type is known.
    @Test(
        "By name or by type, the times in a payload are written the same",
        arguments: EventSamples.full
    )
    func replacementNormalisation(_ type: EventType, _ data: String) throws {
        if type == .entryCorrected || type == .entryRetracted { return }
        let typed = try EventSamples.draft(type, data: data).data
        let correction = try EventSamples.draft(
            .entryCorrected,
            data: """
                {"target_event_id":"00000000-0000-0000-0000-000000000001","reason":"r",\
                "replacement":\(data)}
                """
        )
        guard case .entryCorrected(let corrected) = correction.data else { throw Unexpected() }
        #expect(corrected.replacement.canonicalBytes == typed.canonicalBytes())
        #expect(try corrected.replacement.decode(as: type) == typed)
        #expect(Replacement(typed).canonicalBytes == typed.canonicalBytes())
    }

    @Test("Recorded events are folded in the order of their versions only")
    func versions() throws {
        var episode = admitted()
        episode.append(1, .session)
        var state = EpisodeState()
        #expect(throws: NotTheNextVersion(expected: Version(1), found: Version(2))) {
            try state.apply(episode.history[1])
        }
        try state.apply(episode.history[0])
        #expect(throws: NotTheNextVersion.self) { try state.apply(episode.history[0]) }
        try state.apply(episode.history[1])
        #expect(state.version == Version(2))
        #expect(state.contains(episode.id(2)) && !state.contains(episode.id(3)))
        var broken = episode.history[1]
        broken.version = Version(3)
        broken.type = .entryRetracted
        broken.payload = Array("{}".utf8)
        #expect(throws: UnreadablePayload.self) { try state.apply(broken) }
        #expect(state.version == Version(2) && state.eventCount == 2)
    }

    private func admitted(
        _ level: LevelOfCare = .intensiveOutpatient,
        hour: Int = 0
    ) -> EpisodeBuilder {
        var episode = EpisodeBuilder()
        episode.append(hour, .admission(level))
        return episode
    }
}
