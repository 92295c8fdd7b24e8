public import CareEpisode
public import ProjectionRuntime

/// The review of one episode, and what it rests on.
public struct EpisodeMedicationReview: Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// Its medications.
    public var review: MedicationReview
    /// What the answer rests on.
    public var basis: ReadModelBasis
}

/// The review of all open episodes of a client together, and what it rests on.
public struct ClientMedicationReview: Sendable {
    /// The client's pseudonymous key.
    public var clientID: String
    /// Those that are open at the time, by admission.
    public var episodes: [Episode]
    /// Their medications.
    public var review: MedicationReview
    /// What the answer rests on.
    public var basis: ReadModelBasis

    /// One open episode.
    public struct Episode: Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// The program at the time.
        public var program: String
        /// The level of care at the time.
        public var levelOfCare: LevelOfCare
        /// When it began.
        public var admittedAt: Instant
    }
}

/// The reviews of all who are enrolled at a time.
public struct MedicationWorklist: Sendable {
    /// Only those in this program; nil for all.
    public var program: String?
    /// The time.
    public var effectiveAt: Instant
    /// The most serious first: by the most serious flag, then with most flags, then by episode id.
    public var episodes: [Episode]
    /// What the answer rests on.
    public var basis: ReadModelBasis

    /// One episode of the list.
    public struct Episode: Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// The client's pseudonymous key.
        public var clientID: String
        /// The program at the time.
        public var program: String
        /// The level of care at the time.
        public var levelOfCare: LevelOfCare
        /// Its medications.
        public var review: MedicationReview
    }
}

extension [MedicationWorklist.Episode] {
    /// Those first that are to be looked at first.
    var inOrder: Self {
        map { ($0, $0.review.flags.map(\.flag.seriousness).min() ?? .max) }.sorted {
            ($0.1, $1.0.review.flags.count, $0.0.episodeID)
                < ($1.1, $0.0.review.flags.count, $1.0.episodeID)
        }.map(\.0)
    }
}

/// Why there is no medication review to tell.
public enum MedicationReviewError: Error, Hashable, CustomStringConvertible {
    /// Events of the episode are recorded, but no admission is known and in force.
    case notAdmitted(EpisodeID)
    /// A recorded event of the episode cannot be read.
    case unreadable(EpisodeID)
    /// The read model has not reached the episode's first event.
    case notReached(EpisodeID, position: Position, head: Position)

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .notAdmitted(let episode):
            "no admission of episode \(episode) is known and in force at the times asked for; "
                + "`episode-ledger replay` shows what is recorded"
        case .notReached(let episode, let position, let head):
            "the medication review has reached position \(position) of \(head), and episode "
                + "\(episode) is not in it yet: ask without --stale-ok"
        case .unreadable(let episode):
            "a recorded event of episode \(episode) cannot be read by this program: use a newer "
                + "one, or see `episode-ledger replay`"
        }
    }
}
