import CareEpisode
import Ledger
import Pages
import ProjectionRuntime
import Projections

extension PageRequest {
    /// A list, and below its heading what differs in it between the two knowledge times of the page.
    ///
    /// - Parameters:
    ///   - view: the list.
    ///   - question: that it answers.
    ///   - more: what the question takes besides the clocks and the program.
    ///   - clients: the keys of the episodes that the list knows.
    /// - Throws: ``LateAnswer`` where the history of all episodes is not folded in time.
    func compared<View: PageView, Asked: Question>(
        _ view: View,
        _ question: Asked.Type,
        _ more: [String: [String]] = [:],
        clients: [EpisodeID: String]
    ) async throws -> ComparedView<View> where Asked.Difference == KnowledgeDifference {
        guard clocks.compared != nil else { return ComparedView(view, nil) }
        let page = address.path.split(separator: "/").last ?? ""
        let work = try await work("\(page)/compare", ["program", "compare", "from", "to"]) {
            request in
            let values = request.values(of: ["program"]).merging(more) { $1 }
            guard let found = try await request.difference(question, values) else {
                preconditionFailure("the page compares two knowledge times")
            }
            return ListDifference(difference: found)
        }
        // Who has left the list is not among its clients.
        let keys = ListComparison.clients(in: work.difference).union(clients.values).sorted()
        let comparison = ListComparison(
            work.difference,
            clients: clients,
            address,
            clocks,
            format,
            await people(keys)
        )
        return ComparedView(view, comparison)
    }
}

/// What differs in a list, kept for all who ask the same.
private struct ListDifference: PageAnswer {
    let difference: KnowledgeDifference

    var position: Position { difference.basis.position }
}
