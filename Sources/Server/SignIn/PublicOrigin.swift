import FoundationEssentials
import HTTPTypes
import Hummingbird

/// Where browsers find the service: the only origin whose forms are taken, and the only host that is
/// answered.
public struct PublicOrigin: Sendable, Hashable {
    /// `https`, or `http` on this machine alone.
    public let scheme: String
    /// The host, and its port where that is not the scheme's own.
    public let authority: String

    /// Reads `https://ledger.example.org`, without a path.
    ///
    /// - Returns: nil for anything else; `http` is for this machine alone.
    public init?(_ text: String) {
        guard let parts = text.firstRange(of: "://") else { return nil }
        scheme = text[..<parts.lowerBound].lowercased()
        var rest = text[parts.upperBound...].lowercased()
        if rest.hasSuffix("/") { rest.removeLast() }
        let allowed = rest.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["),
                UInt8(ascii: "]"):
                true
            default: false
            }
        }
        guard !rest.isEmpty, allowed else { return nil }
        authority = rest
        guard scheme == "https" || (scheme == "http" && Self.isLoopback(rest)) else { return nil }
    }

    /// Whether only this machine's own browsers find it.
    public var isThisComputer: Bool { Self.isLoopback(authority) }

    /// Whether an address to listen on is this machine's own alone.
    public static func isThisComputer(_ address: String) -> Bool {
        isLoopback(address.contains(":") ? "[\(address)]" : address)
    }

    /// Whether a host, with or without a port, is this machine.
    static func isLoopback(_ authority: String) -> Bool {
        let text = authority.lowercased()
        return ["localhost", "[::1]", "127.0.0.1"].contains { host in
            guard text.hasPrefix(host) else { return false }
            let port = text.dropFirst(host.count)
            return port.isEmpty || (port.hasPrefix(":") && UInt16(port.dropFirst()) != nil)
        }
    }

    /// As a browser's `Origin` has it.
    public var description: String { "\(scheme)://\(authority)" }
}

/// Which hosts and origins the pages answer.
struct PageOrigins: Sendable {
    /// The public one; nil for this machine alone.
    let publicOrigin: PublicOrigin?
    /// Whether the service speaks TLS itself.
    let usesTLS: Bool

    /// Whether a request is for the pages' own host.
    func isHost(of request: Request) -> Bool {
        guard let authority = request.head.authority?.lowercased() else { return false }
        return authority == publicOrigin?.authority || PublicOrigin.isLoopback(authority)
    }

    /// Whether a form comes from a page of this service: by what the browser says of it.
    func isSameOrigin(_ request: Request) -> Bool {
        if let site = request.headers[.secFetchSite] { return site == "same-origin" }
        guard let origin = request.headers[.origin] else { return false }
        let own = request.head.authority.map { "\(scheme(for: $0))://\($0)" }
        return origin == publicOrigin?.description || origin == own
    }

    private func scheme(for authority: String) -> String {
        if authority.lowercased() == publicOrigin?.authority { return publicOrigin?.scheme ?? "" }
        return usesTLS ? "https" : "http"
    }

    /// Whether the request came over https, as the browser sees it.
    func isSecure(_ request: Request) -> Bool {
        request.head.authority.map { scheme(for: $0) == "https" } ?? false
    }

    /// Whether a request is for the public host itself.
    func isPublicHost(of request: Request) -> Bool {
        request.head.authority?.lowercased() == publicOrigin?.authority
    }

    /// The name of a cookie: one of a secure origin cannot be set by another host.
    func cookieName(_ name: String, _ request: Request) -> String {
        if isSecure(request) { return "__Host-\(name)" }
        // Ports of one host share their cookies.
        let port = request.head.authority?.split(separator: ":").last.flatMap { Int($0) } ?? 80
        return "\(name)-\(port)"
    }
}
