public import TransparencyLog

/// The private keys with which a ledger is sealed: a file outside the database, a key a line, that
/// its owner alone can read.
public struct SigningKeyFile: Sendable {
    /// Where it is.
    public let path: String

    /// The file at a path; nothing is read or made yet.
    public init(_ path: String) {
        self.path = path
    }

    /// The keys; none where there is no file.
    ///
    /// - Throws: ``SealError/file(_:reason:)``, also where the file is another user's or a link, and
    ///   where anybody else may read it.
    public func keys() throws -> [NoteSigningKey] {
        let bytes = try SecretFile.read(path, from: .program, limit: 65_536) ?? []
        return try String(decoding: bytes, as: UTF8.self)
            .split(whereSeparator: \.isNewline)
            .map { line in
                do {
                    return try NoteSigningKey(line)
                } catch {
                    throw SealError.file(path, reason: "\(error)")
                }
            }
    }

    /// The key of an origin, which is made where there is none: another process may have made it and
    /// died before it was registered.
    func key(of origin: String) throws -> NoteSigningKey {
        try keys().first { $0.verifierKey.name.hasSameBytes(as: origin) } ?? newKey(of: origin)
    }

    /// Makes a key for an origin and adds it.
    func newKey(of origin: String) throws -> NoteSigningKey {
        let key = NoteSigningKey(generatedFor: origin)
        try add(key)
        return key
    }

    /// Adds a key, on disk before this returns.
    public func add(_ key: NoteSigningKey) throws {
        try PrivateFile.makeFolder(of: path)
        let lines = try keys().map(\.secretDescription) + [key.secretDescription]
        try PrivateFile.replace(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}
