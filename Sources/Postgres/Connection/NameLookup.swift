import Glibc

/// The addresses of a name, as the system's resolver gives them.
///
/// Blocks: for helper threads alone.
enum NameLookup {
    /// What a look-up gives.
    enum Answer: Equatable {
        /// Addresses in digits, in the order of preference, IPv4 and IPv6.
        case addresses([String])
        /// Why there is none.
        case failed(String)
    }

    static func addresses(of name: String) -> Answer {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(name, nil, &hints, &list)
        guard failure == 0 else {
            let reason = gai_strerror(failure).map { String(cString: $0) } ?? "unknown reason"
            return .failed("the name \(name) has no address: \(reason)")
        }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var next = list
        while let entry = next?.pointee {
            var digits = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let told = getnameinfo(
                entry.ai_addr,
                entry.ai_addrlen,
                &digits,
                socklen_t(digits.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            let address = String(decoding: digits.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            if told == 0, !found.contains(address) { found.append(address) }
            next = entry.ai_next
        }
        return .addresses(found)
    }
}
