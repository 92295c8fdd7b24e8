import CareEpisode
import Testing

@testable import Simulator

@Suite("Sessions")
struct AttendanceTests {
    /// What the chart says of one group session, the same for all who share it.
    struct Facts: Hashable {
        let start: Instant
        let kind: SessionKind
        let modality: SessionModality?
        let mode: ContactMode?
        let place: String?
        let topic: String?
        let groupSize: Int?
    }

    /// What is said of each session that has a group size, and by how many episodes. Of a series each
    /// start is a session. Entries that were corrected say the wrong thing and do not count.
    func groups() throws -> [[AnyHashable]: (facts: Set<Facts>, members: Set<EpisodeID>)] {
        let simulated = try SimulatedLines.shared.get()
        let mistaken = simulated.corrected
        var groups: [[AnyHashable]: (facts: Set<Facts>, members: Set<EpisodeID>)] = [:]
        for line in simulated.lines where !mistaken.contains(line.draft.eventID) {
            guard case .sessionAttended(let session) = line.draft.data, session.groupSize != nil
            else { continue }
            let facts = Facts(
                start: line.draft.occurredAt,
                kind: session.kind,
                modality: session.modality,
                mode: session.mode,
                place: session.place,
                topic: session.topic,
                groupSize: session.groupSize
            )
            let held: [AnyHashable] = [session.sessionID, line.draft.occurredAt]
            groups[held, default: ([], [])].facts.insert(facts)
            groups[held, default: ([], [])].members.insert(line.episodeID)
        }
        return groups
    }

    @Test("Simulated sessions of a group are shared by its members, who tell the same of them")
    func shared() throws {
        let groups = try groups().values
        #expect(groups.allSatisfy { $0.facts.count == 1 })
        let sizes = groups.map(\.members.count).sorted()
        #expect(sizes[sizes.count / 2] >= 4)
        #expect(try #require(sizes.last) <= 40)
    }

    @Test(
        "Simulated sessions of day groups begin before four in the afternoon, of evening groups after five"
    )
    func dayAndEvening() throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        let minutes = try groups().values.filter { $0.members.count > 1 }.compactMap(\.facts.first)
            .map { facts in
                let midnight = calendar.startOfDay(calendar.date(of: facts.start))
                return (facts.start.microseconds - midnight.microseconds) / 60_000_000
            }
        let day = minutes.count { $0 < 16 * 60 }
        let evening = minutes.count { $0 >= 17 * 60 }
        #expect(day > minutes.count / 3)
        #expect(evening > minutes.count / 6)
    }

    @Test("Simulated sessions are held in every modality")
    func modalities() throws {
        let found = Set(try groups().values.compactMap { $0.facts.first?.modality })
        #expect(found == [.cbt, .dbt, .mi, .twelveStep, .other])
    }

    @Test("Simulated sessions with the family are held mostly for adolescents, and for others too")
    func families() throws {
        var held: [Bool: (episodes: Int, sessions: Int)] = [:]
        for lines in try SimulatedLines.shared.get().byEpisode.values {
            guard case .admitted(let admission) = lines[0].draft.data else { continue }
            let isAdolescent = admission.program == Program.adolescent.name
            held[isAdolescent, default: (0, 0)].episodes += 1
            held[isAdolescent, default: (0, 0)].sessions += lines.count {
                $0.draft.type == .familySessionHeld
            }
        }
        let adolescent = try #require(held[true])
        let adult = try #require(held[false])
        #expect(adolescent.sessions > 3 * adolescent.episodes)
        #expect(adult.sessions > adult.episodes / 4)
        #expect(adult.sessions < 2 * adult.episodes)
    }

    /// Sessions that were missed, and by a no-show, and sessions of any kind.
    struct Tally {
        var missed = 0
        var noShows = 0
        var all = 0

        var missRate: Double { Double(missed) / Double(max(1, all)) }
        var noShowRate: Double { Double(noShows) / Double(max(1, all)) }
    }

    /// The sessions of the last two weeks before the end, and of the time before, of those who stayed
    /// four weeks or more and ended so.
    func tallies(teds: Int) throws -> (before: Tally, last: Tally) {
        var before = Tally()
        var last = Tally()
        for lines in try SimulatedLines.shared.get().byEpisode.values {
            guard let course = Course(lines), course.teds == teds, let end = course.endedAt,
                let days = course.days, days >= 28
            else { continue }
            for line in lines {
                let isLast = end.advanced(bySeconds: -14 * 86_400) <= line.draft.occurredAt
                var one = Tally()
                switch line.draft.data {
                case .sessionAttended:
                    one.all = 1
                case .sessionMissed(let session) where session.reason != .cancelledByProgram:
                    one.all = 1
                    one.missed = 1
                    one.noShows = session.reason == .noShow ? 1 : 0
                default: continue
                }
                if isLast { last.add(one) } else { before.add(one) }
            }
        }
        return (before, last)
    }

    @Test("Simulated sessions are missed before somebody drops out, mostly by not showing up")
    func dropOuts() throws {
        let (before, last) = try tallies(teds: DischargeReason.droppedOut.teds)
        #expect(before.all > 1000 && last.all > 500)
        #expect(before.missRate < 0.15, "\(before)")
        #expect(last.missRate > 0.35, "\(last)")
        #expect(last.noShowRate > 4 * before.noShowRate, "\(before) \(last)")
    }

    @Test("Simulated sessions are not missed more often before somebody completes")
    func completions() throws {
        let (before, last) = try tallies(teds: 1)
        #expect(before.all > 1000 && last.all > 500)
        #expect(abs(last.missRate - before.missRate) < 0.03, "\(before) \(last)")
    }
}

extension AttendanceTests.Tally {
    mutating func add(_ other: Self) {
        missed += other.missed
        noShows += other.noShows
        all += other.all
    }
}
