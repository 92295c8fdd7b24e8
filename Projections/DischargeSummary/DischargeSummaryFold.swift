import CareEpisode

extension DischargeSummary {
    /// Summarizes an episode.
    ///
    /// - Parameters:
    ///   - episode: whose history.
    ///   - history: its effective history, cut at the effective time.
    ///   - calendar: of the ledger's zone.
    ///   - effectiveAt: that time; the weeks of an interim summary count up to it.
    /// - Returns: nil without a known, unretracted admission.
    /// - Throws: a refusal where a recorded payload or header is none.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        calendar: LocalCalendar,
        effectiveAt: Instant?
    ) throws -> DischargeSummary? {
        try Course(history, calendar: calendar).map {
            try DischargeSummary(
                episode,
                $0,
                medications: $0.medications(),
                effectiveAt: effectiveAt
            )
        }
    }

    /// Summarizes an episode whose course and medications are known; parameters and errors as for the
    /// fold.
    init(
        _ episode: EpisodeID,
        _ course: Course,
        medications whole: MedicationCourse,
        effectiveAt: Instant?
    ) throws {
        let last = course.history.entries.last?.time
        let fold = DischargeSummaryFold(
            course,
            openUntil: course.ending?.entry.time ?? effectiveAt ?? last
        )
        let medications = try fold.medications(episode, whole)
        let care = try fold.courseOfCare()
        self.init(
            episodeID: episode,
            status: course.ending == nil ? .interim : .final,
            client: fold.client(),
            admission: fold.admission(),
            courseOfCare: care,
            medications: try fold.comparison(medications),
            discharge: fold.discharge(),
            followUp: fold.followUp(),
            authorship: try fold.authorship(),
            amendments: Amendments(corrections: [], lateEntries: []),
            completeness: fold.completeness(care),
            flags: fold.flags(medications)
        )
        amendments = fold.amendments(self)
    }
}

/// One episode on its way into a summary.
struct DischargeSummaryFold {
    typealias Element = DischargeSummary.Element

    let course: Course
    /// The end, or the time up to which an open episode is summarized.
    let openUntil: Instant
    private let places: [EventID: Int]

    init(_ course: Course, openUntil: Instant?) {
        self.course = course
        self.openUntil = openUntil ?? course.admission.time
        places = Dictionary(
            course.history.entries.enumerated().map { ($1.eventID, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    var history: EffectiveHistory { course.history }

    /// Where an entry stands in the history.
    func place(of event: EventID) -> Int { places[event] ?? .max }

    var calendar: LocalCalendar { course.calendar }
    var admissionID: EventID { course.admission.eventID }
    var endID: EventID? { course.ending?.entry.eventID }

    /// Whether an entry comes after the admission's, also one of the same instant.
    func isAfterAdmission(_ event: EventID) -> Bool {
        guard let place = places[event], let admission = places[admissionID] else { return false }
        return place > admission
    }

    /// A statement with its events in the order of the history, each once.
    func element<Value>(_ value: Value?, _ events: some Collection<EventID>) -> Element<Value> {
        guard let value else { return .none }
        var order = events.map { (place: places[$0] ?? .max, event: $0) }
        // Most come in order already.
        if !zip(order, order.dropFirst()).allSatisfy({ $0.place < $1.place }) {
            order = Set(events).map { (places[$0] ?? .max, $0) }.sorted { $0.0 < $1.0 }
        }
        return Element(value: value, eventIDs: order.map(\.event))
    }

    /// A statement of the admission alone.
    func atAdmission<Value>(_ value: Value?) -> Element<Value> { element(value, [admissionID]) }

    /// A statement of the end alone; none while the episode is open.
    func atEnd<Value>(_ value: (Course.Ending) -> Value?) -> Element<Value> {
        guard let ending = course.ending else { return .none }
        return element(value(ending), [ending.entry.eventID])
    }

    // MARK: - Admission and end

    func admission() -> DischargeSummary.Admission {
        let allergies: DischargeSummary.Allergies =
            switch course.admitted.allergies {
            case nil: .notRecorded
            case .some(let list): list.isEmpty ? .noneKnown : .recorded(list)
            }
        return DischargeSummary.Admission(
            reason: atAdmission(course.admitted.reason),
            diagnoses: atAdmission(course.admitted.diagnoses),
            allergies: atAdmission(allergies)
        )
    }

    func discharge() -> DischargeSummary.Discharge {
        DischargeSummary.Discharge(
            reason: atEnd(\.reason),
            diagnoses: atEnd(\.details.diagnoses),
            goals: atEnd(\.details.goals),
            condition: atEnd(\.details.condition),
            disposition: atEnd { $0.details.disposition?.rawValue },
            summary: atEnd(\.details.summary)
        )
    }

    func followUp() -> DischargeSummary.FollowUp {
        DischargeSummary.FollowUp(
            aftercare: atEnd(\.details.aftercare),
            instructions: atEnd(\.details.instructions)
        )
    }

    // MARK: - Medications

    /// The medications just after what takes effect at the end, and with what lies after it.
    ///
    /// - Parameter whole: those of the whole course.
    /// - Throws: a refusal where a recorded payload is none of its type.
    func medications(
        _ episode: EpisodeID,
        _ whole: MedicationCourse
    ) throws -> ReviewedMedications {
        let cut = history.through(openUntil)
        var atEnd = whole
        if cut.entries.count < history.entries.count {
            atEnd = try MedicationCourse.fold(cut, admission: course, whole: history)
        }
        return ReviewedMedications(
            episodeID: episode,
            course: atEnd,
            whole: whole,
            enrolment: EpisodeMedications(episode, course, atEnd),
            clientID: course.admitted.clientID
        )
    }

    /// The medications at admission and at the end, and what is planned for later.
    func comparison(_ medications: ReviewedMedications) throws -> DischargeSummary.Medications {
        let comparison = try MedicationComparison(
            medications.course,
            whole: medications.whole,
            self
        )
        var compared = comparison.medications()
        guard !hasDied else { return compared }
        compared.afterDischarge = comparison.afterDischarge(medications.whole) { event in
            // Of an open episode, what is scheduled: known at the time.
            course.ending != nil
                || history.knowledgeTime(of: history.entries[place(of: event)]) <= openUntil
        }
        return compared
    }

    /// Whether the client has died: nothing is to be done by them any more.
    var hasDied: Bool {
        guard let ending = course.ending else { return false }
        return ending.reason == .discharged(.died) || ending.details.disposition == .expired
    }

    /// From the envelope of the end as it was first recorded: a correction has an author of its own.
    func authorship() throws -> DischargeSummary.Authorship {
        let header = try course.ending.flatMap { ending in
            ending.entry.header.isEmpty ? nil : try EventHeader.decode(ending.entry.header)
        }
        return DischargeSummary.Authorship(
            author: atEnd { _ in header?.author },
            recordedBy: atEnd { _ in header?.recordedBy },
            recordedAt: atEnd(\.entry.recordedAt),
            signature: atEnd { _ in "not signed" }
        )
    }

    // MARK: - Completeness

    /// The elements of Joint Commission standard RC.02.04.01.
    func completeness(_ care: DischargeSummary.CourseOfCare) -> DischargeSummary.Completeness {
        typealias Presence = DischargeSummary.Presence
        let details = course.ending?.details
        func end(_ isPresent: Bool) -> Element<Presence> {
            element(Presence(isPresent), [endID].compactMap { $0 })
        }
        let sessions = care.attended.eventIDs + care.familySessions.eventIDs
        return DischargeSummary.Completeness(
            reasonForAdmission: atAdmission(Presence(Self.isSaid(course.admitted.reason))),
            careProvided: element(Presence(!sessions.isEmpty), sessions),
            // A discharge says why the episode ended; of a completion the disposition must say what
            // comes next.
            conditionAndDisposition: end(
                Self.isSaid(details?.condition)
                    && (details?.disposition != nil || course.ending?.entry.type == .discharged)
            ),
            informationToClientAndFamily: hasDied
                ? atEnd { _ in .notApplicable } : end(Self.isSaid(details?.instructions)),
            followUp: hasDied
                ? atEnd { _ in .notApplicable } : end(details?.aftercare?.isEmpty == false)
        )
    }

    private static func isSaid(_ text: String?) -> Bool {
        text?.contains { !$0.isWhitespace } ?? false
    }

    // MARK: - Flags

    /// Those of the stays and sessions and of the medications, and what holds of the medications
    /// at discharge; late entries are amendments.
    func flags(_ medications: ReviewedMedications) -> [DischargeSummary.Flag] {
        // At the end's own instant, as if the episode went on.
        var open = medications
        open.course.endedAt = nil
        open.whole.endedAt = nil
        let atDischarge = MedicationReview(
            [open],
            others: nil,
            effectiveAt: openUntil,
            calendar: calendar
        )
        // What is planned for after an end is a part of the summary, and so are its doubts.
        let planned =
            course.ending == nil ? [] : medications.whole.flags.filter { $0.at > openUntil }
        let doubts =
            atDischarge.flags.filter { !$0.flag.isOfState && $0.flag != .lateEntry }
            + planned.filter { $0.flag != .lateEntry }.map { $0.naming(medications.whole) }
            + atDischarge.flags.filter { $0.flag.isOfState && $0.flag != .notReviewed }
        return course.flags.map {
            DischargeSummary.Flag(code: $0.flag.rawValue, text: $0.flag.text, eventIDs: $0.eventIDs)
        }
            + doubts.map {
                DischargeSummary.Flag(
                    code: $0.flag.rawValue,
                    text: $0.text,
                    eventIDs: $0.eventIDs
                )
            }
    }
}
