import CareEpisode
import Documents
import Ledger
import Testing

@testable import Pages
@testable import ProjectionRuntime
@testable import Projections

/// A simulated episode of eighteen entries in which everything happens that its pages show.
///
/// In UTC, of 2025, asked on November 20.
struct EpisodeFixture {
    static let episode = EpisodeID(bits: 0x0199_a4e6_9940_7f0c_a723_f5b0_8f2c_ff26)
    static let ledger = LedgerDescription(
        id: LedgerID(rawValue: 1),
        name: .default,
        timeZone: "UTC"
    )

    let calendar: LocalCalendar
    private(set) var events: [RecordedEvent] = []
    let now: Instant

    /// - Parameter text: stands in every field that takes free text.
    init(text: String = "seen at home") throws {
        calendar = try LocalCalendar(timeZone: "UTC")
        now = try #require(Instant(rfc3339: "2025-11-20T15:00:00Z"))
        try record(text)
    }

    // MARK: - Entries

    private static func time(_ text: String) throws -> Instant {
        try #require(Instant(rfc3339: "2025-\(text):00Z"))
    }

    @discardableResult
    private mutating func add(
        _ data: EventData,
        _ time: String,
        known: String? = nil,
        by author: String = "Sim Reed"
    ) throws -> EventID {
        let number = Int64(events.count + 1)
        let id = EventID(bits: 0x0199_0000_0000_7000_8000_0000_0000_0000 + UInt128(number))
        let draft = EventDraft(
            eventID: id,
            occurredAt: try Self.time(time),
            author: Author(id: author, role: .therapist),
            sourceRecordedAt: try Self.time(known ?? time),
            data: data
        )
        let header = draft.header(
            ledger: .default,
            episodeID: Self.episode,
            recordedBy: "import"
        )
        events.append(
            RecordedEvent(
                episodeID: Self.episode,
                leafHash: Array(repeating: UInt8(number), count: 32),
                header: header,
                history: HistoryEvent(
                    position: Position(100 + number),
                    version: Version(number),
                    eventID: id,
                    type: data.type,
                    occurredAt: draft.occurredAt,
                    recordedAt: try Self.time("11-18 00:00".replacing(" ", with: "T"))
                        .advanced(bySeconds: number),
                    knownAt: try Self.time(known ?? time),
                    payload: draft.payload(),
                    header: data.type.hasReadAuthor ? header : []
                )
            )
        )
        return id
    }

    private func session(
        _ id: String,
        _ kind: SessionKind = .group,
        _ minutes: Int = 180,
        modality: SessionModality = .cbt,
        topic: String? = nil
    ) -> EventData {
        .sessionAttended(
            SessionAttended(
                sessionID: id,
                kind: kind,
                minutes: minutes,
                modality: modality,
                topic: topic
            )
        )
    }

    private func change(
        _ change: MedicationChange,
        _ name: String,
        _ dose: Double? = nil,
        _ frequency: String = "daily",
        times: Double = 1,
        unit: String = "mg",
        route: String = "oral",
        reason: String? = nil
    ) -> EventData {
        .medicationAdjusted(
            MedicationAdjusted(
                medication: Medication(name: name),
                change: change,
                prescriber: "Sim Rivera",
                regimen: dose.map {
                    Regimen(
                        dose: $0,
                        unit: unit,
                        route: route,
                        frequency: frequency,
                        timesPerDay: times
                    )
                },
                reason: reason.map { MedicationReason(code: .sideEffect, text: $0) }
            )
        )
    }

    private mutating func record(_ text: String) throws {
        try add(
            .admitted(
                Admitted(
                    clientID: "SIM-QRXTS5NHWT",
                    program: "iop-adult-evening",
                    levelOfCare: .intensiveOutpatient,
                    plannedHoursPerWeek: 9,
                    reason: text,
                    medications: [
                        ArrivalMedication(
                            medication: Medication(
                                name: "buprenorphine 8 MG / naloxone 2 MG Sublingual Film"
                            ),
                            regimen: Regimen(
                                dose: 16,
                                unit: "mg",
                                route: "sublingual",
                                frequency: "daily",
                                timesPerDay: 1
                            )
                        )
                    ],
                    allergies: ["penicillin", text]
                )
            ),
            "10-06T09:00",
            by: "Sim Ellis"
        )
        try add(session("s1", topic: text), "10-06T17:30")
        try add(
            .sessionMissed(SessionMissed(kind: .group, reason: .noShow, sessionID: "s2")),
            "10-08T17:30",
            by: "Sim Ellis"
        )
        let mistaken = try add(session("s3"), "10-09T17:30")
        try add(
            change(.increase, "buprenorphine 8 MG / naloxone 2 MG Sublingual Film", 24),
            "10-10T08:00"
        )
        try add(
            .entryRetracted(EntryRetracted(targetEventID: mistaken, reason: text)),
            "10-11T10:00"
        )
        try add(session("s4", modality: .dbt), "10-13T17:30")
        let misdated = try add(session("s5"), "10-14T17:30")
        try add(session("s6", .individual, 60), "10-16T16:00", known: "10-20T09:00")
        let replacement = session("s5", .psychoeducation, 90)
        try add(
            .entryCorrected(
                EntryCorrected(
                    targetEventID: misdated,
                    reason: text,
                    replacement: replacement,
                    replacementOccurredAt: try Self.time("10-15T17:30")
                )
            ),
            "10-21T05:16"
        )
        try add(
            change(
                .start,
                "clonazepam 0.5 MG Oral Tablet",
                1_500,
                "BID",
                times: 2,
                unit: "µg",
                route: "PO"
            ),
            "10-22T08:00",
            known: "10-25T08:00"
        )
        try add(
            change(.start, "trazodone hydrochloride 50 MG Oral Tablet", 50, "QHS"),
            "10-23T08:00"
        )
        try add(
            change(.hold, "trazodone hydrochloride 50 MG Oral Tablet", reason: text),
            "10-30T08:00"
        )
        try add(
            .familySessionHeld(
                FamilySessionHeld(
                    sessionID: "f1",
                    minutes: 60,
                    participants: [FamilyParticipant(relation: .parent)],
                    clientPresent: true
                )
            ),
            "11-03T16:00"
        )
        try add(
            change(
                .start,
                "acamprosate calcium 333 MG Delayed Release Oral Tablet",
                666,
                "TID",
                times: 3
            ),
            "11-04T08:00"
        )
        try add(
            change(.start, "sertraline 50 MG Oral Tablet", 37.5),
            "12-01T08:00",
            known: "11-05T08:00"
        )
        try add(change(.start, "hydroxyzine pamoate 25 MG Oral Capsule", 25, "once"), "11-06T08:00")
        var end = EpisodeEnd()
        end.disposition = .home
        end.condition = text
        end.lastContactAt = try Self.time("11-14T17:30")
        try add(.discharged(Discharged(reason: .transferred, end: end)), "11-17T12:00")
    }

    // MARK: - The record

    /// The episode as a page shows it.
    ///
    /// - Parameters:
    ///   - query: of the page's address.
    ///   - people: names, where there are any.
    func record(
        _ page: String = "",
        _ query: [String: String] = [:],
        _ people: People = People()
    ) throws -> EpisodeRecord {
        let path = "/ledgers/default/episodes/\(Self.episode)"
        let address = PageAddress(
            page.isEmpty ? path : "\(path)/\(page)",
            query.mapValues { [$0] }
        )
        let moment = Moment(calendar: calendar, now: now, newest: nil)
        let clocks = try PageClocks(address, at: moment)
        let present = try stand(events, now)
        var then = present
        if let version = clocks.version {
            let cut = try HistoryCut(version, of: events.map(\.history), Self.episode, now: now)
            then = try stand(
                events.filter { $0.history.version <= version },
                cut.effectiveAt
            )
        }
        return EpisodeRecord(
            Self.episode,
            then: then,
            now: present,
            version: clocks.version,
            address,
            clocks,
            DisplayFormat(calendar),
            people
        )
    }

    private func stand(_ events: [RecordedEvent], _ time: Instant) throws -> EpisodeStand {
        let replay = try Replay(events, effectiveAt: time)
        let history = try EffectiveHistory(events.map(\.history))
        let reviewed = try ReviewedMedications.fold(
            Self.episode,
            history,
            effectiveAt: time,
            calendar: calendar
        )
        return EpisodeStand(
            replay: replay,
            state: try CensusProjection(Self.ledger).fold(Self.episode, replay.history),
            attendance: try EpisodeAttendance.fold(history, effectiveAt: time, calendar: calendar),
            review: reviewed.map {
                MedicationReview([$0], others: [], effectiveAt: time, calendar: calendar)
            },
            effectiveAt: time
        )
    }

    /// What a version has changed among the entries.
    func changes(_ version: Int64) throws -> EpisodeChanges {
        EpisodeChanges(entries: try ReplayDifference(events, by: Version(version)).changes)
    }

    /// The summary, of the first entries alone an interim one.
    func summary(_ count: Int? = nil) throws -> DischargeSummaryAnswer {
        let history = try EffectiveHistory(events.prefix(count ?? events.count).map(\.history))
        let summary = try #require(
            try DischargeSummaryQuery.fold(Self.episode, history, calendar, now)
        )
        let earlier = try EffectiveHistory(events.prefix(8).map(\.history))
        let before = try #require(
            try DischargeSummaryQuery.fold(Self.episode, earlier, calendar, now)
        )
        return DischargeSummaryAnswer(
            summary: summary,
            effectiveAt: now,
            basis: ReadModelBasis(position: Position(118), head: Position(118)),
            clock: .source,
            changedSince: count != nil
                ? nil
                : .init(
                    since: now.advanced(bySeconds: -86_400),
                    clock: .source,
                    changes: Self.changes(before.items, summary.items)
                )
        )
    }

    /// What differs between two answers.
    static func changes(
        _ before: [AnswerItem],
        _ after: [AnswerItem]
    ) -> [KnowledgeDifference.Change] {
        let old = Dictionary(before.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let new = Dictionary(after.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return Set(old.keys).union(new.keys).sorted().compactMap { name in
            guard old[name]?.bytes != new[name]?.bytes else { return nil }
            return .init(
                item: name,
                before: old[name],
                after: new[name],
                because: [EventID(bits: 0x0199_0000_0000_7000_8000_0000_0000_0001)]
            )
        }
    }

    /// Everything that the answers about an episode may tell to differ: each part that comes, goes, or
    /// changes when two entries more are known.
    func differences() throws -> [KnowledgeDifference.Change] {
        func items(_ count: Int) throws -> [AnswerItem] {
            let some = Array(events.prefix(count))
            let stand = try stand(some, now)
            let history = try EffectiveHistory(some.map(\.history))
            let summary = try DischargeSummaryQuery.fold(Self.episode, history, calendar, now)
            return (stand.attendance?.items ?? []) + (stand.review?.items ?? [])
                + (summary?.items ?? [])
        }
        var changes = Self.changes([], try items(events.count))
        for count in 1...events.count {
            changes += Self.changes(try items(count - 1), try items(count))
            changes += Self.changes(try items(count), try items(count - 1))
        }
        return changes
    }

    /// An episode whose admission is planned, or was retracted.
    func withoutAdmission(_ isRetracted: Bool) throws -> EpisodeRecord {
        var fixture = self
        fixture.events = []
        let admission = try fixture.add(
            .admitted(
                Admitted(
                    clientID: "SIM-QRXTS5NHWT",
                    program: "iop-adult-evening",
                    levelOfCare: .intensiveOutpatient,
                    plannedHoursPerWeek: 9,
                    reason: "worse"
                )
            ),
            "12-20T09:00",
            known: "11-10T09:00"
        )
        if isRetracted {
            try fixture.add(
                .entryRetracted(EntryRetracted(targetEventID: admission, reason: "somebody else")),
                "11-12T09:00",
                by: "Sim Ellis"
            )
        }
        return try fixture.record()
    }
}
