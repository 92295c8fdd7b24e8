import CareEpisode
import Ledger
import Simulator
import Synchronization

/// Sessions attended in open episodes, each event a request of its own.
final class Attendance: Sendable {
    /// An open episode and what its simulated client attended.
    private struct Episode {
        let id: EpisodeID
        let sessions: [EventDraft]
    }

    private let episodes: [Episode]
    private let next = Atomic(0)

    private init(_ episodes: [Episode]) { self.episodes = episodes }

    /// Admits simulated clients, and nothing more of their episodes.
    static func admit(_ count: Int, with sequencer: Sequencer) async throws -> Attendance {
        var admissions: [(EpisodeID, EventDraft)] = []
        var sessions: [EpisodeID: [EventDraft]] = [:]
        // Some leave before their first session.
        try Simulation(episodes: count + count / 5 + 10, seed: 1).lines { line in
            var (episode, draft) = try EventParser.parseLine(line)
            // As a service says it that records what happens now.
            draft.sourceRecordedAt = nil
            switch draft.type {
            case .admitted: admissions.append((episode, draft))
            case .sessionAttended: sessions[episode, default: []].append(draft)
            default: break
            }
        }
        var episodes: [Episode] = []
        var tickets: [AppendTicket] = []
        for (episode, admission) in admissions where episodes.count < count {
            guard let sessions = sessions[episode] else { continue }
            tickets.append(try sequencer.submit(request(admission, episode)))
            episodes.append(Episode(id: episode, sessions: sessions))
        }
        for ticket in tickets { try check(await ticket.outcome()) }
        precondition(episodes.count == count, "the simulation has too few attended episodes")
        return Attendance(episodes)
    }

    /// A request that shows how large its row is.
    var sample: AppendRequest { request(0) }

    /// Appends as fast as so many clients can that each wait for their outcome.
    func run(
        clients: Int,
        for length: Duration,
        with sequencer: Sequencer
    ) async throws -> Throughput {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + length
        let microseconds = try await withThrowingTaskGroup(of: [Int].self) { group in
            for _ in 0..<clients {
                group.addTask {
                    var times: [Int] = []
                    while true {
                        let began = clock.now
                        guard began < end else { return times }
                        let number = self.next.wrappingAdd(1, ordering: .relaxed).oldValue
                        try Self.check(await sequencer.append(self.request(number)))
                        times.append(Int((began.duration(to: clock.now).seconds * 1e6).rounded()))
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        return Throughput(
            perSecond: Double(microseconds.count) / start.duration(to: clock.now).seconds,
            microseconds: microseconds
        )
    }

    /// Puts the next event in the queue.
    func submit(with sequencer: Sequencer) throws -> AppendTicket {
        try sequencer.submit(request(next.wrappingAdd(1, ordering: .relaxed).oldValue))
    }

    /// The events go round the episodes, so that no two under way at once are of the same one.
    private func request(_ number: Int) -> AppendRequest {
        let episode = episodes[number % episodes.count]
        var session = episode.sessions[number / episodes.count % episode.sessions.count]
        var random = SystemRandomNumberGenerator()
        session.eventID = .random(using: &random)
        return Self.request(session, episode.id)
    }

    private static func request(_ event: EventDraft, _ episode: EpisodeID) -> AppendRequest {
        AppendRequest(episodeID: episode, events: [event], recordedBy: "service:benchmark")
    }

    private static func check(_ outcome: AppendOutcome) throws {
        guard case .appended = outcome else { throw NotAppended(outcome: "\(outcome)") }
    }
}

/// An event of a benchmark was not appended, which makes its figures worthless.
struct NotAppended: Error, CustomStringConvertible {
    let outcome: String

    var description: String { "an event was not appended: \(outcome)" }
}
