import CareEpisode
import Glibc
import Ledger
import Synchronization

/// What the two processes of a seed append.
final class Load: Sendable {
    enum Phase {
        case admissions, everything
    }

    /// How many requests had which outcome.
    let outcomes = Mutex<[String: Int]>([:])
    let writers: UInt64
    private let seed: UInt64
    private let process: UInt64
    private let episodes: [EpisodeID]
    private let requests: UInt64

    init(seed: UInt64, process: UInt64, writers: UInt64, episodes: UInt64, requests: UInt64) {
        var random = Random(seed, 0)
        self.seed = seed
        self.process = process
        self.writers = writers
        self.episodes = (0..<episodes).map { _ in EpisodeID.random(using: &random) }
        self.requests = requests
    }

    /// One writer's part of a phase.
    func run(_ phase: Phase, writer: UInt64, _ sequencer: Sequencer) async throws {
        switch phase {
        case .admissions:
            // Both processes admit everybody.
            for index in stride(from: Int(writer), to: episodes.count, by: Int(writers)) {
                try await send(admission(index), sequencer)
            }
        case .everything:
            for index in 0..<requests {
                try await send(step(writer, index), sequencer)
            }
        }
    }

    // MARK: - Requests

    /// What a writer does as its next step: something of its own, or something that was or will be
    /// sent by another writer.
    private func step(_ writer: UInt64, _ index: UInt64) -> AppendRequest {
        var random = Random(seed, 1, process, writer, index)
        let other = UInt64.random(in: 0..<writers, using: &random)
        return switch UInt64.random(in: 0..<100, using: &random) {
        case 0..<15 where index > 0:
            // A repeat of this process.
            own(process, other, .random(in: 0...index, using: &random))
        case 15..<40:
            // What the other process sends about now.
            own(1 - process, other, index)
        case 40..<45: conflicting(own(process, writer, index, salt: 2))
        case 45..<50: unacceptable(&random)
        case 50..<55: changed(own(process, other, index))
        default: own(process, writer, index)
        }
    }

    private func admission(_ index: Int) -> AppendRequest {
        var random = Random(seed, 2, UInt64(index))
        let data = Admitted(
            clientID: "C-\(index)",
            program: "iop",
            levelOfCare: .intensiveOutpatient
        )
        return request(episodes[index], [event(&random, day: 0, .admitted(data))])
    }

    /// The request that belongs to a place: whoever sends it, its bytes are the same.
    private func own(
        _ process: UInt64,
        _ writer: UInt64,
        _ index: UInt64,
        salt: UInt64 = 0
    ) -> AppendRequest {
        var random = Random(seed, 3 + salt, process, writer, index)
        let episode = episodes[Int.random(in: 0..<episodes.count, using: &random)]
        let count = Int.random(in: 0..<4, using: &random) == 0 ? 3 : 1
        let events = (0..<count).map { number in
            let data = SessionAttended(sessionID: "s-\(number)", kind: .group, minutes: 60)
            return event(&random, day: .random(in: 1...60, using: &random), .sessionAttended(data))
        }
        return request(episode, events)
    }

    /// On condition that nothing has been appended to the episode since its admission.
    private func conflicting(_ request: AppendRequest) -> AppendRequest {
        var request = request
        request.expectedVersion = Version(rawValue: 1)
        return request
    }

    /// An id that is, or will be, recorded with another content.
    private func changed(_ request: AppendRequest) -> AppendRequest {
        var request = request
        request.events[0].author = Author(id: "somebody else", role: .nurse)
        return request
    }

    /// A second admission, which no episode takes.
    private func unacceptable(_ random: inout Random) -> AppendRequest {
        var request = admission(.random(in: 0..<episodes.count, using: &random))
        request.events[0].eventID = .random(using: &random)
        return request
    }

    private func request(_ episode: EpisodeID, _ events: [EventDraft]) -> AppendRequest {
        AppendRequest(episodeID: episode, events: events, recordedBy: "append-load \(process)")
    }

    private func event(_ random: inout Random, day: Int64, _ data: EventData) -> EventDraft {
        EventDraft(
            eventID: .random(using: &random),
            occurredAt: Instant(microseconds: 1_736_154_000_000_000)
                .advanced(bySeconds: day * 86_400),
            author: Author(id: "n-1", role: .nurse),
            data: data
        )
    }

    // MARK: - Sending

    /// Sends a request until it has an outcome, and prints what was acknowledged.
    private func send(_ request: AppendRequest, _ sequencer: Sequencer) async throws {
        while true {
            do {
                let outcome = try await sequencer.append(request)
                tell(outcome)
                return
            } catch let error as AppendError {
                count("\(error)".hasPrefix("the outcome") ? "unknown" : "failed")
                guard error != .stopped else { throw error }
            }
        }
    }

    private func tell(_ outcome: AppendOutcome) {
        switch outcome {
        case .appended(let receipts):
            count("appended")
            acknowledge(receipts)
        case .duplicate(let receipts):
            count("duplicate")
            acknowledge(receipts)
        case .refused: count("refused")
        case .conflict: count("conflict")
        case .eventIDReused: count("reused")
        case .partlyRecorded: count("partly")
        }
    }

    private func count(_ outcome: String) {
        outcomes.withLock { $0[outcome, default: 0] += 1 }
    }

    private func acknowledge(_ receipts: [AppendReceipt]) {
        let lines = receipts.map { receipt in
            "event \(receipt.eventID) \(receipt.version) \(receipt.position) "
                + (receipt.duplicate ? "duplicate\n" : "appended\n")
        }
        print(lines.joined(), terminator: "")
        fflush(nil)
    }
}

/// SplitMix64, begun from several numbers.
struct Random: RandomNumberGenerator {
    private var state: UInt64 = 0

    init(_ numbers: UInt64...) {
        for number in numbers {
            state ^= number
            state = next()
        }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
