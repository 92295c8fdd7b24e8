import CareEpisode
import Ledger
import Postgres
import Projections
import TestSupport
import Testing

@testable import Server

/// What the service answers while a newer fold's tables are being filled.
@Suite("While a read model is being rebuilt")
struct RebuildingTests {
    @Test("Lists say when to come again, an episode is answered, and the service stays ready")
    func answers() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let episode = EpisodeID.fresh
            let writer = try await fixture.token(.service)
            let appended = try await fixture.post(episode, [SampleEvent.admitted()], token: writer)
            #expect(appended.status == 201)
            let token = try await fixture.token(.clinician)
            try await fixture.fillTables(foldVersion: -1)

            let lists = [
                "census", "episodes", "discharge-summaries",
                "medication-review?program=iop-evening",
                "outcomes?from=2025-01-01&to=2025-01-02",
            ]
            for path in lists {
                let answer = try await fixture.get(path, token: token)
                #expect(answer.status == 503, "\(path): \(answer.text)")
                #expect(answer.headers["retry-after"] == "5", "nobody has begun: \(path)")
            }
            let one = "medication-review?episode=\(episode)"
            let folded = try await fixture.get(one + "&at_least=1", token: token)
            #expect(folded.status == 200, "\(folded.text)")
            #expect(folded.json.integer("position") == 1 && folded.json.integer("lag") == 0)
            #expect(
                try await fixture.get("attendance?episode=\(episode)", token: token).status == 200
            )

            try await fixture.rebuild(folded: 250, of: 1_000, seconds: 10)
            for path in lists {
                let mark = path.contains("?") ? "&" : "?"
                let answer = try await fixture.get("\(path)\(mark)at_least=1", token: token)
                #expect(answer.status == 503, "\(path): \(answer.text)")
                let detail = try #require(answer.json.string("detail"))
                #expect(detail.contains("250 of 1000 events done, by builder"), "\(detail)")
                // A quarter took ten seconds: the rest takes about thirty.
                let seconds = try #require(answer.headers["retry-after"].flatMap { Int($0) })
                #expect((30...60).contains(seconds), "\(path): \(seconds)")
            }
            #expect(try await fixture.get(one, token: token).status == 200)
            let ready = try await fixture.request("GET", "/readyz", token: nil)
            #expect(ready.status == 200, "\(ready.text)")
        }
    }

    @Test("Workers of the service rebuild by themselves, and the lists answer again")
    func byItself() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let episode = EpisodeID.fresh
            try await ServiceFixture.with(configuration, runsWorkers: false) { fixture in
                let writer = try await fixture.token(.service)
                _ = try await fixture.post(episode, [SampleEvent.admitted()], token: writer)
                try await fixture.fillTables(foldVersion: -1)
            }
            try await ServiceFixture.with(configuration) { fixture in
                let token = try await fixture.token(.clinician)
                try await eventually("the lists answer") {
                    let answer = try await fixture.get("episodes?at_least=1", token: token)
                    if answer.status == 200 {
                        #expect(answer.json.list("episodes").count == 1)
                    }
                    return answer.status == 200
                }
            }
        }
    }
}

extension ServiceFixture {
    /// The registry as a program leaves it whose folds have another version, with tables that nothing
    /// may be read from.
    fileprivate func fillTables(foldVersion: Int32) async throws {
        for name in ReadModels.names {
            _ = try await database.projector.query(
                """
                insert into read_model_state (ledger_id, name, fold_version)
                values (\(ledger.id.rawValue), \(name), \(foldVersion))
                """
            )
        }
    }

    /// As if another process were at it.
    fileprivate func rebuild(folded: Int64, of events: Int64, seconds: Int32) async throws {
        for (name, version) in ReadModels.foldVersions {
            _ = try await database.projector.query(
                """
                insert into read_model_rebuild (ledger_id, name, generation, fold_version, folded,
                    events, lease_holder, lease_until, began_at)
                values (\(ledger.id.rawValue), \(name), 2, \(Int32(version)), \(folded), \(events),
                    'builder', clock_timestamp() + interval '110 seconds',
                    clock_timestamp() - make_interval(secs => \(seconds)))
                """
            )
        }
    }
}
