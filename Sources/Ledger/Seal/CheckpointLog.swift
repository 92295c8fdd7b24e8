import Glibc
public import TransparencyLog

/// The checkpoints that were signed, in a file outside the database.
///
/// A checkpoint is on disk here before it is published. So what the database says can be held against
/// what was signed, however the database was restored or changed. The file is a sequence of signed
/// notes, each with an empty line after it; the only other notes in it declare restores.
public struct CheckpointLog: Sendable {
    /// Where it is.
    public let path: String

    /// How much of the end of the file is read to find the newest record.
    private static let tailLength = 4 * SignedNote.lengthLimit

    /// The log at a path; nothing is read or made yet.
    public init(_ path: String) {
        self.path = path
    }

    /// The newest note; nil where there is none.
    ///
    /// What a process that died left half written counts as not written.
    public func newest() throws -> SignedNote? {
        guard let descriptor = try open(O_RDONLY) else { return nil }
        defer { close(descriptor) }
        return try tail(descriptor).note
    }

    /// Every note, the oldest first.
    public func notes() throws -> [SignedNote] {
        var stream = try NoteStream(self)
        var notes: [SignedNote] = []
        while let note = try stream.next() { notes.append(note) }
        return notes
    }

    /// How long the file is, in bytes; 0 where there is none.
    func length() throws -> Int {
        guard let descriptor = try open(O_RDONLY) else { return 0 }
        defer { close(descriptor) }
        return try length(descriptor)
    }

    /// Appends a note: on disk when this returns.
    ///
    /// - Parameters:
    ///   - note: the new one.
    ///   - last: what the newest one must be: nobody else has appended meanwhile.
    /// - Throws: ``SealError/leaseLost`` where it is another one.
    public func append(_ note: SignedNote, after last: SignedNote?) throws {
        try PrivateFile.makeFolder(of: path)
        guard let descriptor = try open(O_RDWR | O_CREAT) else { throw PrivateFile.failure(path) }
        defer { close(descriptor) }
        try lock(descriptor)
        let (newest, end) = try tail(descriptor)
        guard newest == last else { throw SealError.leaseLost }
        // What a process that died left half written is overwritten, and cut off.
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw PrivateFile.failure(path) }
        try PrivateFile.write(
            Array("\(note.description)\n".utf8),
            to: descriptor,
            path,
            at: end
        )
        guard fsync(descriptor) == 0 else { throw PrivateFile.failure(path) }
        if end == 0 { PrivateFile.flushFolder(of: path) }
    }

    // MARK: - The file

    func open(_ flags: Int32) throws -> Int32? {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        if descriptor >= 0 { return descriptor }
        if errno == ENOENT { return nil }
        throw PrivateFile.failure(path)
    }

    /// Waits a while for others; the lock goes with the descriptor.
    private func lock(_ descriptor: Int32) throws {
        for _ in 0..<500 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else { break }
            usleep(10_000)
        }
        throw SealError.file(path, reason: "it is locked by another process")
    }

    private func length(_ descriptor: Int32) throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PrivateFile.failure(path) }
        return Int(status.st_size)
    }

    /// The newest whole record, and where it ends.
    private func tail(_ descriptor: Int32) throws -> (note: SignedNote?, end: Int) {
        let length = try length(descriptor)
        let start = max(0, length - Self.tailLength)
        let bytes = try PrivateFile.read(descriptor, path, from: start, limit: length - start)
        var records = Self.records(bytes)
        // Of a tail that begins in the middle of a record, the first one found may be half of one.
        if start > 0 && records.count > 1 { records.removeFirst() }
        guard let last = records.last else {
            guard start == 0 else { throw SealError.file(path, reason: "no checkpoint at its end") }
            return (nil, 0)
        }
        return (try note(bytes[last]), start + last.upperBound + 1)
    }

    func note(_ bytes: ArraySlice<UInt8>) throws -> SignedNote {
        do {
            return try SignedNote(parsing: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw SealError.file(path, reason: "a record is \(error)")
        }
    }

    /// The whole records: a block of text and a block of signatures, an empty line after each.
    ///
    /// The bytes may begin anywhere: a block of signatures is known by its first line.
    static func records(_ bytes: [UInt8]) -> [Range<Int>] {
        var records: [Range<Int>] = []
        var text: Int?
        var start = 0
        for index in bytes.indices.dropFirst()
        where bytes[index] == 0x0A && bytes[index - 1] == 0x0A && index > start {
            if bytes[start..<index].starts(with: signatureMark) {
                if let text { records.append(text..<index) }
                text = nil
            } else {
                text = start
            }
            start = index + 1
        }
        return records
    }

    private static let signatureMark = Array("— ".utf8)
}
