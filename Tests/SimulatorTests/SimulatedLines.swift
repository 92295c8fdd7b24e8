import CareEpisode
import Simulator

/// The events of a simulation, parsed as an import would parse them.
struct SimulatedLines {
    struct Line {
        let bytes: [UInt8]
        let episodeID: EpisodeID
        let draft: EventDraft
        let knownAt: Instant
    }

    let lines: [Line]

    /// The lines of a simulation; with `types`, those of these types alone, since parsing is what
    /// takes the time.
    init(
        episodes: Int,
        seed: UInt64,
        until: CalendarDate = Simulation.defaultEnd,
        assumptions: SimulationAssumptions = .standard,
        types: [EventType] = []
    ) throws {
        let simulation = Simulation(
            episodes: episodes,
            seed: seed,
            until: until,
            assumptions: assumptions
        )
        // Members are sorted by name: the type comes last.
        let endings = types.map { Array("\"type\":\"\($0.rawValue)\"}".utf8) }
        var lines: [Line] = []
        try simulation.lines { bytes in
            guard
                endings.isEmpty
                    || endings.contains(where: { bytes.suffix($0.count).elementsEqual($0) })
            else { return }
            let (episodeID, draft) = try EventParser.parseLine(bytes)
            lines.append(
                Line(
                    bytes: bytes,
                    episodeID: episodeID,
                    draft: draft,
                    knownAt: draft.sourceRecordedAt ?? Instant(microseconds: .max)
                )
            )
        }
        self.lines = lines
    }

    /// 600 episodes, about 30,000 events, made once for all tests that only look.
    static let shared = Result { try SimulatedLines(episodes: 600, seed: 42) }

    /// The lines of each episode, in the order of the file.
    var byEpisode: [EpisodeID: [Line]] { Dictionary(grouping: lines, by: \.episodeID) }

    /// How many entries became known more than a day after they happened.
    var late: Int {
        lines.count {
            !$0.draft.type.isAmendment
                && $0.draft.occurredAt.advanced(bySeconds: 86_400) < $0.knownAt
        }
    }

    /// The entries that somebody corrected.
    var corrected: Set<EventID> {
        Set(
            lines.compactMap { line in
                if case .entryCorrected(let it) = line.draft.data { it.targetEventID } else { nil }
            }
        )
    }

    /// How many events are so.
    func count(where isCounted: (EventDraft) -> Bool) -> Int {
        lines.count { isCounted($0.draft) }
    }
}

/// FNV-1a, 64 bits: notices any change of bytes.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    init(of simulation: Simulation) {
        simulation.lines { line in
            add(line)
            add([UInt8(ascii: "\n")])
        }
    }
}
