internal import Glibc

/// The file in the cluster's folder that the server writes its messages to.
struct ServerLog: Sendable {
    static let name = "server.log"
    private let path: String

    init(cluster: String) {
        path = "\(cluster)/\(Self.name)"
    }

    var size: Int { FileStatus(path)?.size ?? 0 }

    /// Puts a long file aside, of which one is kept.
    func rotate() {
        if size > 8 << 20 { _ = rename(path, "\(path).1") }
    }

    /// The messages since `offset` with which the server gave up; nil if there are none.
    ///
    /// Holds no health information, as the settings keep statements and values out of the log.
    func failure(since offset: Int) -> String? {
        guard let text = readSmallFile(path, from: offset) else { return nil }
        let marks = ["FATAL:  ", "PANIC:  "]
        let messages = text.split(separator: "\n").compactMap { line in
            marks.compactMap { mark in
                line.firstRange(of: mark).map { String(line[$0.upperBound...]) }
            }.first
        }
        return messages.isEmpty ? nil : messages.suffix(3).joined(separator: "; ")
    }
}
