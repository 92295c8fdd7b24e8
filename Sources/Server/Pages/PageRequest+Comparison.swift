import CareEpisode
import Ledger
import Markup
import Pages
import ProjectionRuntime

extension PageRequest {
    /// What differs in a list between two knowledge times, and where the entries stand that made it.
    private struct Compared: PageAnswer {
        let difference: KnowledgeDifference
        let places: [EventID: DifferencePanel.Place]

        var position: Position { difference.basis.position }
    }

    /// What differs in a list between the two knowledge times of the page; nothing where it compares
    /// none.
    ///
    /// - Parameters:
    ///   - question: what the list answers.
    ///   - page: its name.
    ///   - values: what the question takes besides.
    ///   - clients: whose the listed episodes are.
    ///   - people: names, where there are any.
    /// - Throws: ``LateAnswer`` where it is not there in time.
    func comparison<Asked: Question>(
        _ question: Asked.Type,
        _ page: String,
        _ values: [String: [String]],
        _ clients: [(EpisodeID, String)],
        _ people: People
    ) async throws -> HTML where Asked.Difference == KnowledgeDifference {
        guard clocks.compared != nil else { return .nothing }
        let compared = try await work(
            "\(page) compared",
            values
        ) { request in
            guard let difference = try await request.difference(question, values) else {
                preconditionFailure("the page compares two times")
            }
            let events = DifferencePanel.told(difference)
                .flatMap { $0.because.prefix(DifferencePanel.entryLimit) }
            return Compared(
                difference: difference,
                places: try await request.call.reader.places(of: events).mapValues {
                    DifferencePanel.Place($0.episode, $0.version)
                }
            )
        }
        return DifferencePanel(
            compared.difference,
            places: compared.places,
            clients: Dictionary(clients, uniquingKeysWith: { first, _ in first }),
            address,
            format,
            people
        ).html
    }
}
