import Foundation
import Ledger
import Testing
import TransparencyLog

@Suite("Checkpoint log")
struct CheckpointLogTests {
    private let path = NSTemporaryDirectory() + "log-" + UUID().uuidString
    private let key = NoteSigningKey(generatedFor: "example.org/clinic")

    private func note(_ size: Int64) throws -> SignedNote {
        let checkpoint = TreeCheckpoint(
            origin: "example.org/clinic",
            size: size,
            root: TreeHash.leaf([UInt8(truncatingIfNeeded: size)])
        )
        return try SignedCheckpoint(checkpoint, signedBy: [key]).note
    }

    private func with(_ body: (CheckpointLog) throws -> Void) throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(CheckpointLog(path))
    }

    @Test("What was appended is there, in order; before that there is nothing")
    func order() throws {
        try with { log in
            #expect(try log.newest() == nil)
            #expect(try log.notes() == [])
            var last: SignedNote?
            for size in 1...Int64(5) {
                let next = try note(size)
                try log.append(next, after: last)
                #expect(try log.newest() == next)
                last = next
            }
            #expect(try log.notes() == (1...5).map { try note($0) })
        }
    }

    @Test("Nobody appends but after the record that he knows")
    func fenced() throws {
        try with { log in
            try log.append(note(1), after: nil)
            #expect(throws: SealError.leaseLost) { try log.append(note(2), after: nil) }
            try log.append(note(2), after: note(1))
            #expect(throws: SealError.leaseLost) { try log.append(note(3), after: note(1)) }
            #expect(try log.notes().count == 2)
        }
    }

    @Test("A record that was half written when the process died counts as not written")
    func torn() throws {
        try with { log in
            try log.append(note(1), after: nil)
            try log.append(note(2), after: note(1))
            let whole = try Data(contentsOf: URL(filePath: path))
            let first = try note(1).description.utf8.count + 1
            for length in first..<whole.count {
                try whole.prefix(length).write(to: URL(filePath: path))
                #expect(try log.newest() == note(1), "cut at \(length)")
                #expect(try log.notes() == [note(1)])
            }
            try log.append(note(2), after: note(1))
            #expect(try Data(contentsOf: URL(filePath: path)) == whole)
        }
    }

    @Test("The newest record of a long log is found from its end, wherever the reading begins")
    func long() throws {
        try with { log in
            var bytes = Data()
            let notes = try (1...3_000).map { try note($0) }
            for note in notes { bytes += Data("\(note.description)\n".utf8) }
            try bytes.write(to: URL(filePath: path))
            #expect(try log.newest() == notes.last)
            #expect(try log.notes() == notes)
            // Each byte in front moves the place where the reading begins.
            for shift in 1...400 {
                let extra = try note(7).description.utf8.count
                let padding = Data(("x\n\n" + String(repeating: "y", count: shift) + "\n\n").utf8)
                try (padding + bytes).write(to: URL(filePath: path))
                #expect(try log.newest() == notes.last, "\(shift) of \(extra)")
            }
        }
    }

    @Test("A file that is no log is not written over")
    func notALog() throws {
        try with { log in
            try Data("text\n\n— nobody ??\n\n".utf8).write(to: URL(filePath: path))
            #expect(throws: SealError.self) { try log.append(note(1), after: nil) }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "text\n\n— nobody ??\n\n")
        }
    }
}
