/// What `import` prints.
struct ImportAnswer: Decodable, Equatable {
    var appended: Int
    var duplicates: Int
    var refused: Int
    var head: Int
}

/// What `append` prints.
struct AppendAnswer: Decodable {
    struct Event: Decodable, Equatable {
        var eventId: String
        var version: Int
        var position: Int
        var recordedAt: String
        var leafHash: String
        var duplicate: Bool
    }

    var events: [Event]
}

/// What tests read of a line of `export` and `follow`.
struct RecordedLine: Decodable {
    var eventId: String
    var episodeId: String
    var type: String
    var position: Int
    var version: Int
    var occurredAt: String
    var recordedAt: String
    var recordedBy: String
    var sourceRecordedAt: String?
    var leafHash: String
}

/// One program and level of one day.
struct GroupAnswer: Decodable, Equatable {
    var program: String
    var levelOfCare: String
    var census: Int
    var admissions: Int
    var transfersIn: Int
    var transfersOut: Int
    var discharges: Int
}

/// What `census --from --to` prints.
struct PeriodAnswer: Decodable {
    struct Day: Decodable {
        var date: String
        var total: Int
        var groups: [GroupAnswer]
    }

    var position: Int
    var lag: Int
    var knownAt: String?
    var days: [Day]
}

/// What `census --date` prints.
struct CensusAnswer: Decodable {
    struct Episode: Decodable {
        var episodeId: String
        var program: String
        var levelOfCare: String
        var dayOfStay: Int
    }

    var date: String
    var position: Int
    var lag: Int
    var knownAt: String?
    var total: Int
    var groups: [GroupAnswer]
    var episodes: [Episode]
}

/// What `episodes` prints.
struct EpisodesAnswer: Decodable {
    struct Episode: Decodable {
        var episodeId: String
        var clientId: String
        var overlappingEpisode: Bool
    }

    var position: Int
    var knownAt: String?
    var episodes: [Episode]
}

/// What `replay` prints.
struct ReplayAnswer: Decodable {
    struct Line: Decodable {
        var event: RecordedLine
        var knowledgeTime: String
        var knowledgeClock: String
        var standing: String
        var correctedBy: [String]
        var retractedBy: String?
    }

    struct Entry: Decodable {
        struct Payload: Decodable {
            var minutes: Int?
        }

        var eventId: String
        var type: String
        var time: String
        var correctedBy: [String]
        var data: Payload
    }

    var episodeId: String
    var version: Int
    var knownAt: String?
    var events: [Line]
    var history: [Entry]
}

/// What `replay --diff` prints.
struct DifferenceAnswer: Decodable {
    struct Change: Decodable {
        var change: String
        var eventId: String
        var before: ReplayAnswer.Entry?
        var after: ReplayAnswer.Entry?
        var because: [String]
    }

    var learned: [RecordedLine]
    var differences: [Change]
}

/// Where a read model stands, as `status` and `projections status` print it.
struct ProjectionAnswer: Decodable {
    struct Parked: Decodable {
        var episodeId: String
    }

    var name: String
    var position: Int
    var head: Int
    var lag: Int
    var generation: Int
    var rebuildNeeded: Bool
    var leaseHolder: String?
    var parked: [Parked]
}

/// What `status` prints.
struct StatusAnswer: Decodable {
    struct Database: Decodable {
        var name: String
        var schemaVersion: Int
        var embedded: Bool
    }

    var database: Database
    var ledger: String
    var timeZone: String
    var head: Int
    var projections: [ProjectionAnswer]
    var seal: SealAnswer
}

/// How far the ledger is sealed, as `status` prints it.
struct SealAnswer: Decodable {
    var origin: String?
    var size: Int
    var sealedAt: String?
    var unsealed: Int
    var lagSeconds: Double
    var leaseHolder: String?
    var trouble: String?
    var troublePosition: Int?
}

/// What `checkpoint --format json` prints.
struct CheckpointAnswer: Decodable {
    var ledger: String
    var origin: String
    var size: Int
    var root: String
    var note: String
    var sealedAt: String
    var verifierKeys: [String]
}

/// What `checkpoint --export` prints.
struct LogExportAnswer: Decodable {
    var folder: String
    var size: Int
    var kept: Int
    var files: Int
}

/// What `packet` prints.
struct PacketAnswer: Decodable {
    var file: String
    var episodeId: String
    var events: Int
    var size: Int
    var bytes: Int
}

/// What `verify` prints.
struct VerifyAnswer: Decodable {
    struct Fault: Decodable {
        var position: Int?
        var through: Int?
        var code: String
        var detail: String
    }
    struct Replica: Decodable {
        var events: Int
        var expected: Int
        var detail: String
    }

    var verified: Bool
    var subject: String
    var events: Int
    var episodes: Int
    var checkpoints: Int
    var tiles: Int
    var origin: String?
    var sealed: Int
    var root: String?
    var signedBy: [String]
    var unsealed: Int
    var unsealedSince: String?
    var readModels: [String]
    var firstBadPosition: Int?
    var faultCount: Int
    var faults: [Fault]
    var notices: [String]
    var replica: Replica?
}

/// What `projections status` prints.
struct ProjectionsAnswer: Decodable {
    var ledger: String
    var projections: [ProjectionAnswer]
}

/// What `ledgers` prints.
struct LedgersAnswer: Decodable {
    struct Ledger: Decodable, Equatable {
        var name: String
        var timeZone: String
        var head: Int
    }

    var ledgers: [Ledger]
}

/// What `migrate` prints.
struct MigrateAnswer: Decodable {
    struct Migration: Decodable {
        var number: Int
        var name: String
    }

    struct Object: Decodable {
        var name: String
        var revision: Int
    }

    var applied: [Migration]
    var putInPlace: [Object]
    var schemaVersion: Int
}
