extension MedicationFlag {
    /// One sentence or more for people.
    public var text: String { note.map { "\(flag.text) \($0)" } ?? flag.text }
}

extension MedicationFlag {
    /// Where the flag stands in a list: 0 is the most serious.
    public var seriousness: Int { flag.seriousness }
}

extension MedicationFlag.Flag {
    /// Every kind, the most serious first: what may harm now; what is taken twice or by mistake; what
    /// does not fit together; what is incomplete or late; hints; what nobody has looked at.
    public static let bySeriousness: [MedicationFlag.Flag] = [
        .allergyRecorded, .opioidAndBenzodiazepine, .twoAntipsychotics,
        .duplicateActive, .stoppedStillListed,
        .unmatchedChange, .ambiguousChange, .resumeWithoutHold, .changedWhileHeld,
        .stopWithoutStart, .stoppedBeforeStarted, .afterEnd, .directionMismatch, .changedAfterStop,
        .incompleteRegimen, .noReason, .lateEntry,
        .sameIngredient,
        .notReviewed,
    ]

    /// Where flags of the kind stand in a list: 0 is the most serious.
    public var seriousness: Int {
        guard let place = Self.bySeriousness.firstIndex(of: self) else {
            preconditionFailure("every kind has its place")
        }
        return place
    }

    /// Whether it holds at the time of a review, and is no flag of single events.
    public var isOfState: Bool {
        switch self {
        case .duplicateActive, .sameIngredient, .stoppedStillListed, .allergyRecorded,
            .notReviewed, .opioidAndBenzodiazepine, .twoAntipsychotics:
            true
        default: false
        }
    }

    /// One sentence for people.
    public var text: String {
        switch self {
        case .unmatchedChange: "A change of a medication that is not known to be taken."
        case .ambiguousChange:
            "A change that fits several medications: none of them was changed; with a regimen it "
                + "stands as a medication of its own."
        case .resumeWithoutHold: "Resumed without having been held."
        case .changedWhileHeld: "Changed while held; taken again since."
        case .changedAfterStop:
            "Changed after it was stopped; taken again since, as a medication of its own."
        case .stopWithoutStart: "A stop of a medication that is not known to be taken."
        case .stoppedBeforeStarted: "Stopped before this took effect; never taken."
        case .afterEnd:
            "Takes effect at or after the end of the episode, and became known after that."
        case .directionMismatch: "The daily dose moves against what the change says."
        case .lateEntry: "Recorded more than 24 hours after it took effect."
        case .noReason: "A decrease, switch, hold or stop without a reason."
        case .incompleteRegimen:
            "Started without dose, route or frequency, or a dose without a unit."
        case .duplicateActive: "The same medication is active more than once."
        case .sameIngredient: "Several active medications have the same ingredient."
        case .stoppedStillListed: "Stopped, and still on the list under another entry."
        case .allergyRecorded: "An allergy to it is recorded."
        case .notReviewed: "Not reviewed."
        case .opioidAndBenzodiazepine: "An opioid and a benzodiazepine are active together."
        case .twoAntipsychotics: "Antipsychotics of different ingredients are active together."
        }
    }
}
