import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

/// The workers of one ledger and process share what they read, and write no row twice.
@Suite("Workers that share what they read")
struct SharedWorkersTests {
    @Test(
        "They write, row for row, what folding everything anew says, while others append and take leases",
        arguments: [71, 72] as [UInt64]
    )
    func sameRows(seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: seed, calendar: calendar)
            let steps = (1...8).map { histories.events($0 * 9, episodes: 7) }
            let workers = try ReadModels.workers(
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await Sequencer.with(fixture.database, ledger: fixture.ledger) { sequencer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in workers {
                        group.addTask { try await worker.run(feed: sequencer.feed) }
                    }
                    for (step, events) in steps.enumerated() {
                        try await ProjectionFixture.append(events, sequencer)
                        if step == 3 || step == 6 {
                            // Somebody takes one of them, which then goes on by itself.
                            _ = try await fixture.database.projector.query(
                                """
                                update read_model_state set epoch = epoch + 1
                                where name = 'medication_review'
                                """
                            )
                        }
                    }
                    let head = sequencer.feed.head
                    try await eventually("all are at the head") {
                        try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
                            .filter { $0.position == head }.count == workers.count
                    }
                    for worker in workers { worker.stop() }
                    try await group.waitForAll()
                }
            }
            var report = VerificationReport()
            for projection in try ReadModels.all(fixture.ledger) {
                try await verify(projection, fixture, &report)
            }
            #expect(report.faults.isEmpty, "\(report.faults)")
            #expect(report.notices.isEmpty, "\(report.notices)")
        }
    }

    private func verify(
        _ projection: some EpisodeProjection,
        _ fixture: ProjectionFixture,
        _ report: inout VerificationReport
    ) async throws {
        try await ProjectionVerification(projection, fixture.database, ledger: fixture.ledger)
            .run(through: try await fixture.head(), &report)
    }
}
