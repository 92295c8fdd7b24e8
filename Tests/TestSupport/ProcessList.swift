import Foundation
public import Glibc

/// The processes of this machine as `/proc` tells them: no program need be installed for that.
public struct ListedProcess: Sendable {
    /// Its number.
    public let id: pid_t
    /// Its parent's number.
    public let parent: pid_t
    /// `R` running, `S` sleeping, `T` stopped, `Z` dead and not yet waited for …
    public let state: Character
    /// The program's name, at most 15 bytes.
    public let name: String

    /// The process of a number; nil where there is none.
    public init?(_ id: pid_t) {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(id)/stat") else {
            return nil
        }
        // "1234 (name) S 1 …": the name may hold anything, parentheses and spaces too.
        let text = String(decoding: bytes, as: UTF8.self)
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 1, let state = fields[0].first, let parent = pid_t(fields[1]) else {
            return nil
        }
        self.id = id
        self.parent = parent
        self.state = state
        name = String(text[text.index(after: open)..<close])
    }

    /// The folder it works in; nil where that may not be seen.
    public var folder: String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")
    }

    /// All that there are now.
    public static var all: [ListedProcess] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0).flatMap(ListedProcess.init) }
    }
}
