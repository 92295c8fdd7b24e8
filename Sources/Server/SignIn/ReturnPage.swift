import CareEpisode
import HTTPTypes

/// A page of this service that somebody is led back to after signing in: only one that there is.
struct ReturnPage: Sendable, Hashable {
    /// The longest address, in bytes.
    private static let lengthLimit = 2_048

    /// From the root, with its query.
    let address: String

    /// The first page.
    static let first = ReturnPage(known: "/")

    private init(known address: String) { self.address = address }

    /// Takes the address of a page; nil where there is no such page here.
    init?(_ address: String) {
        guard address.hasPrefix("/"), address.utf8.count <= Self.lengthLimit,
            // Neither another host nor another line, however a browser reads it.
            address.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }),
            !address.contains("#")
        else { return nil }
        let parts = address.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard Self.isPage(parts[0]) else { return nil }
        self.address = address
    }

    private static func isPage(_ path: Substring) -> Bool {
        if path == "/" || path == "/account" { return true }
        let steps = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return Endpoint.pages.contains { endpoint in
            // A stream and a file to take away are no pages to look at.
            guard endpoint.method == .get, !endpoint.path.hasSuffix("/live"),
                !endpoint.path.hasSuffix("/packet")
            else { return false }
            let route = endpoint.route.split(separator: "/")
            return route.count == steps.count
                && zip(route, steps).allSatisfy { part, step in
                    switch part {
                    case "{ledger}": LedgerName(String(step)) != nil
                    case "{episode}": EpisodeID(String(step)) != nil
                    default: part == step
                    }
                }
        }
    }
}
