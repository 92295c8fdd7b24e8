import CareEpisode

extension MedicationCourse {
    /// How an interval ends with its episode.
    static let episodeEnd = "episode_end"

    /// Folds the medications of an effective history (`docs/medication-review.md`).
    ///
    /// - Parameters:
    ///   - history: of one episode, cut at the effective time.
    ///   - course: of the same history: its admission and its end; nil before the admission, when
    ///     changes take part already.
    ///   - whole: the history with what lies after that time, of which a stop may cancel some; nil
    ///     where it is the same.
    /// - Throws: a refusal where a recorded payload is none of its type.
    static func fold(
        _ history: EffectiveHistory,
        admission course: Course?,
        whole: EffectiveHistory? = nil
    ) throws -> MedicationCourse {
        let steps = try history.entries.compactMap {
            try MedicationStep($0, course, knownAt: history.knowledgeTime(of: $0))
        }
        // What was cut off lies at the end: entries are in the order of time.
        let ahead = try (whole?.entries.dropFirst(history.entries.count) ?? []).compactMap {
            try MedicationStep($0, nil, knownAt: history.knowledgeTime(of: $0))
        }
        var walk = MedicationWalk(
            steps,
            ahead: ahead,
            end: course?.ending.map { ($0.entry.time, history.knowledgeTime(of: $0.entry)) }
        )
        for step in steps { walk.take(step) }
        return walk.finish()
    }
}

/// An entry that says something about medications.
struct MedicationStep {
    enum Content {
        case arrival([ArrivalMedication])
        case change(MedicationAdjusted)
    }

    let entry: EffectiveHistory.Entry
    let content: Content
    /// When it became known, by the clock of its history.
    let knownAt: Instant

    /// Nil for an entry that says nothing about medications.
    init?(_ entry: EffectiveHistory.Entry, _ course: Course?, knownAt: Instant) throws {
        self.entry = entry
        self.knownAt = knownAt
        if let course, entry.eventID == course.admission.eventID {
            guard let medications = course.admitted.medications, !medications.isEmpty else {
                return nil
            }
            content = .arrival(medications)
        } else if entry.type == .medicationAdjusted,
            case .medicationAdjusted(let change) = try entry.decode()
        {
            content = .change(change)
        } else {
            return nil
        }
    }

    /// Known more than a day after it took effect, by the original's own time: a correction does
    /// not make its target late.
    var isLate: Bool { entry.knownAt > entry.occurredAt.advanced(bySeconds: 86_400) }
}
