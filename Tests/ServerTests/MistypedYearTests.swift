import CareEpisode
import TestSupport
import Testing

@testable import Ledger
@testable import Server

/// A ledger in which a program without that rule recorded an admission of the year 205.
@Suite("A mistyped year in an old ledger")
struct MistypedYearTests {
    /// Records an event past the check of its time.
    private func record(
        _ event: EventDraft,
        of episode: EpisodeID,
        _ fixture: ServiceFixture
    ) async throws {
        let request = AppendRequest(
            episodeID: episode,
            events: [event],
            recordedBy: "tester"
        )
        let bytes = [EventBytes(event, of: request, ledger: fixture.ledger.name)]
        let planned = PlannedAppend(
            pending: PendingAppend(ticket: AppendTicket(request, bytes: bytes)),
            base: .zero
        )
        _ = try await AppendCall([planned], ledger: fixture.ledger)
            .run(on: fixture.database.writer, limit: .seconds(60))
    }

    @Test("Every question about it is answered, and no answer is larger than any other")
    func answers() async throws {
        try await ServiceFixture.with { fixture in
            let episode = EpisodeID.fresh
            var admission = SampleEvent.admitted()
            admission.occurredAt = try #require(Instant(rfc3339: "0205-01-06T14:00:00Z"))
            try await record(admission, of: episode, fixture)
            let session = try await fixture.post(
                episode,
                [SampleEvent.session()],
                token: fixture.token(.service)
            )
            #expect(session.status == 201, "\(session.text)")
            let token = try await fixture.token(.administrator)
            for path in [
                "attendance?episode=\(episode)", "attendance", "census", "episodes/\(episode)",
                "discharge-summaries/\(episode)?interim=true",
                "medication-review?episode=\(episode)",
                "retention?from=0205-01-01&to=0214-12-31", "outcomes?from=2025-01-01&to=2025-12-31",
                "statistics?from=2025-01-01&to=2025-12-31&by=week", "sessions?episode=\(episode)",
                "episodes", "events", "episodes/\(episode)/packet",
            ] {
                let separator = path.contains("?") ? "&" : "?"
                let isModel = !path.hasPrefix("e") && !path.contains("/packet")
                let answer = try await fixture.get(
                    isModel ? "\(path)\(separator)at_least=2" : path,
                    token: token
                )
                #expect(answer.status == 200, "\(path): \(answer.text.prefix(300))")
                #expect(answer.bytes.count < 400_000, "\(path): \(answer.bytes.count)")
            }
            // It can be mended as anything else.
            let correction = SampleEvent.event(
                at: SampleEvent.admissionTime,
                .entryCorrected(
                    EntryCorrected(
                        targetEventID: admission.eventID,
                        reason: "typing error",
                        replacement: admission.data,
                        replacementOccurredAt: SampleEvent.admissionTime
                    )
                )
            )
            let mended = try await fixture.post(
                episode,
                [correction],
                token: fixture.token(.service)
            )
            #expect(mended.status == 201, "\(mended.text)")
            let told = try await fixture.get("attendance?episode=\(episode)", token: token)
            #expect(!told.text.contains("weeks_left_out") && told.text.contains("2025-W02"))
        }
    }
}
