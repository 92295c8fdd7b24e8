import Glibc
import Testing

/// A TCP port on which connections are accepted by the system and never answered.
struct SilentPort {
    private let listener: CInt
    let port: Int

    /// Lends such a port; 0 stands for any that is free.
    static func with<Result>(
        address digits: String = "127.0.0.1",
        port: Int = 0,
        _ body: (SilentPort) async throws -> Result
    ) async throws -> Result {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var yes: CInt = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, digits, &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        try #require(bound)
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        return try await body(
            SilentPort(listener: listener, port: Int(UInt16(bigEndian: address.sin_port)))
        )
    }

    /// Whether somebody waits for an answer.
    var isAsked: Bool {
        var descriptor = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) > 0
    }

    /// How many have connected since it was last asked.
    func newConnections() -> Int {
        var count = 0
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return count }
            close(connection)
            count += 1
        }
    }
}
