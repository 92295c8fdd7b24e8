import Glibc
import TransparencyLog

extension CheckpointLog {
    /// Reads the notes of a log one after the other, the oldest first, however long the file is.
    struct NoteStream {
        private let descriptor: FileDescriptor?
        private let path: String
        private var buffer: [UInt8] = []
        private var offset = 0
        private let end: Int
        private var ready: ArraySlice<SignedNote> = []

        private static let chunk = 1 << 18

        /// Opens a log.
        ///
        /// - Parameter end: where reading ends, in bytes: what is appended meanwhile is left.
        init(_ log: CheckpointLog, end: Int = .max) throws {
            path = log.path
            self.end = end
            descriptor = try log.open(O_RDONLY).map(FileDescriptor.init)
        }

        /// The next note; nil at the end of the file, where half a record counts as none.
        mutating func next() throws -> SignedNote? {
            while ready.isEmpty {
                guard let descriptor else { return nil }
                let bytes = try PrivateFile.read(
                    descriptor.rawValue,
                    path,
                    from: offset,
                    limit: min(Self.chunk, end - offset)
                )
                guard !bytes.isEmpty else { return nil }
                offset += bytes.count
                buffer += bytes
                let records = CheckpointLog.records(buffer)
                let path = path
                ready = try records.map { record in
                    try CheckpointLog(path).note(buffer[record])
                }[...]
                if let last = records.last { buffer.removeFirst(last.upperBound + 1) }
                guard buffer.count <= 4 * SignedNote.lengthLimit else {
                    throw SealError.file(path, reason: "a record in it is too long")
                }
            }
            return ready.popFirst()
        }

        /// Closes the file when nobody reads it any more.
        private final class FileDescriptor: Sendable {
            let rawValue: Int32
            init(_ rawValue: Int32) { self.rawValue = rawValue }
            deinit { close(rawValue) }
        }
    }
}
