import Glibc

/// Which addresses are public: an allow-list, global unicast without what IANA's registries of
/// special-purpose addresses set aside (RFC 6890 and its updates, as of 2025).
enum PublicNetwork {
    /// Whether an address is one of the public internet.
    static func contains(_ address: NetworkAddress) -> Bool {
        switch address.bytes.count {
        case 4: contains(v4: address.bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: contains(v6: address.bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: false
        }
    }

    /// An IPv4 address as a number.
    private static func contains(v4 address: UInt32) -> Bool {
        // 1.0.0.0 to 223.255.255.255: below lies "this network", above multicast and reserved.
        (0x0100_0000...0xDFFF_FFFF).contains(address)
            && !specialV4.contains { address >> (32 - $0.length) == $0.prefix >> (32 - $0.length) }
    }

    private static let specialV4: [(prefix: UInt32, length: UInt32)] = [
        (0x0A00_0000, 8),  // 10.0.0.0/8, private
        (0x6440_0000, 10),  // 100.64.0.0/10, shared address space
        (0x7F00_0000, 8),  // 127.0.0.0/8, loopback
        (0xA9FE_0000, 16),  // 169.254.0.0/16, link local: cloud metadata
        (0xAC10_0000, 12),  // 172.16.0.0/12, private
        (0xC000_0000, 24),  // 192.0.0.0/24, IETF protocols
        (0xC000_0200, 24),  // 192.0.2.0/24, documentation
        (0xC01F_C400, 24),  // 192.31.196.0/24, AS112
        (0xC034_C100, 24),  // 192.52.193.0/24, AMT
        (0xC058_6300, 24),  // 192.88.99.0/24, 6to4 relays
        (0xC0A8_0000, 16),  // 192.168.0.0/16, private
        (0xC0AF_3000, 24),  // 192.175.48.0/24, AS112
        (0xC612_0000, 15),  // 198.18.0.0/15, benchmarking
        (0xC633_6400, 24),  // 198.51.100.0/24, documentation
        (0xCB00_7100, 24),  // 203.0.113.0/24, documentation
    ]

    /// An IPv6 address as a number.
    private static func contains(v6 address: UInt128) -> Bool {
        // 2000::/3 is what is given out; mapped, compatible, NAT64, local addresses lie outside.
        address >> 125 == 1
            && !specialV6.contains { address >> (128 - $0.length) == $0.prefix }
    }

    private static let specialV6: [(prefix: UInt128, length: Int)] = [
        (0x2001_0000 >> 9, 23),  // 2001::/23, IETF protocols, with Teredo and ORCHID
        (0x2001_0DB8, 32),  // 2001:db8::/32, documentation
        (0x2002, 16),  // 2002::/16, 6to4: an IPv4 address in disguise
        (0x2620_004F_8000, 48),  // 2620:4f:8000::/48, AS112
        (0x3FFF_0, 20),  // 3fff::/20, documentation
    ]
}

/// An address as names are looked up to, without a port.
struct NetworkAddress: Hashable, Sendable {
    /// 4 bytes of an IPv4 address, or 16 of an IPv6 one.
    let bytes: [UInt8]
    /// As it is written, such as `192.0.2.1`.
    let text: String

    /// Reads an address as it is usually written; nil where the text is none.
    init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            guard inet_pton(family, text, &bytes) == 1 else { continue }
            (self.bytes, self.text) = (bytes, text)
            return
        }
        return nil
    }

    /// Finds the addresses of a name; blocks.
    typealias LookUp = @Sendable (_ host: String) -> [NetworkAddress]

    /// The addresses of a name, in the operating system's order.
    ///
    /// Blocks.
    static func lookUp(_ host: String) -> [NetworkAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = AF_UNSPEC
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [NetworkAddress] = []
        var next = list
        while let entry = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let isWritten =
                getnameinfo(
                    entry.ai_addr,
                    entry.ai_addrlen,
                    &text,
                    socklen_t(text.count),
                    nil,
                    0,
                    NI_NUMERICHOST
                ) == 0
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            // An address with a zone, which no public one has, is not read.
            if isWritten, let address = NetworkAddress(String(decoding: bytes, as: UTF8.self)) {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return addresses
    }
}
