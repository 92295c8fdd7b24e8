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

    /// Whether this machine lets a test mount a small file system.
    private static let canMount: ConditionTrait = .enabled("mount is not permitted here") {
        await runningProgram(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status
            == 0
    }

    @Test(
        "Where the disk of the tables is full appends say so, nothing is lost, and they go on after",
        canMount
    )
    func diskFull() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            let disk = "\(cluster.folder)/disk"
            @Sendable func shell(_ script: String) async throws {
                let ended = await runningProgram(["/bin/sh", "-ec", script, "sh", disk])
                try #require(ended.status == 0, "\(ended.output)")
            }
            try await shell(
                """
                mkdir "$1" && mount -t tmpfs -o size=4m,mode=700 tmpfs "$1"
                chown --reference="$(dirname "$1")" "$1"
                """
            )
            do {
                try await cluster.sql("create tablespace small location '\(disk)'")
                try await LedgerFixture.withDatabase(on: cluster) { database in
                    try await asSuperuser(database, "alter table event set tablespace small")
                    let ledger = try await database.ledger(named: .default)
                    try await Sequencer.with(database, ledger: ledger) { sequencer in
                        func append() async throws {
                            _ = try await sequencer.append(
                                request(.fresh, SampleEvent.admitted())
                            )
                        }
                        try await append()
                        try await shell("cat /dev/zero > \"$1/filler\" 2>/dev/null || true")
                        var recorded = 1
                        do {
                            while recorded < 1_000 {
                                try await append()
                                recorded += 1
                            }
                            Issue.record("the disk was never full")
                        } catch AppendError.database(sqlState: "53100") {
                            await #expect(throws: AppendError.database(sqlState: "53100")) {
                                try await append()
                            }
                        }
                        try await shell("rm \"$1/filler\"")
                        try await append()
                        let found = try await audit(database, sequencer.ledger).count
                        #expect(found == recorded + 1)
                    }
                }
            } catch {
                try? await shell("umount --lazy \"$1\"")
                throw error
            }
            try await shell("umount --lazy \"$1\"")
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
