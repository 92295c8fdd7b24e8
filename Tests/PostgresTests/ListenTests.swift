import TestSupport
import Testing

@testable import Postgres

@Suite("Notifications")
struct ListenTests {
    @Test("notifications arrive in order, and after a lost session listening goes on with a resync")
    func listens() async throws {
        try await withPool { pool in
            let heard = Shared<[String]>([])
            let listener = NotificationListener(
                configuration: pool.configuration,
                channels: ["Ledger \"1\"", "other"]
            )
            let task = Task {
                try await listener.run { event in
                    heard.change { heard in
                        switch event {
                        case .connected: heard.append("connected")
                        case .resync: heard.append("resync")
                        case .notification(let channel, let payload):
                            heard.append("\(channel)=\(payload)")
                        case .disconnected(let error):
                            if heard.last != "lost" { heard.append("lost") }
                            _ = error
                        }
                    }
                }
            }
            func expect(_ events: [String]) async throws {
                try await eventually("\(events), heard \(heard.value)") {
                    heard.value.count >= events.count
                }
                #expect(heard.value == events)
            }
            var events = ["connected"]
            try await expect(events)
            for n in 0..<100 {
                _ = try await pool.query("select pg_notify('Ledger \"1\"', \("\(n)"))")
                events.append("Ledger \"1\"=\(n)")
            }
            try await expect(events)
            _ = try await pool.query(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and query like 'listen%'
                """
            )
            events += ["lost", "resync"]
            try await expect(events)
            _ = try await pool.query("select pg_notify('other', '')")
            events.append("other=")
            try await expect(events)
            task.cancel()
            try await task.value
        }
    }

    @Test("a silent listener asks whether the server is still there, and hears on")
    func probes() async throws {
        try await withPool { pool in
            let heard = Shared(0)
            let listener = NotificationListener(
                configuration: pool.configuration,
                channels: ["c"],
                probeAfter: .milliseconds(5)
            )
            let task = Task {
                try await listener.run { event in
                    if case .notification = event { heard.change { $0 += 1 } }
                }
            }
            // A probe is an empty round trip, after which the session's state is newer.
            try await eventually("it has probed") {
                try await pool.query(
                    """
                    select from pg_stat_activity where datname = current_database()
                        and query like 'listen%' and state_change > query_start + interval '20 ms'
                    """
                ).count == 1
            }
            for _ in 0..<50 { _ = try await pool.query("select pg_notify('c', 'x')") }
            try await eventually("all heard") { heard.value == 50 }
            task.cancel()
            try await task.value
        }
    }

    @Test("LISTEN through a transaction pooler is refused")
    func pooler() async throws {
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.pooling = .transaction
            let listener = NotificationListener(configuration: configuration, channels: ["c"])
            let error = try await postgresError { try await listener.run { _ in } }
            #expect(error.code == .invalidUse)
        }
    }
}
