import CareEpisode
import Ledger
import Postgres
import TestSupport
import Testing

@Suite("Times in columns")
struct InstantColumnTests {
    @Test("A timestamptz and a bigint of microseconds are the same instant, to the microsecond")
    func both() async throws {
        try await LedgerFixture.withDatabase { database in
            let times = [
                "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z",
                "2025-02-14T18:05:00.000001Z", "0001-01-01T00:00:00Z",
                "9999-12-31T23:59:59.999999Z",
            ]
            for text in times {
                let instant = try #require(Instant(rfc3339: text))
                let row = try await database.reader.query(
                    """
                    select \(text)::timestamptz as time, \(instant) as number,
                        pg_typeof(\(instant))::text as type,
                        array[null, \(text)::timestamptz] as times
                    """
                )[0]
                #expect(try row.get("time", as: Instant.self) == instant)
                #expect(try row.get("number", as: Instant.self) == instant)
                #expect(try row.get("type", as: String.self) == "bigint")
                #expect(try row.get("times", as: [Instant?].self) == [nil, instant])
            }
        }
    }

    @Test(
        "What is no instant is refused: the infinities, and what lies beyond 64 bits of microseconds",
        arguments: [
            "'infinity'::timestamptz", "'-infinity'::timestamptz",
            "'294276-12-31 23:59:59Z'::timestamptz", "'2025-01-01'::timestamp",
            "'2025-01-01'::date", "'x'::text", "null::timestamptz",
        ]
    )
    func refused(_ value: String) async throws {
        try await LedgerFixture.withDatabase { database in
            let row = try await database.reader.query("select \(raw: value) as time")[0]
            let failure = #expect(throws: PostgresError.self) {
                try row.get("time", as: Instant.self)
            }
            #expect(failure?.code == .decoding)
        }
    }
}
