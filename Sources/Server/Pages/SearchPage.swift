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
        let fields = try await request.fields(of: "search")
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
        if let ids = EpisodeID.range(text) {
            named = try await request.call.reader.episodes(
                from: ids.first,
                through: ids.last,
                limit: limit
            )
        }
        if let event = EventID(text) {
            if let found = try await request.call.reader.episode(of: event) {
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
        // One alone is opened, whether or not an admission is known of it.
        let others = Set(named).subtracting(found.map(\.episodeID)).sorted()
        let all = found.map(\.episodeID) + others
        if all.count == 1, let alone = all.first {
            let path = "/ledgers/\(request.call.ledger.name)/episodes/\(alone)"
            return .other(
                Reply(
                    .redirect(to: request.address.to(path).href),
                    disclosed: "found \(alone); as of position \(basis.position)"
                )
            )
        }
        let shown = Array(found.prefix(SearchView.limit))
        let bare = Array(others.prefix(SearchView.limit - shown.count))
        let people = await request.people(shown.map(\.clientID))
        let view = SearchView(
            shown,
            withoutAdmission: bare,
            isCut: all.count > SearchView.limit,
            request.address,
            request.format,
            people,
            parked: basis.parked
        )
        let ids = (shown.map(\.episodeID) + bare).map(\.description).joined(separator: " ")
        return .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: shown.count + bare.count,
                filters: ids.isEmpty ? [] : ["found \(ids)"],
                people: people,
                compares: false
            )
        )
    }
}

extension EpisodeID {
    /// So many digits of an id find it, as titles have them.
    private static let fewestDigits = 8

    /// The first and the last id that begin as a text does, which may be all of one; nil of any other
    /// text.
    fileprivate static func range(_ text: String) -> (first: EpisodeID, last: EpisodeID)? {
        let hyphens: Set<Int> = [8, 13, 18, 23]
        var digits = ""
        for (place, character) in text.enumerated() {
            guard hyphens.contains(place) == (character == "-") else { return nil }
            if character != "-" { digits.append(character) }
        }
        // A sign is no digit.
        guard (fewestDigits...32).contains(digits.count), digits.allSatisfy(\.isHexDigit),
            let bits = UInt128(digits, radix: 16)
        else { return nil }
        let rest = 4 * (32 - digits.count)
        let first = bits << rest
        return (EpisodeID(bits: first), EpisodeID(bits: first | ((1 << rest) - 1)))
    }
}
