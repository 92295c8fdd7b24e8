import Foundation
import Glibc
import TestSupport
import Testing
import TransparencyLog

@testable import Ledger

/// Files that decide whom others believe, and files that hold health information.
@Suite("Files of secrets")
struct SecretFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "secrets-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func reason(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("A key is used only from a file of this user's that nobody else may read")
    func keys() throws {
        try withFolder { folder in
            let path = "\(folder)/a.key"
            let file = SigningKeyFile(path)
            try file.add(NoteSigningKey(generatedFor: "example.org/a"))
            #expect(try file.keys().count == 1 && mode(path) == 0o600)
            for wide: mode_t in [0o640, 0o604, 0o622] {
                chmod(path, wide)
                #expect(reason { _ = try file.keys() }?.contains("chmod 600") == true)
            }
            chmod(path, 0o600)
            try #require(symlink(path, "\(folder)/link.key") == 0)
            let link = SigningKeyFile("\(folder)/link.key")
            #expect(reason { _ = try link.keys() }?.contains("it is a link") == true)
            try #require(mkfifo("\(folder)/pipe.key", 0o600) == 0)
            let pipe = SigningKeyFile("\(folder)/pipe.key")
            #expect(reason { _ = try pipe.keys() }?.contains("it is not a file") == true)
            #expect(try SigningKeyFile("\(folder)/none.key").keys().isEmpty)
        }
    }

    @Test("A file of another user's holds no key for this one, the superuser's does")
    func owners() {
        var status = stat()
        status.st_mode = S_IFREG | 0o600
        for (owner, user, isGood) in [
            (0, 0, true), (1_000, 1_000, true), (0, 1_000, true), (1_000, 0, false),
            (1_001, 1_000, false),
        ] as [(uid_t, uid_t, Bool)] {
            status.st_uid = owner
            for origin in [SecretFile.Origin.program, .given] {
                let fault = SecretFile.fault(status, origin, user: user)
                #expect((fault == nil) == isGood, "\(owner) \(user)")
                #expect(fault?.contains("another user") ?? true)
            }
        }
    }

    @Test("A file that says who may what is used only where nobody else may change it")
    func deciding() throws {
        try withFolder { folder in
            let path = "\(folder)/keys.json"
            try Data("{}".utf8).write(to: URL(filePath: path))
            for (mode, isGood) in [
                (0o600, true), (0o644, true), (0o444, true), (0o664, false), (0o646, false),
            ] as [(mode_t, Bool)] {
                chmod(path, mode)
                let reason = reason { try SecretFile.checkDeciding(path) }
                #expect((reason == nil) == isGood, "\(mode)")
                #expect(reason?.contains("chmod go-w") ?? true)
            }
            // What is not there is told by whoever reads it.
            try SecretFile.checkDeciding("\(folder)/none")
            try SecretFile.checkDeciding("/dev/null")
        }
        var status = stat()
        (status.st_mode, status.st_uid) = (S_IFREG | 0o644, 1_001)
        let fault = SecretFile.fault(status, .deciding, user: 1_000)
        #expect(fault?.contains("another user, who could change it") == true)
    }

    @Test("What an operator gives may be reached by links, and read by a group, not by everybody")
    func given() throws {
        try withFolder { folder in
            let path = "\(folder)/tls.key"
            try Data("secret".utf8).write(to: URL(filePath: path))
            try #require(symlink(path, "\(folder)/link") == 0)
            for (mode, isGood) in [
                (0o600, true), (0o640, true), (0o644, false), (0o660, false),
            ] as [(mode_t, Bool)] {
                chmod(path, mode)
                let found = reason {
                    let bytes = try SecretFile.read("\(folder)/link", from: .given, limit: 100)
                    #expect(bytes == Array("secret".utf8))
                }
                #expect((found == nil) == isGood, "\(mode): \(found ?? "")")
            }
        }
    }

    @Test("What is written under a name that can be guessed follows no link")
    func guessedNames() throws {
        try withFolder { folder in
            let victim = "\(folder)/victim"
            for isPrivate in [true, false] {
                try Data("kept".utf8).write(to: URL(filePath: victim))
                var export = ExportFolder("\(folder)/export-\(isPrivate)")
                export.isPrivate = isPrivate
                try export.write("events/000", Array("first".utf8))
                let path = "\(export.path)/events/000"
                for target in [path, "\(export.path)/checkpoint"] {
                    try #require(symlink(victim, PrivateFile.unfinished(target)) == 0)
                }
                try export.write("events/000", Array("second".utf8))
                try export.write("checkpoint", Array("third".utf8))
                #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
                #expect(try String(contentsOfFile: victim, encoding: .utf8) == "kept")
                #expect(mode(path) == (isPrivate ? 0o600 : 0o644))
                #expect(mode("\(export.path)/events") == (isPrivate ? 0o700 : 0o755))
            }
            let key = "\(folder)/b.key"
            try #require(symlink(victim, PrivateFile.unfinished(key)) == 0)
            try PrivateFile.replace(key, with: [1])
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "kept")
        }
    }
}
