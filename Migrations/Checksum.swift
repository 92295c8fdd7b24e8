import Crypto

extension String {
    /// Lower-case hex SHA-256 of the text: what tells an edited file from one that has landed.
    var checksum: String {
        SHA256.hash(data: Array(utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
