import Foundation
import TestSupport
import Testing
import TransparencyLog

@Suite("Signed notes")
struct SignedNoteTests {
    /// From the documentation of Go's `golang.org/x/mod/sumdb/note`.
    private static let goKey =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    private static let goVerifier =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    @Test("Keys and notes are those of Go's sumdb/note")
    func compatible() throws {
        let key = try NoteSigningKey(Self.goKey)
        #expect(key.verifierKey.description == Self.goVerifier)
        #expect(key.secretDescription == Self.goKey)
        let text =
            "If you think cryptography is the answer to your problem,\n"
            + "then you don't know what your problem is.\n"
        let note = try SignedNote(text, signedBy: [key])
        let published =
            text
            + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        #expect(note.description == published)
        let read = try SignedNote(parsing: published)
        #expect(read == note)
        #expect(try read.verified(by: [NoteVerifierKey(Self.goVerifier)]).count == 1)
    }

    @Test("A signature is verified by plain openssl")
    func openssl() async throws {
        let key = NoteSigningKey(generatedFor: "example.org/clinic")
        let checkpoint = TreeCheckpoint(
            origin: "example.org/clinic",
            size: 7,
            root: TreeHash.leaf([1, 2, 3])
        )
        let signed = try SignedCheckpoint(checkpoint, signedBy: [key])
        let folder = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(signed.note.text.utf8).write(to: URL(filePath: folder + "/text"))
        try Data(signed.note.signatures[0].bytes).write(to: URL(filePath: folder + "/signature"))
        let prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0]
        try Data(prefix + key.verifierKey.rawKey).write(to: URL(filePath: folder + "/key"))
        func verify() async -> ProgramResult {
            await runningProgram([
                "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
                folder + "/key", "-rawin", "-in", folder + "/text", "-sigfile",
                folder + "/signature",
            ])
        }
        #expect(await verify().status == 0)
        try Data((signed.note.text + " ").utf8).write(to: URL(filePath: folder + "/text"))
        #expect(await verify().status == 1)
    }

    @Test("A name is its bytes: the Kelvin sign is not the letter K, whatever Unicode says")
    func names() throws {
        let (letter, kelvin) = ("example.org/K", "example.org/\u{212A}")
        #expect(letter == kelvin)
        let root = TreeHash.leaf([1])
        let key = NoteSigningKey(generatedFor: kelvin)
        let own = TreeCheckpoint(origin: kelvin, size: 1, root: root)
        let other = TreeCheckpoint(origin: letter, size: 1, root: root)
        #expect(own != other)
        #expect(
            try SignedCheckpoint(own, signedBy: [key]).verified(by: [key.verifierKey]).count == 1
        )
        #expect(throws: NoteError.notSigned(letter)) {
            try SignedCheckpoint(other, signedBy: [key]).verified(by: [key.verifierKey])
        }
        let named = try #require(NoteVerifierKey(name: letter, rawKey: key.verifierKey.rawKey))
        #expect(named != key.verifierKey)
        // Below the same text, a signature that says it is of somebody else.
        let note = try SignedNote(other.text, signedBy: [key])
        let signature = try #require(note.description.split(separator: " ").last)
        let renamed = try SignedNote(parsing: "\(note.text)\n— \(letter) \(signature)")
        #expect(renamed != note)
        #expect(try renamed.verified(by: [key.verifierKey]) == [])
        #expect(renamed.signers(among: [key.verifierKey]) == [])
    }

    @Test("A name may begin with a mark that goes on top of what stands before it")
    func marks() throws {
        let key = NoteSigningKey(generatedFor: "\u{301}example.org/clinic")
        let note = try SignedNote("x\n", signedBy: [key])
        let read = try SignedNote(parsing: note.description)
        #expect(read == note && read.signers(among: [key.verifierKey]).count == 1)
    }

    @Test("Two keys may sign one note, and strangers' signatures do no harm")
    func several() throws {
        let (one, two) = (
            NoteSigningKey(generatedFor: "a/b"), NoteSigningKey(generatedFor: "a/b")
        )
        let stranger = NoteSigningKey(generatedFor: "witness")
        let note = try SignedNote("text\n", signedBy: [stranger, one, two])
        let read = try SignedNote(parsing: note.description)
        #expect(try read.verified(by: [two.verifierKey]) == [two.verifierKey])
        #expect(try read.verified(by: [one.verifierKey, two.verifierKey]).count == 2)
        let other = NoteSigningKey(generatedFor: "a/b")
        #expect(try read.verified(by: [other.verifierKey]).isEmpty)
    }

    @Test("A signature that names a known key and is not that key's spoils the note")
    func forged() throws {
        let key = NoteSigningKey(generatedFor: "a/b")
        let note = try SignedNote("text\n", signedBy: [key])
        let forged = SignedNote(text: "texts\n", signatures: note.signatures)
        #expect(throws: NoteError.wrongSignature(key.verifierKey.description)) {
            try forged.verified(by: [key.verifierKey])
        }
    }

    @Test("A checkpoint counts only with a signature of its own log's key")
    func notSigned() throws {
        let key = NoteSigningKey(generatedFor: "a/other")
        let checkpoint = TreeCheckpoint(origin: "a/b", size: 1, root: .ofEmptyTree)
        let signed = try SignedCheckpoint(checkpoint, signedBy: [key])
        #expect(throws: NoteError.notSigned("a/b")) {
            try signed.verified(by: [key.verifierKey])
        }
    }

    @Test(
        "What is no signed note is refused",
        arguments: [
            "", "\n", "text\n", "text\n\n", "text\n\n— a AAAAAAA=", "text\n\n- a AAAAAAA=\n",
            "text\n\n— a AAAA\n", "text\n\n— a  AAAAAAA=\n", "text\n\n— a !!!!\n",
            "text\n\n—  AAAAAAA=\n", "te\u{1}xt\n\n— a AAAAAAA=\n", "text\n\n— a AAAAAAB=\n",
            "\n\n— a AAAAAAA=\n" + String(repeating: "x", count: 70_000),
        ]
    )
    func malformed(_ text: String) {
        #expect(throws: NoteError.self) { try SignedNote(parsing: text) }
    }

    @Test(
        "What is no checkpoint is refused",
        arguments: [
            "a/b\n1\n", "a/b\n-1\nAAAA\n", "a/b\n01\n%\n", "a/b\n1\nAAAA\n", "a/b\n1.0\n%\n",
            "a/b\n99999999999999999999\n%\n", "a/b\n1\n%", "\n1\n%\n", "a/b\n1\n%\n\nx\n",
        ]
    )
    func notACheckpoint(_ text: String) {
        let root = Base64.encode(TreeHash.ofEmptyTree.bytes)
        #expect(throws: NoteError.self) {
            try TreeCheckpoint(text: text.replacingOccurrences(of: "%", with: root))
        }
    }

    @Test(
        "What is no key is refused",
        arguments: [
            "", "a", "a+b+c", "a+00000000+AZT9VOyYnXg7laGiKQPVxL2nqHCBMfzzEsEnofOPHGSY",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ]
    )
    func notAKey(_ text: String) {
        #expect(throws: NoteError.self) { try NoteVerifierKey(text) }
        #expect(throws: NoteError.self) { try NoteSigningKey("PRIVATE+KEY+" + text) }
    }
}
