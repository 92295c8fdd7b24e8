/// One place to ask for a connection, as libpq takes it.
struct Endpoint: Hashable, Sendable {
    /// A name, a folder of sockets, or nothing where there is only an address.
    var host = ""
    /// The address that the name stands for, in digits; empty for sockets.
    var address = ""
    /// Empty for PostgreSQL's own port.
    var port = ""

    /// What libpq is told, so that it asks this place and no other.
    ///
    /// The name goes along: certificates and password files are looked up by it.
    var keywords: [(keyword: String, value: String)] {
        [("host", host), ("hostaddr", address), ("port", port)].filter { !$0.1.isEmpty }
    }

    /// For people: the name, and the address where that is something else.
    var description: String {
        if host.isEmpty { return address }
        return address.isEmpty || address == host ? host : "\(host) (\(address))"
    }
}

extension Endpoint {
    /// The places that `host`, `hostaddr` and `port` list, name by name.
    ///
    /// - Returns: nil where the lists differ in length: libpq says what is wrong with them.
    static func listed(host: String, address: String, port: String) -> [Endpoint]? {
        func list(_ value: String) -> [String] {
            value.isEmpty
                ? []
                : value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let hosts = list(host)
        let addresses = list(address)
        let ports = list(port)
        let count = max(hosts.count, addresses.count, 1)
        guard hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count,
            ports.count <= 1 || ports.count == count
        else { return nil }
        return (0..<count).map { index in
            Endpoint(
                host: hosts.isEmpty ? "" : hosts[index],
                address: addresses.isEmpty ? "" : addresses[index],
                port: ports.count > 1 ? ports[index] : ports.first ?? ""
            )
        }
    }

    /// Whether the name has to be looked up: it is neither a folder of sockets nor has it an address.
    var isToBeLookedUp: Bool {
        address.isEmpty && !host.isEmpty && !host.hasPrefix("/") && !host.hasPrefix("@")
    }
}
