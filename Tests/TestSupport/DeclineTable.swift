public import CareEpisode

/// A request that the parser takes and the ledger declines, with all that must be said about it.
public struct DeclineCase: Sendable, CustomStringConvertible {
    public let name: String
    public let episode = EpisodeID.fresh
    /// What is recorded of the episode before.
    public let history: [EventDraft]
    /// What is sent: a list where it is not one event.
    public let sent: [EventDraft]
    /// Nil where the writer does not care.
    public let expectedVersion: Version?
    /// The code of the decline: `refused`, or what else the ledger has against it.
    public let code: String
    /// Whether HTTP answers 409 and the command ends with 1, instead of 422 and 2.
    public let isConflict: Bool
    /// What is wrong, field by field: of a refusal, and of whatever stands in a line of an import.
    public let errors: [FieldError]
    /// The sentence that says why; of a refusal, that nothing was written.
    public let detail: String

    /// Whether it can be a line of an import: one event, without an expected version.
    public var isImportable: Bool { sent.count == 1 && expectedVersion == nil }

    public var description: String { name }
}

/// What no parser can refuse, since it hangs on the ledger's clock or on what is recorded
/// (`docs/events.md`, "What is refused", steps 2 to 5).
public enum DeclineTable {
    /// Each of an episode of its own.
    public static let cases = times + lifeCycle + amendments + repeats + versions

    // MARK: Time

    private static let future = Instant(rfc3339: "2999-01-01T00:00:00Z")!

    private static let times: [DeclineCase] = [
        refused(
            "a session in the future",
            after: [SampleEvent.admitted()],
            SampleEvent.event(at: future, SampleEvent.session().data),
            ("/occurred_at", "in_future", "must be at most 5 minutes after the ledger's clock")
        ),
        refused(
            "a medication more than a year ahead",
            after: [SampleEvent.admitted()],
            SampleEvent.medicationStopped(at: future),
            ("/occurred_at", "in_future", "must be at most 366 days after the ledger's clock")
        ),
        refused(
            "an admission in a mistyped year",
            after: [],
            mistyped(SampleEvent.admitted()),
            ("/occurred_at", "too_early", "must not be before 1950-01-01 (UTC)")
        ),
        withTarget { session in
            refused(
                "a correction to a mistyped year",
                after: [SampleEvent.admitted(), SampleEvent.session(session)],
                SampleEvent.event(
                    at: SampleEvent.admissionTime,
                    .entryCorrected(
                        EntryCorrected(
                            targetEventID: session,
                            reason: "typing error",
                            replacement: SampleEvent.session().data,
                            replacementOccurredAt: past
                        )
                    )
                ),
                (
                    "/data/replacement_occurred_at", "too_early",
                    "must not be before 1950-01-01 (UTC)"
                )
            )
        },
        refused(
            "a source that will have recorded in the future",
            after: [],
            sourced(SampleEvent.admitted()),
            ("/source_recorded_at", "in_future", "must not be later than the ledger's clock")
        ),
    ]

    /// The last microsecond that is too early.
    private static let past = Instant(rfc3339: "1949-12-31T23:59:59.999999Z")!

    private static func mistyped(_ event: EventDraft) -> EventDraft {
        var event = event
        event.occurredAt = Instant(rfc3339: "0205-01-06T14:00:00Z")!
        return event
    }

    private static func sourced(_ event: EventDraft) -> EventDraft {
        var event = event
        event.sourceRecordedAt = future
        return event
    }

    // MARK: Life cycle

    private static let lifeCycle: [DeclineCase] = [
        refused(
            "a session of an episode that was never begun",
            after: [],
            SampleEvent.session(),
            ("/type", "not_admitted", "must be admitted: it is the first event of the episode")
        ),
        refused(
            "a second admission",
            after: [SampleEvent.admitted()],
            SampleEvent.admitted(),
            ("/type", "already_admitted", "must not be admitted: the episode has its admission")
        ),
        withTarget { admission in
            refused(
                "a session after the admission was retracted",
                after: [
                    SampleEvent.admitted(admission), SampleEvent.retracted(target: admission),
                ],
                SampleEvent.session(),
                (
                    "/type", "admission_retracted",
                    "is not accepted: the admission is retracted; begin a new episode"
                )
            )
        },
        refused(
            "a second end",
            after: [SampleEvent.admitted(), SampleEvent.completed()],
            SampleEvent.completed(day: 50),
            (
                "/type", "already_ended",
                "must not be an end: the episode has ended; retract that end first"
            )
        ),
        refused(
            "an end before the admission",
            after: [SampleEvent.admitted()],
            SampleEvent.completed(day: -1),
            ("/occurred_at", "before_admission", "must not be before the admission")
        ),
        refused(
            "a change of program after the end",
            after: [SampleEvent.admitted(), SampleEvent.completed()],
            SampleEvent.programChanged(day: 61),
            (
                "/occurred_at", "after_end",
                "must be before the end of the episode; retract the end to reopen it"
            )
        ),
        refused(
            "a step at the moment of the end",
            after: [SampleEvent.admitted(), SampleEvent.completed(day: 0)],
            steppedDown(from: .intensiveOutpatient),
            (
                "/occurred_at", "after_end",
                "must be before the end of the episode; retract the end to reopen it"
            )
        ),
        refused(
            "a step from a level that is not in force",
            after: [SampleEvent.admitted()],
            steppedDown(from: .residential),
            (
                "/data/from_level", "not_in_force",
                "must be the level of care in force just before occurred_at"
            )
        ),
    ]

    /// A step at the time of the admission.
    private static func steppedDown(from level: LevelOfCare) -> EventDraft {
        let step = LevelStep(fromLevel: level, toLevel: .outpatient, rationale: "better")
        return SampleEvent.event(at: SampleEvent.admissionTime, .steppedDown(step))
    }

    // MARK: Corrections and retractions

    private static let amendments: [DeclineCase] = [
        refused(
            "a retraction of what is not there",
            after: [SampleEvent.admitted()],
            SampleEvent.retracted(target: .fresh),
            ("/data/target_event_id", "unknown_target", "must be an event of this episode")
        ),
        refused(
            "a correction of what is not there",
            after: [SampleEvent.admitted()],
            SampleEvent.corrected(target: .fresh, minutes: 50),
            ("/data/target_event_id", "unknown_target", "must be an event of this episode")
        ),
        withTarget { correction in
            withTarget { session in
                refused(
                    "a retraction of a correction",
                    after: [
                        SampleEvent.admitted(), SampleEvent.session(session),
                        SampleEvent.corrected(correction, target: session, minutes: 50),
                    ],
                    SampleEvent.retracted(target: correction),
                    (
                        "/data/target_event_id", "target_not_an_entry",
                        "must not be a correction or retraction"
                    )
                )
            }
        },
        withTarget { session in
            refused(
                "a correction of what is retracted",
                after: [
                    SampleEvent.admitted(), SampleEvent.session(session),
                    SampleEvent.retracted(target: session),
                ],
                SampleEvent.corrected(target: session, minutes: 50),
                (
                    "/data/target_event_id", "target_retracted", "must not be retracted already"
                )
            )
        },
        withTarget { session in
            refused(
                "a session corrected as if it were an end",
                after: [SampleEvent.admitted(), SampleEvent.session(session)],
                SampleEvent.event(
                    at: SampleEvent.admissionTime,
                    .entryCorrected(
                        EntryCorrected(
                            targetEventID: session,
                            reason: "typing error",
                            replacement: .completed(EpisodeEnd())
                        )
                    )
                ),
                ("/data/replacement/session_id", "required", "is required"),
                ("/data/replacement/kind", "required", "is required"),
                ("/data/replacement/minutes", "required", "is required")
            )
        },
    ]

    private static func withTarget(_ make: (EventID) -> DeclineCase) -> DeclineCase {
        make(.fresh)
    }

    // MARK: Ids that are recorded, and versions

    private static let repeats: [DeclineCase] = [
        withTarget { session in
            DeclineCase(
                name: "an id that is recorded with other content",
                history: [SampleEvent.admitted(), SampleEvent.session(session)],
                sent: [SampleEvent.session(session, minutes: 50)],
                expectedVersion: nil,
                code: "event_id_reused",
                isConflict: true,
                errors: [
                    FieldError(
                        pointer: "/event_id",
                        code: "event_id_reused",
                        detail: "is recorded already with other content"
                    )
                ],
                detail: "event id \(session) is recorded already with other content; "
                    + "nothing was written"
            )
        },
        withTarget { session in
            DeclineCase(
                name: "a list that is recorded in part",
                history: [SampleEvent.admitted(), SampleEvent.session(session)],
                sent: [SampleEvent.session(session), SampleEvent.session()],
                expectedVersion: nil,
                code: "partly_recorded",
                isConflict: false,
                errors: [
                    FieldError(
                        pointer: "",
                        code: "partly_recorded",
                        detail: "is recorded in part"
                    )
                ],
                detail: "some of the events are recorded already and some are not, or an id is "
                    + "named twice; nothing was written"
            )
        },
    ]

    private static let versions: [DeclineCase] = [
        outdated("a new episode that has begun", expected: .zero),
        outdated("a version that is over", expected: Version(1)),
        outdated("a version that is still to come", expected: Version(3)),
    ]

    private static func outdated(_ name: String, expected: Version) -> DeclineCase {
        DeclineCase(
            name: name,
            history: [SampleEvent.admitted(), SampleEvent.session()],
            sent: [SampleEvent.session(day: 2)],
            expectedVersion: expected,
            code: "version_conflict",
            isConflict: true,
            errors: [
                FieldError(
                    pointer: "",
                    code: "version_conflict",
                    detail: "is for another version than 2, at which the episode is"
                )
            ],
            detail: "the episode is at version 2, not at the expected one; nothing was written"
        )
    }

    private static func refused(
        _ name: String,
        after history: [EventDraft],
        _ sent: EventDraft,
        _ errors: (pointer: String, code: String, detail: String)...
    ) -> DeclineCase {
        DeclineCase(
            name: name,
            history: history,
            sent: [sent],
            expectedVersion: nil,
            code: "refused",
            isConflict: false,
            errors: errors.map {
                FieldError(pointer: $0.pointer, code: $0.code, detail: $0.detail)
            },
            detail: "what was sent is refused; nothing was written"
        )
    }
}
