import CareEpisode
import Postgres
import TestSupport
import Testing

@testable import Ledger

@Suite("A database that fails over")
struct FailoverTests {
    @Test("A batch whose call is never answered is sent again, and its events are recorded once")
    func unansweredCall() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            // The first call sleeps for longer than any batch is waited for; the next one does not.
            try await asSuperuser(
                database,
                """
                create sequence calls;
                create function be_slow() returns trigger language plpgsql security definer as $$
                begin
                    if nextval('public.calls') = 1 then perform pg_sleep(600); end if;
                    return null;
                end $$;
                create trigger slow before insert on event
                    for each statement execute function be_slow();
                """
            )
            let receipts = try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(receipts.count == 1)
            #expect(try await audit(database, sequencer.ledger).count == 1)
        }
    }

    @Test("A database closed to writing says so, and takes appends again once it is open")
    func closedToWriting() async throws {
        try await LedgerFixture.withSequencer { database, sequencer in
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            let name = database.configuration.database ?? ""
            try await TestCluster.shared.sql(
                "alter database \(name) set default_transaction_read_only = on"
            )
            // As after a failover: what was open is gone, and the name leads to a standby.
            try await TestCluster.shared.sql(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = '\(name)'
                """
            )
            await #expect(throws: AppendError.database(sqlState: "25006")) {
                try await sequencer.append(request(.fresh, SampleEvent.admitted()))
            }
            try await TestCluster.shared.sql(
                "alter database \(name) reset default_transaction_read_only"
            )
            // The sessions that were opened meanwhile are spent: none is lent for half an hour.
            try await sequencer.appended(request(.fresh, SampleEvent.admitted()))
            #expect(try await audit(database, sequencer.ledger).count == 2)
        }
    }

    @Test(
        "What a server says of itself means: try again later",
        arguments: [
            "25006", "25P03", "25P04", "53100", "53200", "53300", "57P01", "57P02", "57P03",
            "57P04",
            "57P05",
        ]
    )
    func transient(_ state: String) async throws {
        try await LedgerFixture.withDatabase { database in
            do {
                try await asSuperuser(
                    database,
                    "do $$ begin raise exception 'now' using errcode = '\(state)'; end $$"
                )
                Issue.record("nothing was raised")
            } catch let error as PostgresError {
                #expect(error.sqlState?.rawValue == state && error.isTransient)
                // Waiting within a call is no use where the server has closed to writing, or is full.
                #expect(error.isRefusedForNow == ["25006", "53100", "53200"].contains(state))
            }
        }
    }
}
