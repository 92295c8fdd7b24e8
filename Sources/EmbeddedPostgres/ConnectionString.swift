/// How libpq reaches the cluster.
public struct ConnectionString: Sendable, Hashable, CustomStringConvertible {
    /// The folder of the server's socket.
    public let socketFolder: String

    /// The number that the socket's name ends with.
    public let port: Int

    /// The superuser, who is also the only user of a new cluster.
    public let user = Cluster.userName

    /// The database, which a new cluster holds empty.
    public let database = Cluster.databaseName

    /// A libpq URI.
    ///
    /// It names everything that a `PG…` environment variable could otherwise divert to another server.
    public var uri: String {
        "postgresql://\(user)@\(percentEncoded(socketFolder)):\(port)/\(database)"
            + "?hostaddr=&target_session_attrs=any"
    }

    /// The ``uri``, which holds no secret.
    public var description: String { uri }
}

private func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
    return encoded
}
