import Glibc

/// A listening socket that nobody accepts from: the kernel takes connections for it, and says nothing.
public final class SilentListener: Sendable {
    private let descriptor: CInt

    /// Listens; nil where that cannot be.
    ///
    /// - Parameters:
    ///   - address: of IPv4, such as 0x7F000002 for 127.0.0.2.
    ///   - port: the port.
    public init?(address number: UInt32, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = number.bigEndian
        let isListening = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    && listen(listener, 16) == 0
            }
        }
        descriptor = listener
        guard isListening else { return nil }
    }

    deinit { close(descriptor) }
}
