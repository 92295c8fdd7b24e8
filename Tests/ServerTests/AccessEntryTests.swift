import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import TestSupport
import Testing

@testable import Server

/// What the entries of the access log say, and of which requests there are some.
@Suite("Entries of the access log")
struct AccessEntryTests {
    /// An entry, as the table has it.
    private struct Entry: Sendable {
        let subject: String
        let operation: String
        let isAllowed: Bool
        let episode: EpisodeID?
        let detail: String
        let purpose: String?
    }

    private func entries(
        _ fixture: ServiceFixture,
        _ operation: String? = nil
    ) async throws -> [Entry] {
        try await fixture.database.reader.query(
            """
            select subject, operation, allowed, episode_id, coalesce(detail, '') as detail, purpose
            from access_log
            where coalesce(operation = \(operation), true)
            order by entry
            """
        ).map { row in
            Entry(
                subject: try row.get("subject"),
                operation: try row.get("operation"),
                isAllowed: try row.get("allowed"),
                episode: try row.get("episode_id"),
                detail: try row.get("detail"),
                purpose: try row.get("purpose")
            )
        }
    }

    // MARK: - What they say

    @Test("A value is told as it was read, not as it was written")
    func printed() throws {
        let times = Parameter("diff", .times, "")
        #expect(
            times.printed("2025-01-01,2025-01-02T01:00:00+01:00").map { $0.contains("+") } == false
        )
        let read: [(Parameter.Kind, String, String?)] = [
            (.date, "2025-12-31", "2025-12-31"), (.date, "2025-13-31", nil), (.date, "Anna", nil),
            (.time, "2025-12-31T12:00:00+01:00", "2025-12-31T11:00:00.000000Z"),
            (.pastTime, "2025-12-31", "2025-12-31"), (.times, "2025-12-31", nil),
            (.integer(0...9), "7", "7"), (.integer(0...9), "+7", nil), (.integer(0...9), "10", nil),
            (.cursor, "1.7", "7"), (.cursor, "2.7", "2.7"), (.cursor, "x", nil),
            (.choice(["open"]), "open", "open"), (.choice(["open"]), "Open", nil),
            (.flag, "true", "true"), (.flag, "yes", nil),
            (.types, "session_attended,admitted", "admitted,session_attended"),
            (.types, "admitted,", nil),
            (.pattern("^[a-z]+$", accepted: ""), "anna", "<given>"),
            (.pattern("^[a-z]+$", accepted: ""), "Anna K.", nil),
            (.text, "Anna", nil), (.programHours, "anna=9", nil),
        ]
        for (kind, text, printed) in read {
            #expect(Parameter("p", kind, "").printed(text) == printed, "\(kind) \(text)")
        }
    }

    @Test("What is told is cut by bytes, and no scalar in two")
    func cut() {
        // One character of 14,001 bytes.
        let marks = "e" + String(repeating: "\u{301}", count: 7_000)
        #expect(marks.count == 1)
        #expect(marks.cut(afterBytes: 64).utf8.count == 63)
        #expect(marks.cut(afterBytes: 14_001) == marks)
        #expect("€€".cut(afterBytes: 5) == "€" && "€€".cut(afterBytes: 2).isEmpty)
        var entry = AccessDecision(
            subject: "s",
            roles: [],
            operation: "o",
            isAllowed: true,
            detail: marks,
            requestID: "r"
        )
        #expect(entry.detail.map { $0.utf8.count <= AccessDecision.detailLimit } == true)
        entry.detail = marks + marks
        #expect(entry.detail.map { $0.utf8.count <= AccessDecision.detailLimit } == true)
    }

    @Test("A purpose is a code of HL7's list, or it is other")
    func purposes() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.auditor)
            for purpose in [nil, "TREAT", "BTG", "TREATMENT", "treat", "Anna K.", ""] {
                let headers = purpose.map { ["X-Purpose-Of-Use": $0] } ?? [:]
                #expect(
                    try await fixture.get("events", token: token, headers: headers).status == 200
                )
            }
            let kept = try await entries(fixture, "listEvents").map(\.purpose)
            #expect(kept == [nil, "TREAT", "BTG", "other", "other", "other", "other"])
        }
        for purpose in SignInSession.purposes {
            #expect(PurposeOfUse.codes.contains(purpose.code), "\(purpose.code)")
        }
    }
}
