public import CareEpisode
import Postgres

/// What the messages of a ledger's webhooks are called.
///
/// A receiver drops what it has had under the same name. So no two events have one name, whatever was
/// restored in between, and one event has the same name each time.
public struct MessageNames: Sendable {
    let incarnations: Incarnations
    /// Up to here messages are called after their positions: a program of before may have sent them.
    let byPositionThrough: Position

    /// The name of an event's message within its ledger: the event's id, of a later incarnation than
    /// the first with its number in front, `2.019b…`.
    public func name(of event: RecordedEvent) -> String {
        let position = event.history.position
        guard position > byPositionThrough else { return "\(position)" }
        let incarnation = incarnations.incarnation(of: position)
        let id = event.history.eventID
        return incarnation == 1 ? "\(id)" : "\(incarnation).\(id)"
    }
}

extension WebhookRegistry {
    /// What messages are called now.
    public func names() async throws -> MessageNames {
        let rows = try await database.reader.query(
            """
            select by_position_through from message_name
            where ledger_id = \(ledger.id.rawValue)
            """
        )
        return MessageNames(
            incarnations: try await EventReader(database, ledger: ledger).incarnations(),
            byPositionThrough: Position(
                try rows.first?.get("by_position_through", as: Int64.self) ?? 0
            )
        )
    }
}
