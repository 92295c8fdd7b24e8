import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// Finds episodes by a client's key or name, an episode, an event or a position.
///
/// What is sought comes in a form, never in an address, and is kept nowhere.
enum SearchPage {
    /// Fewer characters of a key find too much.
    private static let fewest = 3

    /// The page before anything is sought, where its clocks lead to: what was sought is in no address.
    static func empty(_ request: PageRequest) async throws -> PageResult {
        let query = try CensusQuery(request.call.database, ledger: request.call.ledger)
        let (_, basis) = try await query.search(nil, limit: 1)
        let view = SearchView(nil, isCut: false, request.address, request.format, People())
        return .page(FoundPage(view: view, basis: basis, rows: 0, compares: false))
    }

    static func show(_ request: PageRequest) async throws -> PageResult {
        let fields = try await FormFields(request.call.request)
        try await request.call.service.signIn.check(
            "search",
            fields,
            from: request.call.request,
            subject: request.visitor.principal.subject
        )
        let text = (fields["q"] ?? "").trimmed
        // No text in the database can hold it.
        guard !text.utf8.contains(0) else {
            throw Problem.badRequest("q", "must not hold a NUL character")
        }
        let query = try CensusQuery(request.call.database, ledger: request.call.ledger)
        let limit = SearchView.limit + 1
        var keys: [String] = []
        var named: [EpisodeID] = []
        var part: String?
        if let episode = EpisodeID(text) {
            named = [episode]
            if let event = EventID(text),
                let found = try await request.call.reader.episode(of: event)
            {
                named.append(found)
            }
        } else if text.count >= Self.fewest {
            part = text
            if let directory = request.call.service.settings.pages.directory {
                keys = await directory.search(text) ?? []
            }
        }
        // Digits are a position, and may be part of a key.
        if let number = Int64(text.replacing(",", with: "")), number > 0,
            let episode = try await request.call.reader.episode(at: Position(number))
        {
            named.append(episode)
        }
        let (found, basis) = try await query.search(
            part,
            keys: keys,
            episodes: named,
            limit: limit
        )
        // One alone is opened; and what has an entry, whether or not an admission is known of it.
        let entries = EpisodeID(text) == nil ? named : Array(named.dropFirst())
        let alone = found.count == 1 ? found[0].episodeID : found.isEmpty ? entries.first : nil
        if let alone {
            let path = "/ledgers/\(request.call.ledger.name)/episodes/\(alone)"
            return .other(
                Reply(
                    .redirect(to: request.address.to(path).href),
                    disclosed: "found \(alone); as of position \(basis.position)"
                )
            )
        }
        let shown = Array(found.prefix(SearchView.limit))
        let people = await request.people(shown.map(\.clientID))
        let view = SearchView(
            shown,
            isCut: found.count > SearchView.limit,
            request.address,
            request.format,
            people,
            parked: basis.parked
        )
        let ids = shown.map(\.episodeID.description).joined(separator: " ")
        return .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: shown.count,
                filters: ids.isEmpty ? [] : ["found \(ids)"],
                people: people,
                compares: false
            )
        )
    }
}

extension String {
    /// Without blanks around it.
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
