import HTTPTypes
import Hummingbird

/// The addresses of a network, such as `10.0.0.0/8` or `2001:db8::/32`.
public struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let length: Int

    /// Reads a network; an address alone is a network of one.
    ///
    /// - Returns: nil where the text is none, or has bits beyond its length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = NetworkAddress(String(parts[0])) else { return nil }
        let most = address.bytes.count * 8
        guard parts.count == 2 else {
            (bytes, length) = (address.bytes, most)
            return
        }
        guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let length = Int(parts[1]), length <= most,
            Self.prefix(of: address.bytes, length) == address.bytes
        else { return nil }
        (bytes, self.length) = (address.bytes, length)
    }

    /// Whether an address is one of the network's.
    func contains(_ address: NetworkAddress) -> Bool {
        address.bytes.count == bytes.count && Self.prefix(of: address.bytes, length) == bytes
    }

    /// The first bits of an address; the others are 0.
    private static func prefix(of bytes: [UInt8], _ length: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(max(length - index * 8, 0), 8)
            return byte & ~UInt8(truncatingIfNeeded: 0xFF >> kept)
        }
    }
}

/// The proxies in front of the service, which say who sends a request.
struct TrustedProxies: Sendable {
    let ranges: [AddressRange]

    /// The most hops that are looked at; behind so many the last one counts.
    private static let hopLimit = 32

    /// Who sends a request: the peer, or behind trusted proxies the last address of
    /// `X-Forwarded-For` that is none of them.
    ///
    /// An IPv6 address counts as its network of 64 bits: whoever has one has all of them.
    ///
    /// What whoever is not trusted has written counts for nothing, and neither does what stands before
    /// something that is no address.
    func sender(_ request: Request, peer: String) -> String {
        guard !ranges.isEmpty, var sender = Self.address(peer), isTrusted(sender) else {
            return Self.address(peer)?.place ?? peer
        }
        let hops = request.headers[values: .xForwardedFor].joined(separator: ",")
            .split(separator: ",", omittingEmptySubsequences: false)
        for hop in hops.suffix(Self.hopLimit).reversed() {
            guard let address = Self.address(String(hop)) else { break }
            sender = address
            guard isTrusted(address) else { break }
        }
        return sender.place
    }

    /// Who sends a request through a trusted proxy; nil where none is at the other end of the connection.
    func client(_ request: Request, behind peer: String) -> String? {
        guard !ranges.isEmpty, let address = Self.address(peer), isTrusted(address) else {
            return nil
        }
        return sender(request, peer: peer)
    }

    /// Who is at the other end of a connection.
    struct Peer: Sendable {
        /// As it counts: an IPv4 address, or the network of an IPv6 one.
        let place: String
        /// Whether it is a trusted proxy.
        let isProxy: Bool
        /// Whether it is this machine.
        let isThisMachine: Bool
    }

    /// Reads the address at the other end of a connection.
    func peer(_ text: String) -> Peer {
        guard let address = Self.address(text) else {
            return Peer(place: text, isProxy: false, isThisMachine: false)
        }
        return Peer(
            place: address.place,
            isProxy: isTrusted(address),
            isThisMachine: Self.thisMachine.contains { $0.contains(address) }
        )
    }

    private static let thisMachine = ["127.0.0.0/8", "::1"].compactMap { AddressRange($0) }

    private func isTrusted(_ address: NetworkAddress) -> Bool {
        ranges.contains { $0.contains(address) }
    }

    /// Reads an address, with or without a port; an IPv4 address in the form of IPv6 is one of IPv4.
    private static func address(_ text: String) -> NetworkAddress? {
        var text = text.trimmed
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || isPort(rest) else { return nil }
            text = String(text[text.index(after: text.startIndex)..<end])
            guard text.contains(":") else { return nil }
        } else if text.contains("."), let colon = text.lastIndex(of: ":"),
            text.firstIndex(of: ":") == colon
        {
            guard isPort(text[colon...]) else { return nil }
            text = String(text[..<colon])
        }
        guard let address = NetworkAddress(text) else { return nil }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        guard address.bytes.count == 16, address.bytes.starts(with: mapped) else {
            return address
        }
        return NetworkAddress(address.bytes.suffix(4).map(String.init).joined(separator: "."))
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.hasPrefix(":") && UInt16(text.dropFirst()) != nil
    }
}

extension NetworkAddress {
    /// As it counts: an IPv4 address, or the network of an IPv6 one.
    fileprivate var place: String {
        guard bytes.count == 16 else { return text }
        let groups = stride(from: 0, to: 8, by: 2).map { index in
            String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }
        return "\(groups.joined(separator: ":"))::/64"
    }
}
